import assert from "node:assert/strict";
import { test } from "node:test";

import {
  colourOfFraction, colourOfGroup, cssColour, packedColour, packedColoursOf,
} from "../../../gem_plugin/reports/page/colours.js";
import { mixedColour } from "../../../gem_plugin/reports/page/points_pixels.js";

test("viridis runs from violet to yellow and stops at its ends", () => {
  assert.deepEqual(colourOfFraction(0), [68, 1, 84]);
  assert.deepEqual(colourOfFraction(1), [253, 231, 37]);
  assert.deepEqual(colourOfFraction(-5), colourOfFraction(0));
  assert.deepEqual(colourOfFraction(7), colourOfFraction(1));
});

test("sixteen groups have different colours, and no group is grey", () => {
  const colours = Array.from({ length: 17 }, (_, group) => cssColour(colourOfGroup(group)));
  assert.equal(new Set(colours).size, 17);
  assert.equal(colours[0], cssColour(colourOfGroup(-1)));
});

test("packed colours lie in memory as red, green, blue, opaque", () => {
  const bytes = new Uint8Array(Uint32Array.of(packedColour([1, 2, 3])).buffer);
  assert.deepEqual([...bytes], [1, 2, 3, 255]);
});

test("particles are coloured by group, or along the range; without a value they are grey", () => {
  const grey = packedColour(colourOfGroup(0));
  const groups = { values: Float32Array.of(0, 1, 2, -1), lowest: 0, highest: 2, isGroup: true };
  const expected = [0, 1, 2, 0].map((group) => packedColour(colourOfGroup(group)));
  assert.deepEqual([...packedColoursOf(groups)], expected);
  const numbers = { values: Float32Array.of(-1, 1, NaN), lowest: -1, highest: 1, isGroup: false };
  const ends = [0, 1].map((fraction) => packedColour(colourOfFraction(fraction)));
  assert.deepEqual([...packedColoursOf(numbers)], [...ends, grey]);
});

test("numbers that float32 rounded beyond the range have the colour of its end", () => {
  const numbers = { values: Float32Array.of(0.1), lowest: 0, highest: 0.1, isGroup: false };
  assert.ok(numbers.values[0] > numbers.highest);
  assert.equal(packedColoursOf(numbers)[0], packedColour(colourOfFraction(1)));
});

test("mixed colours lie between both, channel by channel", () => {
  const [below, above] = [packedColour([0, 100, 200]), packedColour([255, 100, 0])];
  assert.equal(mixedColour(below, above, 256), above);
  assert.equal(mixedColour(below, above, 0), below);
  assert.equal(mixedColour(below, above, 128), packedColour([127, 100, 100]));
});
