// Colours of canvases in light and dark.

import assert from "node:assert/strict";
import test from "node:test";

import { colourOfFraction, colourOfGroup, packedColour } from "../../../gem_plugin/reports/page/colours.js";
import {
  luminanceOf, packedThemeColour, seenOnPaper, themeChannels, themeColour, withPrintColours,
} from "../../../gem_plugin/reports/page/house_theme.js";

const DARK = { "--paper": "#11171d", "--ink": "#e7ecf1" };

/** Run work() where a page has the dark style sheet. */
function inDark(work) {
  globalThis.document = { documentElement: {} };
  globalThis.getComputedStyle = () => ({ getPropertyValue: (name) => DARK[name] ?? "" });
  try {
    work();
  } finally {
    delete globalThis.document;
    delete globalThis.getComputedStyle;
  }
}

function contrast(one, other) {
  const [darker, lighter] = [one, other].map(luminanceOf).sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

test("without a page the colours are those for paper", () => {
  assert.equal(themeColour("paper"), "#ffffff");
  assert.deepEqual(themeChannels("paper"), [255, 255, 255]);
  assert.equal(packedThemeColour("paper"), 0xffffffff);
  assert.deepEqual(seenOnPaper([0, 0, 0]), [0, 0, 0]);
});

test("a page in dark gives its own, but for pictures that are saved", () => {
  inDark(() => {
    assert.equal(themeColour("ink"), "#e7ecf1");
    assert.equal(withPrintColours(() => themeColour("ink")), "#1d2733");
    assert.throws(() => withPrintColours(() => { throw new Error("as always"); }), /as always/);
    assert.equal(themeColour("ink"), "#e7ecf1", "after an error too");
  });
});

test("on dark paper every colour of groups and numbers stands out", () => {
  inDark(() => {
    const groups = Array.from({ length: 32 }, (_, index) => colourOfGroup(index));
    const numbers = Array.from({ length: 21 }, (_, index) => colourOfFraction(index / 20));
    for (const colour of [...groups, ...numbers])
      assert.ok(contrast(seenOnPaper(colour), themeChannels("paper")) >= 2.95, String(colour));
    assert.notEqual(packedColour([0, 0, 0]), 0xff000000);
    assert.equal(withPrintColours(() => packedColour([0, 0, 0])), 0xff000000);
  });
});
