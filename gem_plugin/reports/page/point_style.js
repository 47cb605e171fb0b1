// Whether a point is shown and selected (bits of its flag), and how points look by their number.

export const SHOWN = 1;
export const SELECTED = 2;
export const SELECTED_GROWTH = 1.35;
export const FADING = 0.82;
const MAXIMUM_OPAQUE = 20000; // more points are drawn translucent, so that dense regions stand out
const LEAST_OPACITY = 0.12; // below, a point alone cannot be seen
const POWER_OF_OPACITY = 0.7; // of the number

/** Diameter in CSS pixels: the more points, the smaller. */
export function pointSizeOf(nPoints) {
  if (nPoints > 300000) return 1.5;
  if (nPoints > 30000) return 2;
  return nPoints > 3000 ? 3 : 6;
}

/** Opacity, from 0 to 1: the more points, the fainter each of them. */
export function opacityOf(nPoints) {
  const opacity = (MAXIMUM_OPAQUE / Math.max(nPoints, 1)) ** POWER_OF_OPACITY;
  return Math.max(LEAST_OPACITY, Math.min(1, opacity));
}

/** Of every step-th point, so that together they are about as dark as all. */
export function opacityOfSample(opacity, step) {
  return Math.min(1, opacity * step);
}
