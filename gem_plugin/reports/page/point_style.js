// Whether a point is shown and selected (bits of its flag), and how a selection stands out from the rest.

export const SHOWN = 1;
export const SELECTED = 2;
export const SELECTED_GROWTH = 1.35;
export const FADING = 0.82;

/** Diameter in CSS pixels: the more points, the smaller. */
export function pointSizeOf(nPoints) {
  if (nPoints > 300000) return 1.5;
  if (nPoints > 30000) return 2;
  return nPoints > 3000 ? 3 : 6;
}
