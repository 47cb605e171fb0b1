import assert from "node:assert/strict";
import { test } from "node:test";

import { sessionContent, upgradedSession } from "../../../gem_plugin/explorer/page/session_content.js";

/** As GEM 0.1.0 wrote it. */
function makeFirstVersion() {
  return {
    axes: { x: "latent_2", y: "latent_1", colour: "states_here" },
    view: { x: [-1, 1], y: [-2, 2] },
    filters: [{ column: "latent_1", range: [-0.5, 0.5] }],
    hiddenGroups: [2],
    selected: [1, 2, 50],
    anchors: [3, 30],
    path: { latents: [[0, 1], [1, 0]], rows: [3, 30] },
    pathKind: "least energy",
    place: 0.25,
    molecule: { latents: [0.5, 0.5], title: "path, 25 %", level: "55", section: "0.5", orientation: [1] },
    clicked: 7,
    grouping: { nStates: 4, linkage: "ward", region: "whole", mask: { kind: "landscape" } },
  };
}

test("what is saved is read as it was, also through JSON", () => {
  const content = sessionContent({ axes: { x: "a", y: "b", colour: "c" }, markedRow: -1, molecule: null });
  assert.deepEqual(upgradedSession(JSON.parse(JSON.stringify(content))), content);
});

test("sessions of the first version have today's words", () => {
  const old = makeFirstVersion();
  const { axes, view, filters, hiddenGroups, selected } = old;
  assert.deepEqual(upgradedSession(old), {
    version: 2,
    ...{ axes, view, filters, hiddenGroups, selected },
    markedRow: 7,
    trajectory: { waypoints: [3, 30], path: old.path, kind: "minimum energy", fraction: 0.25 },
    molecule: {
      shown: { latents: [0.5, 0.5] }, title: "trajectory, 25 %", level: "55", slice: "0.5", orientation: [1],
    },
    states: old.grouping,
  });
});

test("a particle of the first version comes back with its row", () => {
  const old = makeFirstVersion();
  old.molecule.title = "particle row 12: click any other";
  const { shown, title } = upgradedSession(old).molecule;
  assert.deepEqual([shown, title], [{ row: 12 }, "particle row 12"]);
});

test("latents of the first version are not shown as the map of a state", () => {
  const old = makeFirstVersion();
  old.molecule.title = "mean of state 2";
  assert.equal(upgradedSession(old).molecule.shown, null);
});

test("sessions of the first version without a model and without a path are read", () => {
  const { axes, view } = makeFirstVersion();
  const old = { axes, view, filters: [], hiddenGroups: [], selected: [], anchors: [], path: null };
  const content = upgradedSession({ ...old, molecule: null, clicked: -1, grouping: null });
  assert.deepEqual([content.molecule, content.states, content.trajectory.waypoints], [null, null, []]);
});

test("a session of a newer version is refused", () => {
  assert.throws(() => upgradedSession({ version: 99 }), /newer version of GEM/);
});
