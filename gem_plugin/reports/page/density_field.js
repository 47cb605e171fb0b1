// How densely particles lie on a plane: a Gaussian kernel estimate on a grid, its energies and its contours.
// As free_energy.py makes them: Scott's bandwidth, n^(-1/6) standard deviations along each axis, and energies
// -ln p in kT above the lowest, unknown where the kernel holds fewer than two particles.

import { SHOWN } from "./point_style.js";

export const GRID_CELLS = 200; // along each axis
export const CONTOUR_FRACTIONS = [0.9, 0.7, 0.5, 0.3, 0.1]; // of the particles, inside each contour
const MAXIMUM_SAMPLED = 20000; // values that the limits are taken from
const INNER_TAIL = 0.01; // of the values lie on each side of the inner range
const RANGES_OUTSIDE = 1.5; // in inner ranges: values further outside are outliers, not on the grid
const MARGIN_IN_BANDWIDTHS = 3;
const MINIMUM_PARTICLES = 2;

/**
 * plot: x, y and flags of the particles; those that are not shown or have no value do not count.
 * Gives limits (x, y), density (particles a cell, row by row from the lowest y), isKnown, highest and count;
 * null where fewer than ten particles count.
 */
export function densityField({ x, y, flags }, nCells = GRID_CELLS) {
  const axes = [x, y].map((values) => axisOf(values, flags));
  if (axes.some((axis) => axis === null)) return null;
  const [xAxis, yAxis] = axes;
  const counts = new Float64Array(nCells * nCells);
  const scales = axes.map(({ low, high }) => nCells / (high - low));
  let count = 0;
  for (let i = 0; i < x.length; i++) {
    if (!(flags[i] & SHOWN)) continue;
    const column = Math.floor((x[i] - xAxis.low) * scales[0]);
    const row = Math.floor((y[i] - yAxis.low) * scales[1]);
    if (!(column >= 0 && column < nCells && row >= 0 && row < nCells)) continue;
    counts[row * nCells + column]++;
    count++;
  }
  const sigmas = axes.map((axis, index) => axis.bandwidth * scales[index]); // cells
  const density = smoothed(counts, nCells, ...sigmas);
  const least = MINIMUM_PARTICLES / (2 * Math.PI * sigmas[0] * sigmas[1]);
  const isKnown = Uint8Array.from(density, (value) => (value >= least ? 1 : 0));
  const highest = density.reduce((one, other) => Math.max(one, other), 0);
  const limits = { x: [xAxis.low, xAxis.high], y: [yAxis.low, yAxis.high] };
  return { limits, nCells, density, isKnown, highest, count };
}

/** Limits and bandwidth along an axis; those of outliers are left out. */
function axisOf(values, flags) {
  const sample = [];
  const step = Math.max(1, Math.floor(values.length / MAXIMUM_SAMPLED));
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    if (!(flags[i] & SHOWN) || !Number.isFinite(values[i])) continue;
    if (n++ % step === 0) sample.push(values[i]);
  }
  if (n < 10) return null;
  const sorted = Float64Array.from(sample).sort();
  const cut = Math.floor(INNER_TAIL * sorted.length);
  const [low, high] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  const reach = RANGES_OUTSIDE * (high - low);
  const limits = extremesWithin(values, flags, low - reach, high + reach);
  const inner = sorted.filter((value) => value >= limits[0] && value <= limits[1]);
  const mean = inner.reduce((sum, value) => sum + value, 0) / inner.length;
  const variance = inner.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inner.length;
  const bandwidth = n ** (-1 / 6) * Math.sqrt(variance) || 0.05 * Math.max(Math.abs(mean), 1);
  const margin = MARGIN_IN_BANDWIDTHS * bandwidth;
  return { low: limits[0] - margin, high: limits[1] + margin, bandwidth };
}

function extremesWithin(values, flags, low, high) {
  let [lowest, highest] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (!(flags[i] & SHOWN) || !(value >= low && value <= high)) continue;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return [lowest, highest];
}

/** Gaussian smoothing along both axes; nothing lies outside. */
function smoothed(counts, nCells, sigmaX, sigmaY) {
  const along = convolved(counts, nCells, kernelOf(sigmaX), 1, nCells);
  return convolved(along, nCells, kernelOf(sigmaY), nCells, 1);
}

function kernelOf(sigma) {
  const radius = Math.ceil(4 * sigma);
  const valueAt = (_, k) => Math.exp(-0.5 * ((k - radius) / sigma) ** 2);
  const values = Array.from({ length: 2 * radius + 1 }, valueAt);
  const sum = values.reduce((one, other) => one + other, 0);
  return values.map((value) => value / sum);
}

function convolved(values, nCells, kernel, step, stepOfLines) {
  const result = new Float64Array(values.length);
  const radius = kernel.length >> 1;
  for (let line = 0; line < nCells; line++) for (let k = 0; k < nCells; k++) {
    const value = values[line * stepOfLines + k * step];
    if (!value) continue;
    const first = Math.max(0, k - radius);
    const last = Math.min(nCells - 1, k + radius);
    for (let cell = first; cell <= last; cell++)
      result[line * stepOfLines + cell * step] += value * kernel[cell - k + radius];
  }
  return result;
}

/** Energies in kT above the lowest; NaN where they are not known. */
export function energiesOf({ density, isKnown, highest }) {
  return Float64Array.from(density, (value, cell) => (isKnown[cell] ? -Math.log(value / highest) : NaN));
}

/** The densities above which given fractions of the particles lie. */
export function levelsEnclosing({ density }, fractions) {
  const sorted = Float64Array.from(density).sort().reverse();
  const total = sorted.reduce((sum, value) => sum + value, 0);
  return fractions.map((fraction) => {
    let sum = 0;
    const cell = sorted.findIndex((value) => (sum += value) >= fraction * total);
    return sorted[cell < 0 ? sorted.length - 1 : cell];
  });
}

/**
 * Lines on which values have a level (marching squares), as x0, y0, x1, y1 in data coordinates one after the
 * other. Cells beside one without a value are left out.
 */
export function contourSegments(values, { nCells, limits }, level) {
  const segments = [];
  const toData = ([low, high], cell) => low + ((cell + 0.5) / nCells) * (high - low);
  for (let row = 0; row + 1 < nCells; row++) for (let column = 0; column + 1 < nCells; column++) {
    const cell = row * nCells + column;
    const isAbove = values[cell] >= level;
    const isSame = (other) => values[other] >= level === isAbove;
    if (isSame(cell + 1) && isSame(cell + nCells) && isSame(cell + nCells + 1)) continue;
    const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([a, b]) =>
      [column + a, row + b, values[cell + b * nCells + a] - level]);
    for (const [one, other] of crossingsOf(corners))
      segments.push(toData(limits.x, one[0]), toData(limits.y, one[1]),
        toData(limits.x, other[0]), toData(limits.y, other[1]));
  }
  return segments;
}

/** Pairs of points where the level crosses the sides of a square. */
function crossingsOf(corners) {
  const sum = corners[0][2] + corners[1][2] + corners[2][2] + corners[3][2];
  if (Number.isNaN(sum)) return [];
  const points = [];
  for (let k = 0; k < 4; k++) {
    const [x0, y0, v0] = corners[k];
    const [x1, y1, v1] = corners[(k + 1) % 4];
    if (v0 >= 0 === v1 >= 0) continue;
    const fraction = v0 / (v0 - v1);
    points.push([x0 + fraction * (x1 - x0), y0 + fraction * (y1 - y0)]);
  }
  if (points.length === 2) return [points];
  if (points.length < 4) return [];
  const isJoined = sum >= 0 === corners[0][2] >= 0; // the middle is on the side of the first corner
  const [a, b, c, d] = points;
  return isJoined ? [[a, b], [c, d]] : [[a, d], [b, c]];
}
