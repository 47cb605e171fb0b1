import assert from "node:assert/strict";
import { test } from "node:test";

import {
  applyToSelection, countFlags, invertSelection, rowsInPolygon, selectedRows, selectShown,
} from "../../../gem_plugin/explorer/page/selection.js";
import { SELECTED, SHOWN } from "../../../gem_plugin/reports/page/point_style.js";

/** Points of a 10 by 10 grid at 0.5, 1.5 ... 9.5. */
function makeGrid() {
  const x = Float32Array.from({ length: 100 }, (_, row) => (row % 10) + 0.5);
  const y = Float32Array.from({ length: 100 }, (_, row) => Math.floor(row / 10) + 0.5);
  return { x, y, flags: new Uint8Array(100).fill(SHOWN) };
}

test("a lasso takes what is inside it, also where it is concave", () => {
  const plot = makeGrid();
  assert.equal(rowsInPolygon(plot, [[0, 0], [3, 0], [3, 2], [0, 2]]).length, 6);
  const horseshoe = [[0, 0], [10, 0], [10, 10], [7, 10], [7, 3], [3, 3], [3, 10], [0, 10]];
  const rows = rowsInPolygon(plot, horseshoe);
  assert.equal(rows.length, 100 - 4 * 7);
  assert.ok(!rows.includes(55), "the mouth of the horseshoe");
});

test("a lasso that crosses itself leaves out what is enclosed twice", () => {
  const plot = { x: [5], y: [5], flags: [SHOWN] };
  const square = [[0, 0], [10, 0], [10, 10], [0, 10]];
  assert.equal(rowsInPolygon(plot, square).length, 1);
  assert.equal(rowsInPolygon(plot, [...square, ...square]).length, 0);
});

test("hidden particles and those without a value are not taken", () => {
  const plot = makeGrid();
  plot.flags[0] = 0;
  plot.x[1] = NaN;
  assert.equal(rowsInPolygon(plot, [[0, 0], [3, 0], [3, 2], [0, 2]]).length, 4);
});

test("new, add and remove", () => {
  const plot = makeGrid();
  applyToSelection(plot, [1, 2], "new");
  applyToSelection(plot, [3], "add");
  assert.deepEqual([...selectedRows(plot)], [1, 2, 3]);
  applyToSelection(plot, [2, 7], "remove");
  assert.deepEqual([...selectedRows(plot)], [1, 3]);
  applyToSelection(plot, [9], "new");
  assert.deepEqual([...selectedRows(plot)], [9]);
});

test("what is saved is selected and shown; hiding keeps the selection", () => {
  const plot = makeGrid();
  plot.flags[4] = 0;
  selectShown(plot);
  assert.equal(selectedRows(plot).length, 99);
  plot.flags[5] &= ~SHOWN;
  assert.deepEqual(countFlags(plot), { shown: 98, selected: 99, selectedAndShown: 98 });
  invertSelection(plot);
  assert.deepEqual(plot.flags.filter((flag) => flag & SELECTED).length, 1);
});
