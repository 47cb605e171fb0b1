import assert from "node:assert/strict";
import { test } from "node:test";

import {
  contourSegments, densityField, energiesOf, levelsEnclosing,
} from "../../../gem_plugin/reports/page/density_field.js";
import { SHOWN } from "../../../gem_plugin/reports/page/point_style.js";

let seed = 1;
function uniform() {
  seed = (seed * 48271) % 2147483647;
  return seed / 2147483647;
}

function normals(n, mean = 0, deviation = 1) {
  return Float32Array.from({ length: n }, () =>
    mean + deviation * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

const shown = (n) => new Uint8Array(n).fill(SHOWN);

test("energies of normally spread particles are half the square of the distance in its width", () => {
  const n = 200000;
  const plot = { x: normals(n, 3), y: normals(n, -10, 20), flags: shown(n) };
  const field = densityField(plot);
  const energies = energiesOf(field);
  assert.ok(field.count > 0.99 * n);
  const total = field.density.reduce((sum, value) => sum + value, 0);
  assert.ok(Math.abs(total / field.count - 1) < 0.01, "smoothing keeps the particles");
  const variance = 1 + n ** (-1 / 3); // of the particles and of the kernel, in standard deviations
  for (const [dx, dy] of [[1, 0], [0, 1], [-1, -1], [1.5, 0]]) {
    const cellOf = ([low, high], value) => Math.round(((value - low) / (high - low)) * field.nCells - 0.5);
    const [column, row] = [cellOf(field.limits.x, 3 + dx), cellOf(field.limits.y, -10 + 20 * dy)];
    const expected = (dx * dx + dy * dy) / 2 / variance;
    assert.ok(Math.abs(energies[row * field.nCells + column] - expected) < 0.15, `${dx}, ${dy}`);
  }
});

test("what is hidden or has no value does not count, and outliers do not stretch the grid", () => {
  const x = normals(5000);
  const y = normals(5000);
  const flags = shown(5000);
  const plain = densityField({ x, y, flags });
  x[0] = 1e6;
  x[1] = NaN;
  flags[2] = 0;
  const field = densityField({ x, y, flags });
  assert.ok(field.limits.x[1] < plain.limits.x[1] + 1);
  assert.ok(plain.count - field.count >= 1 && plain.count - field.count <= 4);
});

test("a constant column and too few particles are no error", () => {
  const x = new Float32Array(100).fill(7);
  const field = densityField({ x, y: normals(100), flags: shown(100) });
  assert.ok(field.limits.x[0] < 7 && field.limits.x[1] > 7);
  assert.ok(field.highest > 0);
  assert.equal(densityField({ x, y: normals(100), flags: new Uint8Array(100) }), null);
  assert.equal(densityField({ x: x.fill(NaN), y: normals(100), flags: shown(100) }), null);
});

test("energies are unknown where the kernel holds fewer than two particles", () => {
  const n = 20000;
  const x = normals(n);
  x.set(normals(n / 2, 30), 0); // two groups, nothing between them
  const field = densityField({ x, y: normals(n), flags: shown(n) });
  const middle = Math.floor(field.nCells / 2);
  assert.ok(Number.isNaN(energiesOf(field)[middle * field.nCells + middle]));
  assert.ok(energiesOf(field).some((energy) => energy === 0));
});

test("a contour about a fraction of the particles holds that fraction", () => {
  const n = 100000;
  const [x, y] = [normals(n), normals(n)];
  const field = densityField({ x, y, flags: shown(n) });
  const fractions = [0.9, 0.5, 0.1];
  levelsEnclosing(field, fractions).forEach((level, index) => {
    const segments = contourSegments(field.density, field, level);
    const radii = [];
    for (let k = 0; k < segments.length; k += 2) radii.push(Math.hypot(segments[k], segments[k + 1]));
    const radius = radii.reduce((sum, one) => sum + one, 0) / radii.length;
    const inside = x.reduce((count, value, row) => count + (Math.hypot(value, y[row]) < radius), 0) / n;
    assert.ok(Math.abs(inside - fractions[index]) < 0.04, `${fractions[index]}: ${inside}`);
    if (fractions[index] > 0.3) assert.ok(Math.max(...radii) < 1.25 * Math.min(...radii), "a circle");
  });
});

test("contours cross between cells, go around saddles, and stop where values are unknown", () => {
  const field = { nCells: 2, limits: { x: [0, 2], y: [0, 2] } };
  const one = contourSegments(Float64Array.of(0, 1, 0, 1), field, 0.25);
  assert.deepEqual(one.map((value) => Number(value.toFixed(6))).sort(), [0.5, 0.75, 0.75, 1.5]);
  const saddle = contourSegments(Float64Array.of(1, 0, 0, 1), field, 0.4);
  assert.equal(saddle.length, 8);
  assert.deepEqual(contourSegments(Float64Array.of(NaN, 1, 0, 1), field, 0.5), []);
});
