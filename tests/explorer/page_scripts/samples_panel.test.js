import assert from "node:assert/strict";
import { test } from "node:test";

import { intervalText, percentOf } from "../../../gem_plugin/explorer/page/samples_panel.js";

test("fractions of a sample are shown as percent with their interval", () => {
  assert.equal(percentOf(0.12345), "12.3 %");
  assert.equal(intervalText(0, 0.051), "90 % interval: 0.0 % to 5.1 %");
});
