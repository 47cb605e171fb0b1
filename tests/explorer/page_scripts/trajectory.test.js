import assert from "node:assert/strict";
import { test } from "node:test";

import { fractionOfStep, pointAt } from "../../../gem_plugin/explorer/page/trajectory.js";
import { frameOfStep } from "../../../gem_plugin/reports/page/animation.js";

test("points between those of a trajectory lie on straight lines", () => {
  const points = [[0, 0], [1, 10], [3, 10]];
  assert.deepEqual(pointAt(points, 0), [0, 0]);
  assert.deepEqual(pointAt(points, 0.25), [0.5, 5]);
  assert.deepEqual(pointAt(points, 0.5), [1, 10]);
  assert.deepEqual(pointAt(points, 1), [3, 10]);
});

test("it plays there and back again without a jump", () => {
  const fractions = Array.from({ length: 9 }, (_, step) => fractionOfStep(step, 4));
  assert.deepEqual(fractions, [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0]);
  assert.deepEqual([0, 1, 2, 3].map((step) => frameOfStep(step, 3)), [0, 1, 2, 1]);
});
