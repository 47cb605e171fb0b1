// Which point is under the pointer.

import { SHOWN } from "./point_style.js";

/** Row of the nearest shown point within some pixels, or -1. transform: of a PlotView. */
export function nearestPoint({ x, y, flags }, transform, px, py, reach) {
  const { scaleX, scaleY, shiftX, shiftY } = transform;
  let nearest = -1;
  let least = reach * reach;
  for (let i = 0; i < x.length; i++) {
    const dx = shiftX + x[i] * scaleX - px;
    if (dx * dx >= least) continue;
    const dy = shiftY + y[i] * scaleY - py;
    const distance = dx * dx + dy * dy;
    if (distance < least && flags[i] & SHOWN) {
      least = distance;
      nearest = i;
    }
  }
  return nearest;
}
