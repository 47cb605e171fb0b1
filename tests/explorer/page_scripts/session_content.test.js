import assert from "node:assert/strict";
import { test } from "node:test";

import {
  checkSession, outdatedParts, sessionContent, titleOfStateMap, upgradedSession,
} from "../../../gem_plugin/explorer/page/session_content.js";

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

test("a state's map of the first version comes back as the map that its title names", () => {
  const old = makeFirstVersion(); // its latents are those of a path
  const titles = {
    "mean of state 2": [{ number: 2, kind: "mean" }, "mean of state 2"],
    "spread within state 13": [{ number: 13, kind: "variability" }, "variability within state 13"],
    "state 2 minus state 1": [{ number: 2, kind: "difference", other: 1 }, "state 2 minus state 1"],
  };
  for (const [oldTitle, expected] of Object.entries(titles)) {
    old.molecule.title = oldTitle;
    const { shown, title } = upgradedSession(old).molecule;
    assert.deepEqual([shown, title], expected);
    assert.equal(titleOfStateMap(shown), title);
  }
});

test("latents of the first version are not shown under a title that names none", () => {
  const old = makeFirstVersion();
  old.molecule.title = "of another kind";
  assert.equal(upgradedSession(old).molecule.shown, null);
});

function makeSession(change = {}) {
  return {
    madeFrom: { nParticles: 300, latents: "l", sketch: "s" },
    axes: { x: "latent_1", y: "latent_2", colour: "states_here" },
    filters: [{ column: "defocus", range: [0, 1] }],
    selected: [299], markedRow: 0,
    trajectory: { waypoints: [3, 30], path: { latents: [[0, 1]], rows: [3] } },
    molecule: { shown: { latents: [0, 1] } },
    states: { nStates: 4, mask: { kind: "file", file: "a.mrc" } },
    ...change,
  };
}

function makeRun(change = {}) {
  const names = ["latent_1", "latent_2", "defocus"];
  const known = { hasColumn: (name) => names.includes(name), hasMask: () => true };
  return { nParticles: 300, columnOfStates: "states_here", ...known, ...change };
}

test("a session of this run is opened", () => {
  checkSession(makeSession(), makeRun());
  checkSession(makeSession({ madeFrom: undefined }), makeRun());
});

test("other particles, a missing column or mask are refused with what to do", () => {
  const other = makeSession({ madeFrom: { nParticles: 200 } });
  assert.throws(() => checkSession(other, makeRun()), /saved with 200 particles, the run has 300/);
  const old = { ...makeSession(), madeFrom: undefined };
  assert.throws(() => checkSession(old, makeRun({ nParticles: 299 })), /more particles, the run has 299/);
  const far = { ...old, selected: [], trajectory: { waypoints: [500], path: null } };
  assert.throws(() => checkSession(far, makeRun()), /with more particles/);
  const own = makeSession({ axes: { x: "own_ice", y: "latent_2", colour: "latent_1" } });
  assert.throws(() => checkSession(own, makeRun()), /the column own_ice, which the page does not have/);
  const two = makeSession({ look: { second: { x: "latent_1", y: "rlnMoved" } } });
  assert.throws(() => checkSession(two, makeRun()), /the column rlnMoved, which the page does not have/);
  assert.throws(() => checkSession(makeSession({ states: null }), makeRun()), /the column states_here/);
  assert.throws(() => checkSession(makeSession(), makeRun({ hasMask: () => false })), /The mask a\.mrc/);
});

test("what was decoded by another model, or averaged over another sketch, is left out", () => {
  const same = { latents: "l", sketch: "s" };
  const ofState = { molecule: { shown: { mapStates: [1], number: 1 } } };
  const ofParticle = { molecule: { shown: { row: 3 } } };
  const left = (change, now) => Object.values(outdatedParts(makeSession(change), now));
  assert.deepEqual(left({}, same), [false, false]);
  assert.deepEqual(left({}, { ...same, latents: "other" }), [true, true]);
  assert.deepEqual(left({}, { ...same, sketch: "other" }), [false, false]);
  assert.deepEqual(left(ofState, { ...same, sketch: "other" }), [false, true]);
  assert.deepEqual(left(ofState, { ...same, latents: "other" }), [true, true]);
  assert.deepEqual(left(ofParticle, { latents: "other", sketch: "other" }), [true, false]);
  assert.deepEqual(left({ madeFrom: undefined }, { latents: "other" }), [false, false]);
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
