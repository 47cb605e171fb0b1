// Views along the axes of a map, as NGL takes them.

/** By the axis that points to the reader: right, up and towards the reader, each as x, y, z. */
export const VIEWS = {
  x: [0, 1, 0, 0, 0, 1, 1, 0, 0],
  y: [-1, 0, 0, 0, 0, 1, 0, 1, 0],
  z: [1, 0, 0, 0, 1, 0, 0, 0, 1],
};

/** Sixteen numbers of NGL, by columns, for a view whose rows are right, up and towards the reader. */
export function orientationOf(view, scale, position) {
  const rows = [0, 1, 2].map((row) => view.slice(3 * row, 3 * row + 3));
  const [left, up, away] = [rows[0].map((one) => -one), rows[1], rows[2].map((one) => -one)];
  const columns = [0, 1, 2].flatMap((axis) => [left[axis] * scale, up[axis] * scale, away[axis] * scale, 0]);
  return [...columns, ...position, 1];
}

/** The same size and position as an orientation has, seen along an axis. */
export function orientationAlong(axis, now) {
  return orientationOf(VIEWS[axis], Math.hypot(now[0], now[1], now[2]), now.slice(12, 15));
}
