"use strict";
// All particles as points: x, y, colour, and whether each is shown and selected. Painted by the graphics card where
// there is one, else pixel by pixel.

const PLOT_MARGIN = { left: 58, right: 12, top: 12, bottom: 42 }; // CSS pixels
const SHOWN = 1, SELECTED = 2;
const SELECTED_GROWTH = 1.35, FADED_GREY = 230, FADING = 0.82; // how a selection stands out from the rest

class PointCloud {
  constructor(canvas, nPoints) {
    this.canvas = canvas;
    this.n = nPoints;
    this.painter = hasGraphicsCard() ? new WebGlPoints(canvas) : new PixelPoints(canvas);
    this.x = new Float32Array(nPoints);
    this.y = new Float32Array(nPoints);
    this.flags = new Uint8Array(nPoints).fill(SHOWN);
    this.hasSelection = false;
    this.view = { x: [0, 1], y: [0, 1] };
    for (const name of ["x", "y", "flags"]) this.upload(name, this[name]);
    this.upload("colour", new Uint8Array(4 * nPoints).fill(128));
  }

  upload(name, values) { this.painter.upload(name, values); }

  setPlaces(x, y) {
    this.x = x;
    this.y = y;
    this.upload("x", x);
    this.upload("y", y);
  }

  showAll() {
    this.view = { x: paddedLimits(this.x), y: paddedLimits(this.y) };
  }

  get size() { return [this.canvas.clientWidth, this.canvas.clientHeight]; }

  toPixel(x, y) {
    const [width, height] = this.size, [x0, x1] = this.view.x, [y0, y1] = this.view.y, m = PLOT_MARGIN;
    return [m.left + ((x - x0) / (x1 - x0)) * (width - m.left - m.right), height - m.bottom - ((y - y0) / (y1 - y0)) * (height - m.top - m.bottom)];
  }

  toData(px, py) {
    const [width, height] = this.size, [x0, x1] = this.view.x, [y0, y1] = this.view.y, m = PLOT_MARGIN;
    return [x0 + ((px - m.left) / (width - m.left - m.right)) * (x1 - x0), y0 + ((height - m.bottom - py) / (height - m.top - m.bottom)) * (y1 - y0)];
  }

  zoom(px, py, factor) {
    const [x, y] = this.toData(px, py);
    this.view = { x: this.view.x.map((edge) => x + (edge - x) * factor), y: this.view.y.map((edge) => y + (edge - y) * factor) };
  }

  move(fromPixel, toPixel) {
    const [xFrom, yFrom] = this.toData(...fromPixel), [xTo, yTo] = this.toData(...toPixel);
    this.view = { x: this.view.x.map((edge) => edge + xFrom - xTo), y: this.view.y.map((edge) => edge + yFrom - yTo) };
  }

  /** Row of the nearest shown point within some pixels, or -1. */
  nearest(px, py, reach = 12) {
    const [x0, y0] = this.toPixel(0, 0), [x1, y1] = this.toPixel(1, 1);
    const scaleX = x1 - x0, scaleY = y1 - y0;
    let best = -1, least = reach * reach;
    for (let i = 0; i < this.n; i++) {
      const dx = x0 + this.x[i] * scaleX - px;
      if (dx * dx >= least) continue;
      const dy = y0 + this.y[i] * scaleY - py, distance = dx * dx + dy * dy;
      if (distance < least && this.flags[i] & SHOWN) { least = distance; best = i; }
    }
    return best;
  }

  draw() {
    const ratio = window.devicePixelRatio || 1, [width, height] = this.size, m = PLOT_MARGIN;
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    const [x0, y0] = this.toPixel(0, 0), [x1, y1] = this.toPixel(1, 1);
    const frame = {
      width: this.canvas.width, height: this.canvas.height,
      left: Math.round(m.left * ratio), right: Math.round((width - m.right) * ratio), top: Math.round(m.top * ratio), bottom: Math.round((height - m.bottom) * ratio),
      scaleX: (x1 - x0) * ratio, scaleY: (y1 - y0) * ratio, shiftX: x0 * ratio, shiftY: y0 * ratio,
    };
    this.painter.draw(frame, this.n, this.pointSize() * ratio, this.hasSelection);
  }

  pointSize() {
    return this.n > 300000 ? 1.5 : this.n > 30000 ? 2 : this.n > 3000 ? 3 : 6;
  }
}

function paddedLimits(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
  if (!(high > low)) { low -= 0.5; high += 0.5; }
  const pad = 0.03 * (high - low);
  return [low - pad, high + pad];
}
