"use strict";
// Which particles are inside a drawn outline, and how that changes the selection.

/** Rows of the shown points inside a polygon in data coordinates (even-odd rule). */
function rowsInPolygon(cloud, corners) {
  const xs = corners.map((corner) => corner[0]), ys = corners.map((corner) => corner[1]);
  const left = Math.min(...xs), right = Math.max(...xs), low = Math.min(...ys), high = Math.max(...ys);
  const rows = [];
  for (let i = 0; i < cloud.n; i++) {
    const x = cloud.x[i], y = cloud.y[i];
    if (!(x >= left && x <= right && y >= low && y <= high) || !(cloud.flags[i] & SHOWN)) continue;
    if (isInside(x, y, xs, ys)) rows.push(i);
  }
  return rows;
}

function isInside(x, y, xs, ys) {
  let inside = false;
  for (let i = 0, j = xs.length - 1; i < xs.length; j = i++) {
    if (ys[i] > y !== ys[j] > y && x < ((xs[j] - xs[i]) * (y - ys[i])) / (ys[j] - ys[i]) + xs[i]) inside = !inside;
  }
  return inside;
}

function applyToSelection(cloud, rows, mode) {
  const flags = cloud.flags;
  if (mode === "new") for (let i = 0; i < cloud.n; i++) flags[i] &= ~SELECTED;
  for (const row of rows) flags[row] = mode === "remove" ? flags[row] & ~SELECTED : flags[row] | SELECTED;
}

/** Selected and shown: what is saved is what is seen. */
function selectedRows(cloud) {
  let count = 0;
  for (let i = 0; i < cloud.n; i++) if (cloud.flags[i] === (SHOWN | SELECTED)) count++;
  const rows = new Uint32Array(count);
  for (let i = 0, place = 0; i < cloud.n; i++) if (cloud.flags[i] === (SHOWN | SELECTED)) rows[place++] = i;
  return rows;
}
