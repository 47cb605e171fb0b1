// Keys: tabs, splitters, particles, ranges of filters; and where the card of the walk-through is.

import assert from "node:assert/strict";
import test from "node:test";

import { nextParticle } from "../../../gem_plugin/explorer/page/plot_keys.js";
import { rangeAfterKey } from "../../../gem_plugin/explorer/page/range_keys.js";
import { sizeAfterKey } from "../../../gem_plugin/explorer/page/splitters.js";
import { indexAfterKey } from "../../../gem_plugin/explorer/page/tabs.js";
import { positionOfCard, WALK_STEPS } from "../../../gem_plugin/explorer/page/walk_through.js";

test("arrows go round the ends of a list of tabs", () => {
  assert.equal(indexAfterKey("ArrowRight", 3, 4), 0);
  assert.equal(indexAfterKey("ArrowLeft", 0, 4), 3);
  assert.equal(indexAfterKey("End", 0, 4), 3);
  assert.equal(indexAfterKey("Home", 2, 4), 0);
  assert.equal(indexAfterKey("a", 2, 4), null);
});

test("a splitter moves with its arrow, also where its part is on the other side", () => {
  const left = { size: 300, limits: [200, 500], sign: 1 };
  assert.ok(sizeAfterKey("ArrowRight", left) > 300);
  assert.ok(sizeAfterKey("ArrowRight", { ...left, sign: -1 }) < 300);
  assert.equal(sizeAfterKey("Home", left), 200);
  assert.equal(sizeAfterKey("End", left), 500);
  assert.equal(sizeAfterKey("Enter", left), null);
});

/** Particles at pixels; those after nShown are hidden by a filter. */
function plotOf(pixels, nShown = pixels.length) {
  const flags = Uint8Array.from(pixels, (_, row) => (row < nShown ? 1 : 0));
  return { nPoints: pixels.length, flags, pixelOf: (row) => pixels[row] };
}

test("an arrow goes to the nearest shown particle in its direction", () => {
  const plot = plotOf([[0, 0], [10, 1], [30, 0], [-5, 0], [0, 8], [3, 0]], 5);
  assert.equal(nextParticle(plot, 0, [1, 0]), 1, "the particle at 3, 0 is hidden");
  assert.equal(nextParticle(plot, 0, [-1, 0]), 3);
  assert.equal(nextParticle(plot, 0, [0, 1]), 4);
  assert.equal(nextParticle(plot, 0, [0, -1]), -1);
  assert.equal(nextParticle(plot, 1, [1, 0]), 2);
});

test("a particle that lies aside more than ahead is in another direction", () => {
  assert.equal(nextParticle(plotOf([[0, 0], [5, 6]]), 0, [1, 0]), -1);
  assert.equal(nextParticle(plotOf([[0, 0], [6, 5]]), 0, [1, 0]), 1);
});

test("arrows move the upper end of a range, with Shift the lower one, and neither passes the other", () => {
  const column = { lowest: 0, highest: 50 };
  assert.deepEqual(rangeAfterKey({ key: "ArrowLeft" }, [0, 50], column), [0, 49]);
  assert.deepEqual(rangeAfterKey({ key: "ArrowRight" }, [0, 50], column), [0, 50]);
  assert.deepEqual(rangeAfterKey({ key: "ArrowRight", shiftKey: true }, [0, 50], column), [1, 50]);
  assert.deepEqual(rangeAfterKey({ key: "ArrowLeft" }, [20, 20.4], column), [20, 20]);
  assert.deepEqual(rangeAfterKey({ key: "ArrowRight", shiftKey: true }, [20, 20.4], column), [20.4, 20.4]);
  assert.deepEqual(rangeAfterKey({ key: "Home" }, [20, 30], column), [0, 50]);
  assert.equal(rangeAfterKey({ key: "x" }, [20, 30], column), null);
});

test("the card of the walk-through is inside the window, and beside its subject where there is room", () => {
  const boxOf = (left, top, width, height) => ({ left, top, right: left + width, bottom: top + height });
  const card = [340, 180];
  for (const window of [[1280, 720], [640, 360], [844, 390], [2560, 1440]])
    for (const box of [[0, 0, 100, 300], [300, 20, window[0] - 300, 300], [0, 0, ...window]]) {
      const subject = boxOf(...box);
      const [left, top] = positionOfCard(subject, card, window);
      assert.ok(left >= 0 && left + card[0] <= window[0], `${left} in ${window}`);
      assert.ok(top >= 0 && top + card[1] <= window[1], `${top} in ${window}`);
    }
  assert.ok(positionOfCard(boxOf(0, 0, 100, 300), card, [1280, 720])[0] >= 100);
});

test("the walk-through takes two minutes to read", () => {
  const words = WALK_STEPS.flatMap(({ title, text }) => `${title} ${text}`.split(" ")).length;
  assert.ok(words / 200 <= 2, `${words} words`); // 200 a minute
});
