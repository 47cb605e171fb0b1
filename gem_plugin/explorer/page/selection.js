// Which particles are inside a drawn outline, and how that changes the selection. plot: x, y and flags.

import { SELECTED, SHOWN } from "../../reports/page/point_style.js";

/** Rows of the shown points inside a polygon in data coordinates (even-odd rule). */
export function rowsInPolygon({ x, y, flags }, corners) {
  const xs = corners.map((corner) => corner[0]);
  const ys = corners.map((corner) => corner[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const rows = [];
  for (let i = 0; i < x.length; i++) {
    const isInBox = x[i] >= left && x[i] <= right && y[i] >= low && y[i] <= high;
    if (isInBox && flags[i] & SHOWN && isInsidePolygon(x[i], y[i], xs, ys)) rows.push(i);
  }
  return rows;
}

function isInsidePolygon(x, y, xs, ys) {
  let isInside = false;
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i++) {
    const isCrossed = ys[i] > y !== ys[j] > y;
    if (isCrossed && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) isInside = !isInside;
  }
  return isInside;
}

/** mode: new (in place of what is selected), add, remove or intersect (only what is in both stays). */
export function applyToSelection({ flags }, rows, mode) {
  const both = mode === "intersect" ? rows.filter((row) => flags[row] & SELECTED) : null;
  if (both) return applyToSelection({ flags }, both, "new");
  if (mode === "new") for (let i = 0; i < flags.length; i++) flags[i] &= ~SELECTED;
  for (const row of rows) {
    if (mode === "remove") flags[row] &= ~SELECTED;
    else flags[row] |= SELECTED;
  }
}

export function selectShown({ flags }) {
  for (let i = 0; i < flags.length; i++) {
    if (flags[i] & SHOWN) flags[i] |= SELECTED;
    else flags[i] &= ~SELECTED;
  }
}

export function invertSelection({ flags }) {
  for (let i = 0; i < flags.length; i++) flags[i] ^= SELECTED;
}

/** Selected and shown: what is saved is what is seen. */
export function selectedRows({ flags }) {
  const rows = [];
  for (let i = 0; i < flags.length; i++) if (flags[i] === (SHOWN | SELECTED)) rows.push(i);
  return Uint32Array.from(rows);
}

/** How many are shown, selected, and both. */
export function countFlags({ flags }) {
  const counts = { shown: 0, selected: 0, selectedAndShown: 0 };
  for (let i = 0; i < flags.length; i++) {
    if (flags[i] & SHOWN) counts.shown++;
    if (flags[i] & SELECTED) counts.selected++;
    if (flags[i] === (SHOWN | SELECTED)) counts.selectedAndShown++;
  }
  return counts;
}
