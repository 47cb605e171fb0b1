import assert from "node:assert/strict";
import { test } from "node:test";

import { columnFromBytes } from "../../../gem_plugin/explorer/page/notebook_scatter.js";

function bytesOf(numbers, offset = 0) {
  const buffer = new ArrayBuffer(offset + 4 * numbers.length);
  new Uint8Array(buffer, offset).set(new Uint8Array(Float32Array.from(numbers).buffer));
  return new DataView(buffer, offset);
}

test("a column has its values and their range, also where its bytes begin within a message", () => {
  for (const offset of [0, 3]) {
    const column = columnFromBytes(bytesOf([2, -1, NaN, 5], offset), "latent_1", false);
    assert.deepEqual([...column.values].slice(0, 2), [2, -1]);
    assert.deepEqual([column.lowest, column.highest], [-1, 5]);
  }
});

test("a column without any value still has a range to draw", () => {
  const column = columnFromBytes(bytesOf([NaN, NaN]), "pose_change", false);
  assert.ok(column.highest > column.lowest);
});
