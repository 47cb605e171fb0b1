// Where a point of the data lies on the screen, and back: the limits that are shown, zoom and pan.

const PADDING = 0.03; // of the range of the data, on each side

export class PlotView {
  /** margin: left, right, top, bottom in CSS pixels around the plot. */
  constructor(margin) {
    this.margin = margin;
    this.size = [0, 0]; // CSS pixels
    this.x = [0, 1];
    this.y = [0, 1];
  }

  get limits() {
    return { x: this.x, y: this.y };
  }

  set limits({ x, y }) {
    this.x = x;
    this.y = y;
  }

  /** How data become CSS pixels: pixel = shift + value * scale. */
  transform() {
    const [width, height] = this.size;
    const { left, right, top, bottom } = this.margin;
    const scaleX = (width - left - right) / (this.x[1] - this.x[0]);
    const scaleY = -(height - top - bottom) / (this.y[1] - this.y[0]);
    const shiftX = left - this.x[0] * scaleX;
    const shiftY = height - bottom - this.y[0] * scaleY;
    return { scaleX, scaleY, shiftX, shiftY };
  }

  toPixel(x, y) {
    const { scaleX, scaleY, shiftX, shiftY } = this.transform();
    return [shiftX + x * scaleX, shiftY + y * scaleY];
  }

  toData(px, py) {
    const { scaleX, scaleY, shiftX, shiftY } = this.transform();
    return [(px - shiftX) / scaleX, (py - shiftY) / scaleY];
  }

  isInside(px, py) {
    const [width, height] = this.size;
    const { left, right, top, bottom } = this.margin;
    return px >= left && px <= width - right && py >= top && py <= height - bottom;
  }

  /** The data under the pixel stay there; a factor below 1 is a closer look. */
  zoom(px, py, factor) {
    const [x, y] = this.toData(px, py);
    this.x = this.x.map((edge) => x + (edge - x) * factor);
    this.y = this.y.map((edge) => y + (edge - y) * factor);
  }

  /** The data follow the pointer from one pixel to another. */
  pan(from, to) {
    const [xFrom, yFrom] = this.toData(...from);
    const [xTo, yTo] = this.toData(...to);
    this.x = this.x.map((edge) => edge + xFrom - xTo);
    this.y = this.y.map((edge) => edge + yFrom - yTo);
  }
}

/** Limits of an axis that shows all values with some room; never of zero length. */
export function paddedLimits({ lowest, highest }) {
  if (!(highest > lowest)) return [lowest - 0.5, lowest + 0.5];
  const padding = PADDING * (highest - lowest);
  return [lowest - padding, highest + padding];
}
