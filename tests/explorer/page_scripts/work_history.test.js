import assert from "node:assert/strict";
import { test } from "node:test";

import { actionOfKey } from "../../../gem_plugin/explorer/page/undo_controls.js";
import { WorkHistory } from "../../../gem_plugin/explorer/page/work_history.js";

/** Parts in an object; restoring takes a moment, as loading a column does. */
function makeHistory(parts) {
  const sent = [];
  const history = new WorkHistory({
    capture: () => ({ ...parts }),
    restore: async (changed) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      for (const [name, value] of Object.entries(changed)) {
        if (value === undefined) delete parts[name];
        else parts[name] = value;
      }
    },
    onChange: (changed) => sent.push(changed),
  });
  history.amend();
  sent.length = 0;
  return { history, sent };
}

test("steps are undone and done again, by name", async () => {
  const parts = { axes: "a" };
  const { history } = makeHistory(parts);
  parts.axes = "b";
  history.record("x axis");
  parts.filters = [1];
  history.record("filter");
  assert.equal(history.undoName, "filter");
  assert.equal(await history.undo(), "filter");
  assert.deepEqual(parts, { axes: "b" });
  assert.equal(history.redoName, "filter");
  assert.equal(await history.undo(), "x axis");
  assert.deepEqual(parts, { axes: "a" });
  assert.equal(await history.undo(), null);
  assert.equal(await history.redo(), "x axis");
  assert.equal(await history.redo(), "filter");
  assert.equal(await history.redo(), null);
  assert.deepEqual(parts, { axes: "b", filters: [1] });
});

test("what changed nothing is no step; a new step ends redo", async () => {
  const parts = { axes: { x: "a" } };
  const { history, sent } = makeHistory(parts);
  parts.axes = { x: "a" };
  history.record("nothing");
  assert.equal(history.undoName, null);
  parts.axes = { x: "b" };
  history.record("b");
  await history.undo();
  parts.axes = { x: "c" };
  history.record("c");
  assert.equal(history.redoName, null);
  assert.deepEqual(sent.map(({ axes }) => axes.x), ["b", "a", "c"], "each change is sent, undoing too");
});

test("undoing leaves what another tab changed meanwhile", async () => {
  const parts = { axes: "a", colour: "red" };
  const { history } = makeHistory(parts);
  parts.axes = "b";
  history.record("axis");
  parts.colour = "blue"; // of the other tab
  history.state = history.capture();
  await history.undo();
  assert.deepEqual(parts, { axes: "a", colour: "blue" });
});

test("keys pressed fast undo one step each, in order", async () => {
  const parts = { n: 0 };
  const { history } = makeHistory(parts);
  for (let n = 1; n <= 5; n++) {
    parts.n = n;
    history.record(`step ${n}`);
  }
  const names = await Promise.all([history.undo(), history.undo(), history.undo(), history.redo()]);
  assert.deepEqual(names, ["step 5", "step 4", "step 3", "step 3"]);
  assert.equal(parts.n, 3);
  assert.equal(history.undoName, "step 3");
});

test("sets of particles are compared by what they are, names by their letters", () => {
  const members = new Uint8Array(3);
  const parts = { "basket.a": { name: "one", members } };
  const { history } = makeHistory(parts);
  parts["basket.a"] = { name: "one", members };
  history.record("nothing");
  assert.equal(history.undoName, null);
  parts["basket.a"] = { name: "two", members };
  history.record("rename");
  assert.equal(history.undoName, "rename");
});

test("Ctrl-Z, Ctrl-Shift-Z and Cmd on a Mac", () => {
  const none = { ctrlKey: false, metaKey: false, shiftKey: false, altKey: false };
  const key = (text, more) => actionOfKey({ key: text, ...none, ...more });
  assert.equal(key("z", { ctrlKey: true }), "undo");
  assert.equal(key("Z", { ctrlKey: true, shiftKey: true }), "redo");
  assert.equal(key("z", { metaKey: true }), "undo");
  assert.equal(key("z", { metaKey: true, shiftKey: true }), "redo");
  assert.equal(key("y", { ctrlKey: true }), "redo");
  assert.equal(key("z"), null);
  assert.equal(key("z", { ctrlKey: true, altKey: true }), null);
});
