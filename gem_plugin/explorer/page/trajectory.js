// Positions along a trajectory, as fractions of the way from its first point to its last.

/** Index of the point before a fraction, and how far the fraction is towards the next (0 to 1). */
function stepAt(nPoints, fraction) {
  const position = fraction * (nPoints - 1);
  const below = Math.min(Math.floor(position), nPoints - 2);
  return [below, position - below];
}

/** Numbers between the points before and after a fraction. points: lists of the same length. */
export function pointAt(points, fraction) {
  const [below, towards] = stepAt(points.length, fraction);
  return points[below].map((value, axis) => value + towards * (points[below + 1][axis] - value));
}

/** Fractions for playing it there and back again without end; step: counted from 0. */
export function fractionOfStep(step, stepsOneWay) {
  const within = step % (2 * stepsOneWay);
  return within < stepsOneWay ? within / stepsOneWay : 2 - within / stepsOneWay;
}
