import assert from "node:assert/strict";
import { test } from "node:test";

import { histogramOf, showOnly } from "../../../gem_plugin/explorer/page/filters.js";
import { SELECTED, SHOWN } from "../../../gem_plugin/reports/page/point_style.js";

const values = Float32Array.of(0, 1, 2, 3, NaN);

test("the histogram counts every number once, the highest in the last bin", () => {
  const counts = histogramOf({ values, lowest: 0, highest: 3 });
  assert.equal(counts.reduce((sum, count) => sum + count), 4);
  assert.equal(counts.at(-1), 1);
});

test("a histogram of equal values does not divide by zero", () => {
  assert.equal(histogramOf({ values: [2, 2], lowest: 2, highest: 2 })[0], 2);
});

test("shown is what lies in all ranges, limits included; the selection stays", () => {
  const flags = new Uint8Array(5).fill(SHOWN | SELECTED);
  const ranges = [{ values, range: [1, 3] }, { values, range: [0, 2] }];
  showOnly({ flags }, ranges, null, new Set());
  assert.deepEqual([...flags], [SELECTED, SHOWN | SELECTED, SHOWN | SELECTED, SELECTED, SELECTED]);
  showOnly({ flags }, [], null, new Set());
  assert.ok(flags.every((flag) => flag === (SHOWN | SELECTED)));
});

test("hidden groups are not shown", () => {
  const flags = new Uint8Array(5);
  showOnly({ flags }, [], Float32Array.of(1, 2, 1, 3, 2), new Set([1, 3]));
  assert.deepEqual([...flags], [0, SHOWN, 0, 0, SHOWN]);
});
