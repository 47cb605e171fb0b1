// What is compared: a list of up to six, their colours, and one scale of variability for all.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  basketEntry, hexOf, highestStd, MAXIMUM_COMPARED, pointEntry, stateEntry, surfacesOf, withEntry,
} from "../../../gem_plugin/explorer/page/compare_entries.js";
import { bytesOfSeveral, countsOf } from "../../../gem_plugin/explorer/page/level_control.js";
import { orientationAlong, VIEWS } from "../../../gem_plugin/explorer/page/view_axes.js";
import { membersOf } from "../../../gem_plugin/explorer/page/members.js";

test("each has the colour that it has elsewhere", () => {
  assert.equal(stateEntry(2, [1, 2]).colour, "#e69f00");
  const members = membersOf([1, 2], 10);
  assert.equal(basketEntry({ name: "lid", colour: "#123456", members }).colour, "#123456");
  const path = { latents: [[0, 0], [2, 4]], rows: [5, 9] };
  const point = pointEntry(path, 0.5);
  assert.deepEqual(point.request, { of: "point", latents: [1, 2] });
  assert.equal(point.name, "path 50 %");
  assert.equal(hexOf([0, 17, 255]), "#0011ff");
});

test("the same one is exchanged, and a seventh is refused", () => {
  let entries = [];
  for (let number = 1; number <= MAXIMUM_COMPARED; number++)
    entries = withEntry(entries, stateEntry(number, []));
  entries = withEntry(entries, { ...stateEntry(2, [9]), opacity: 0.3 });
  assert.equal(entries.length, 6);
  assert.equal(entries[1].opacity, 0.3);
  assert.throws(() => withEntry(entries, stateEntry(7, [])), /6 maps are compared already; remove one/);
});

test("variability has one scale for all that are shown, and one map is grey", () => {
  const one = { ...stateEntry(1, []), mean: 1, std: 2, largestStd: 0.4, mapSigma: 1 };
  const other = { ...stateEntry(2, []), mean: 3, std: 4, largestStd: 0.1, mapSigma: 1 };
  const hidden = { ...stateEntry(3, []), mean: 5, std: 6, largestStd: 9, isShown: false };
  const single = { ...stateEntry(4, []), mean: 7, largestStd: null };
  const entries = [one, other, hidden, single];
  assert.equal(highestStd(entries), 0.4);
  const surfaces = surfacesOf(entries, true);
  assert.deepEqual(surfaces.map(({ bytes }) => bytes), [1, 3, 7]);
  assert.equal(surfaces[0].colouredBy.highest, 255);
  assert.equal(surfaces[1].colouredBy.highest, 4 * 255);
  assert.equal(surfaces[2].colouredBy, undefined);
  assert.equal(surfaces[2].tint, "#b0b7be");
  assert.equal(surfacesOf(entries, false)[0].colouredBy, undefined);
});

test("in density all maps have one level, in sigma each its own", () => {
  assert.equal(bytesOfSeveral(40, false, 2, 1), 40);
  assert.equal(bytesOfSeveral(40, true, 2, 1), 80);
  assert.equal(bytesOfSeveral(40, true, undefined, 1), 40);
});

test("the histogram counts density above zero, of a difference the distance from zero", () => {
  const counts = countsOf(Uint8Array.of(0, 0, 1, 100, 101, 255), false);
  assert.equal(counts.reduce((sum, one) => sum + one), 4);
  assert.equal(counts[50], 2);
  assert.equal(counts[99], 1, "what is above the slider is in the last bin");
  const signed = countsOf(Uint8Array.of(128, 118, 138), true);
  assert.equal(signed[10], 2);
});

test("views along the axes are rotations and keep size and position", () => {
  for (const [axis, view] of Object.entries(VIEWS)) {
    const [a, b, c, d, e, f, g, h, i] = view;
    const determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
    assert.equal(determinant, 1, axis);
    const now = [0, 3, 0, 0, 3, 0, 0, 0, 0, 0, -3, 0, 5, 6, 7, 1];
    const next = orientationAlong(axis, now);
    assert.equal(Math.hypot(...next.slice(0, 3)), 3);
    assert.deepEqual(next.slice(12), [5, 6, 7, 1]);
  }
});
