// Labels and summary of the tilt images of a particle.

import assert from "node:assert/strict";
import test from "node:test";

import { tiltLabelOf, tiltSummaryOf } from "../../../gem_plugin/explorer/page/tilt_montage.js";

test("each image says its tilt angle and dose, or the dose alone", () => {
  const tilts = { angles: [-30.0, -0.04, 12.5], doses: [12.26, 0, 3], ofParticle: 3 };
  assert.deepEqual([0, 1, 2].map((index) => tiltLabelOf(tilts, index)), [
    "−30°, 12.3 e/Å²", "0°, 0 e/Å²", "12.5°, 3 e/Å²"]);
  assert.equal(tiltLabelOf({ ...tilts, angles: null }, 2), "3 e/Å²");
});

test("the summary counts what is shown of what there is", () => {
  const some = { angles: [1, 2], doses: [1, 2], ofParticle: 41 };
  assert.match(tiltSummaryOf(7, some), /^2 of 41 tilt images of row 7 by tilt angle, low-pass filtered/);
  assert.match(tiltSummaryOf(7, { ...some, angles: null, ofParticle: 2 }), /^2 tilt images of row 7 by dose/);
  assert.match(tiltSummaryOf(7, { angles: [0], doses: [0], ofParticle: 1 }), /^1 tilt image of row 7/);
});
