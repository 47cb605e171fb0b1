// Numbers of the positions in tomograms as texts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { distanceText, percentWithError } from "../../../gem_plugin/explorer/page/positions_panel.js";

test("fractions have their errors where there are any", () => {
  assert.equal(percentWithError(0.4567, 0.0123), "45.7 ± 1.2 %");
  assert.equal(percentWithError(0.4567, null), "45.7 %");
});

test("distances are whole Angstrom, and a line where there are none", () => {
  assert.equal(distanceText(1234.5), "1,235");
  assert.equal(distanceText(null), "–");
});
