import assert from "node:assert/strict";
import { test } from "node:test";

import { pointsOfCurve } from "../../../gem_plugin/explorer/page/fsc_plot.js";
import { numbersInWords } from "../../../gem_plugin/explorer/page/reconstruction_panel.js";

test("a curve goes from the left to the right, 1 on top, and stays inside", () => {
  const points = pointsOfCurve([0, 0.1, 0.2], [1, 0.5, -0.2]);
  assert.deepEqual(points, [[0, 0], [0.5, 0.5], [1, 1]]);
});

test("the numbers say what was measured, and of how many particles", () => {
  const numbers = {
    particles: 12,
    half_1: 5,
    half_2: 7,
    resolution_in_angstroms: 9.5,
    resolution_unmasked_in_angstroms: 17.3,
    is_limited_by_pixel_size: 1,
    half_sets_given: false,
  };
  const text = numbersInWords({ name: "open", numbers, folder: "F" });
  assert.match(text, /^open: 9.5 Å at FSC 0.143 \(as fine as the pixels of the working box allow\)/);
  assert.match(text, /12 particles \(5 and 7 in the halves; half-sets dealt at random/);
});
