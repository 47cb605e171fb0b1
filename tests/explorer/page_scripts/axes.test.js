import assert from "node:assert/strict";
import { test } from "node:test";

import { tickText, ticksFor, tickValues } from "../../../gem_plugin/reports/page/axes.js";

test("ticks are round, inside the limits and evenly spaced", () => {
  assert.deepEqual(tickValues(0, 10), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(tickValues(-0.31, 0.29).map(tickText), ["-0.3", "-0.2", "-0.1", "0", "0.1", "0.2"]);
  for (const [low, high] of [[-3, 7], [1e-6, 2e-6], [12345, 67890], [-1e9, 1e9]]) {
    const values = tickValues(low, high);
    assert.ok(values.length >= 3 && values.length <= 8, `${values.length} ticks from ${low} to ${high}`);
    assert.ok(values.every((value) => value >= low && value <= high));
  }
});

test("zero is written as zero, and numbers with at most four digits", () => {
  assert.ok(tickValues(-1, 1).some((value) => Object.is(value, 0)));
  assert.equal(tickText(0.123456), "0.1235");
  assert.equal(tickText(300), "300");
});

test("a narrow axis has fewer numbers, never none", () => {
  assert.equal(ticksFor(600, 45), 6);
  assert.equal(ticksFor(140, 45), 3);
  assert.equal(ticksFor(10, 45), 1);
  assert.ok(tickValues(0, 310, 2).length <= 3);
});
