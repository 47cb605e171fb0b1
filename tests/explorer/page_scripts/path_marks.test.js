// Paths: how pieces are drawn, energy along them, and waypoints moved with keys.

import assert from "node:assert/strict";
import { test } from "node:test";

import { colourOfCount, drawPathLine, lookOfPiece } from "../../../gem_plugin/explorer/page/path_marks.js";
import { knownPieces, profileInWords } from "../../../gem_plugin/explorer/page/path_profile.js";
import { SvgContext } from "../../../gem_plugin/explorer/page/svg_context.js";
import { nearestOf, nextInDirection } from "../../../gem_plugin/explorer/page/waypoint_editing.js";

test("a piece looks as its emptier end: dashed and faded below ten particles", () => {
  const near = [50, 40, 9, 0, 100];
  assert.deepEqual(lookOfPiece(near, 0).dash, []);
  assert.equal(lookOfPiece(near, 0).opacity, 1);
  assert.equal(lookOfPiece(near, 0).colour, colourOfCount(40, 100));
  assert.ok(lookOfPiece(near, 1).dash.length > 0 && lookOfPiece(near, 1).opacity < 1);
  assert.ok(lookOfPiece(near, 3).opacity < lookOfPiece(near, 1).opacity);
  assert.notEqual(colourOfCount(0, 100), colourOfCount(100, 100));
  assert.equal(lookOfPiece(undefined, 0).opacity, 1, "of an earlier session");
});

test("the whole path becomes vectors of an SVG, text and names escaped", () => {
  const context = new SvgContext(200, 100);
  drawPathLine(context, [[1, 2], [30, 40], [50, 60]], [20, 20, 3]);
  context.fillText("a<b & c", 5, 6);
  const text = context.text();
  assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="200" height="100"/);
  assert.match(text, /d="M1 2L30 40L50 60" fill="none" stroke="#ffffff"/);
  assert.match(text, /d="M30 40L50 60" [^>]*stroke-dasharray="5 4"[^>]*opacity="0.44"/);
  assert.match(text, /a&lt;b &amp; c<\/text>/);
});

test("energy is drawn only where it is known", () => {
  assert.deepEqual(knownPieces([1, 2, null, 3, null, null, 4, 5]), [[0, 1], [3], [6, 7]]);
  assert.deepEqual(knownPieces([null, null]), []);
  const energyOfRun = { energy: [0.5, null, 2], error: [0.1, null, 0.2], columns: [] };
  assert.match(profileInWords({ near: [3, 0, 1200], energyOfRun }),
    /0 to 1,200; fewer than 10 at 2 of 3\. Free energy: 0\.50 to 2\.0 kT\./);
  assert.doesNotMatch(profileInWords({ near: [30] }), /energy/);
});

test("a waypoint is taken within reach, and keys move it to the next shown particle", () => {
  assert.equal(nearestOf([[0, 0], [10, 0]], [7, 0], 12), 1);
  assert.equal(nearestOf([[0, 0], [10, 0]], [40, 0], 12), -1);
  assert.equal(nearestOf([], [40, 0], 12), -1);
  const scatter = {
    x: [0, 1, 2, 0, 0.1], y: [0, 0, 0, 5, -3], flags: [1, 0, 1, 1, 1], nPoints: 5,
    view: { transform: () => ({ scaleX: 10, scaleY: -10 }) },
  };
  assert.equal(nextInDirection(scatter, 0, [1, 0]), 2, "1 is hidden");
  assert.equal(nextInDirection(scatter, 0, [0, -1]), 3, "up on the screen is a larger y");
  assert.equal(nextInDirection(scatter, 0, [0, 1]), 4);
  assert.equal(nextInDirection(scatter, 0, [-1, 0]), -1);
});
