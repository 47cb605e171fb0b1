import assert from "node:assert/strict";
import { test } from "node:test";

import { middlesOfGroups } from "../../../gem_plugin/reports/page/group_middles.js";
import { shortName } from "../../../gem_plugin/reports/page/group_numbers.js";
import { LARGEST_STEP, MovingSample } from "../../../gem_plugin/reports/page/moving_sample.js";
import { opacityOf, opacityOfSample, pointSizeOf } from "../../../gem_plugin/reports/page/point_style.js";
import { PixelPoints } from "../../../gem_plugin/reports/page/points_pixels.js";
import { SHOWN } from "../../../gem_plugin/reports/page/point_style.js";

globalThis.ImageData = class {
  constructor(width, height) {
    Object.assign(this, { width, height, data: new Uint8ClampedArray(4 * width * height) });
  }
};

/** A painter on a picture of 40 x 40 pixels, of which data are pixels. */
function painterOf({ x, y, shape = null, colour = 0xff000000 }) {
  const painter = new PixelPoints({ getContext: () => ({ putImageData: () => {} }) });
  painter.upload("x", Float32Array.from(x));
  painter.upload("y", Float32Array.from(y));
  painter.upload("flags", new Uint8Array(x.length).fill(SHOWN));
  painter.upload("colour", new Uint8Array(new Uint32Array(x.length).fill(colour).buffer));
  painter.upload("shape", shape && Uint8Array.from(shape));
  return painter;
}

const FRAME = {
  width: 40, height: 40, left: 0, right: 40, top: 0, bottom: 40, scaleX: 1, scaleY: 1, shiftX: 0, shiftY: 0,
};
const LOOK = { size: 9, opacity: 1, step: 1, hasSelection: false, background: null };

function darkness(painter, n, look) {
  painter.draw(FRAME, n, { ...LOOK, ...look });
  return painter.pixels.reduce((sum, pixel) => sum + (255 - (pixel & 0xff)), 0) / 255;
}

test("more points are smaller and fainter, and never too faint to be seen alone", () => {
  const numbers = [100, 10000, 100000, 300000, 1000000, 1e8];
  const opacities = numbers.map(opacityOf);
  opacities.slice(1).forEach((one, index) => assert.ok(one <= opacities[index]));
  assert.equal(opacities[0], 1);
  assert.ok(opacities[3] < 0.2 && opacities.at(-1) >= 0.1);
  assert.ok(pointSizeOf(1000000) < pointSizeOf(1000));
});

test("points on top of each other are darker than one alone, up to opaque", () => {
  const alone = darkness(painterOf({ x: [20], y: [20] }), 1, { opacity: 0.25 });
  const two = darkness(painterOf({ x: [20, 20], y: [20, 20] }), 2, { opacity: 0.25 });
  const full = darkness(painterOf({ x: [20], y: [20] }), 1, {});
  assert.ok(Math.abs(alone / full - 0.25) < 0.02);
  assert.ok(Math.abs(two / full - (1 - 0.75 ** 2)) < 0.02);
});

test("a sample of the points is about as dark as all of them", () => {
  const x = Array.from({ length: 400 }, (_, k) => 5 + (k % 30));
  const y = Array.from({ length: 400 }, (_, k) => 5 + Math.floor(k / 14));
  const painter = painterOf({ x, y });
  const all = darkness(painter, 400, { size: 1, opacity: 0.2 });
  const sample = darkness(painter, 400, { size: 1, step: 4, opacity: opacityOfSample(0.2, 4) });
  assert.ok(Math.abs(sample / all - 1) < 0.15, `${sample} ${all}`);
});

test("shapes have other pixels than circles; where points are small all are alike", () => {
  const pixelsOf = (shape, look) => {
    const painter = painterOf({ x: [20], y: [20], shape: [shape] });
    darkness(painter, 1, look);
    return painter.pixels.join();
  };
  const pictures = Array.from({ length: 16 }, (_, shape) => pixelsOf(shape, { size: 12 }));
  assert.equal(new Set(pictures).size, 16);
  assert.equal(new Set(Array.from({ length: 16 }, (_, shape) => pixelsOf(shape, { size: 2 }))).size, 1);
});

test("what lies under the points is under them", () => {
  const picture = new Uint8ClampedArray(4 * 40 * 40).fill(255);
  picture.set([10, 20, 30, 255], 0);
  const getContext = () => ({ getImageData: () => ({ data: picture }) });
  const canvas = { width: 40, height: 40, getContext };
  const painter = painterOf({ x: [20], y: [20] });
  painter.draw(FRAME, 1, { ...LOOK, background: { canvas, frame: FRAME, isExact: true } });
  const packed = (0xff000000 | (30 << 16) | (20 << 8) | 10) >>> 0;
  assert.equal(painter.pixels[0], packed);
  assert.equal(painter.pixels[20 * 40 + 20], 0xff000000);
  const moved = { ...FRAME, scaleX: 2, scaleY: 2, shiftX: 6, shiftY: 10 }; // its first pixel is four now
  painter.draw(moved, 1, { ...LOOK, background: { canvas, frame: FRAME, isExact: false } });
  const found = [[6, 10], [7, 11], [8, 10], [5, 10]].map(([x, y]) => painter.pixels[y * 40 + x]);
  assert.deepEqual(found, [packed, packed, 0xffffffff, 0xffffffff]);
});

test("a point without a value is not drawn", () => {
  assert.equal(darkness(painterOf({ x: [NaN], y: [20] }), 1, {}), 0);
});

test("a motion that is too slow draws fewer points until it follows, and begins so the next time", () => {
  const sample = new MovingSample();
  const move = (costOfAll, frames) => {
    for (let k = 0; k < frames; k++) sample.judge(Math.max(8, costOfAll / sample.step));
  };
  move(100, 20);
  assert.equal(sample.step, 4);
  move(100, 50);
  assert.equal(sample.step, 4, "it does not go to and fro");
  sample.rest();
  assert.equal(sample.step, 4);
  move(10, 20);
  assert.equal(sample.step, 1, "quick again: all points");
  move(1e6, 200);
  assert.equal(sample.step, LARGEST_STEP);
});

test("the number of a group stands at a particle of it, also among many and without values", () => {
  const n = 30000;
  const columnOf = (valueOf) =>
    ({ values: Float32Array.from({ length: n }, (_, k) => valueOf(k)), lowest: 0, highest: 1 });
  const groups = columnOf((k) => k % 3);
  const x = columnOf((k) => (k % 7 === 0 ? NaN : k % 3 + (k % 100) / 1000));
  const middles = middlesOfGroups(x, columnOf(() => 0.5), groups);
  assert.deepEqual(middles.map(([group]) => group), [0, 1, 2]);
  for (const [group, row] of middles) {
    assert.equal(groups.values[row], group);
    assert.ok(Math.abs(x.values[row] - group - 0.05) < 0.01);
  }
  assert.deepEqual(middlesOfGroups(columnOf(() => NaN), columnOf(() => 0), groups), []);
  assert.equal(shortName("a name that is far too long for a plot").length, 18);
});
