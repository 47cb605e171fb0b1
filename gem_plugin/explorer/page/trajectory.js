// Positions along a trajectory, as fractions of the way from its first point to its last.

import { ENOUGH } from "../../reports/page/fading.js";

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

/** How many particles are near a fraction of the way: the smaller number of the two points about it. */
export function countAt(counts, fraction) {
  const [below, towards] = stepAt(counts.length, fraction);
  const [before, after] = [counts[below], counts[below + 1]];
  if (towards === 0) return before;
  return towards === 1 ? after : Math.min(before, after);
}

/** Fractions for playing it there and back again without end; step: counted from 0. */
export function fractionOfStep(step, stepsOneWay) {
  const within = step % (2 * stepsOneWay);
  return within < stepsOneWay ? within / stepsOneWay : 2 - within / stepsOneWay;
}

/** Where latents lie along a column that is a linear function of them. axis: { offset, weights }. */
export function valueOnAxis({ offset, weights }, latents) {
  return weights.reduce((sum, weight, index) => sum + weight * latents[index], offset);
}

/** Whether every point between two latents has a position of its own on both axes, so that a line is true. */
export function isLineOn(axes, latentAxes) {
  return axes.every((name) => Object.hasOwn(latentAxes, name));
}

/** What the reader should know of the path that is drawn. */
export function noteOn({ energyColumns, near }, axes, isLine) {
  const energy = energyColumns?.length
    ? `Free energy is that of the particles on ${energyColumns.join(" and ")}. `
    : "";
  const empty = near?.filter((count) => count === 0).length;
  const few = near?.some((count) => count < ENOUGH);
  const faded = few ? `; dashed and faded: fewer than ${ENOUGH}` : "";
  const colours = near ? ` Colour: particles near, as below${faded}.` : "";
  const gaps = empty
    ? ` ${empty} of ${near.length} points have no particle near: there the map is a guess.`
    : "";
  if (isLine) return `${energy}The line is where molecules are decoded.${colours}${gaps}`;
  const names = [...new Set(axes)].join(" and ");
  return `${energy}On ${names} only particles have a position, so no line is drawn: each dot is the ` +
    "particle nearest, in the latents, to a point of the path. " +
    `On latent or latent_pc axes the path itself is drawn.${colours}${gaps}`;
}
