// Paints points into a picture, for machines without a GPU: there WebGL runs in software, where a million
// points take seconds; a plain loop over them takes some hundredths of a second.

import { packedThemeColour } from "./house_theme.js";
import { depthInShape, SHAPE_GROWTH, SMALLEST_SHAPED } from "./point_shapes.js";
import { FADING, SELECTED, SELECTED_GROWTH, SHOWN } from "./point_style.js";

const FULL_COVER = 256;
const SMALLEST_DISC = 3; // device pixels; smaller points are squares

export class PixelPoints {
  constructor(canvas) {
    this.context = canvas.getContext("2d", { alpha: false });
    this.values = {};
  }

  /**
   * name: x, y (float32), colour (four bytes a point), flags (a byte a point), shape (a byte a point, or null
   * where all are circles).
   */
  upload(name, values) {
    this.values[name] = values;
    if (name === "colour") this.faded = null;
  }

  /**
   * frame: size of canvas and plot (device pixels), scale and shift from data to pixels.
   * look: size (device pixels), opacity, step (every how many-th point), hasSelection, and background, what
   * lies under the points: a canvas and its frame, or null.
   */
  draw(frame, nPoints, look) {
    const { width, height } = frame;
    if (!this.picture || this.picture.width !== width || this.picture.height !== height) {
      this.picture = new ImageData(Math.max(1, width), Math.max(1, height));
      this.pixels = new Uint32Array(this.picture.data.buffer);
    }
    if (look.background?.isExact) this.pixels.set(pixelsOf(look.background.canvas));
    else this.pixels.fill(packedThemeColour("paper"));
    if (look.background && !look.background.isExact) this.stretch(look.background, frame);
    const colours = new Uint32Array(this.values.colour.buffer);
    if (!look.hasSelection) this.paint(frame, nPoints, look, colours, SHOWN, SHOWN);
    else {
      const both = SHOWN | SELECTED;
      const above = { ...look, size: look.size * SELECTED_GROWTH, opacity: Math.min(1, 2 * look.opacity) };
      this.faded ??= fadedColours(colours);
      this.paint(frame, nPoints, look, this.faded, both, SHOWN);
      this.paint(frame, nPoints, above, colours, both, both);
    }
    this.context.putImageData(this.picture, 0, 0);
  }

  /** A background that was drawn in another frame. */
  stretch({ canvas, frame: drawn }, frame) {
    if (this.stretched?.canvas !== canvas) this.stretched = { canvas, pixels: pixelsOf(canvas) };
    const { pixels } = this.stretched;
    const columns = Int32Array.from({ length: frame.right - frame.left }, (_, column) => {
      const value = (frame.left + column - frame.shiftX) / frame.scaleX;
      return Math.floor(drawn.shiftX + value * drawn.scaleX);
    });
    for (let row = frame.top; row < frame.bottom; row++) {
      const value = (row - frame.shiftY) / frame.scaleY;
      const from = Math.floor(drawn.shiftY + value * drawn.scaleY);
      if (from < 0 || from >= drawn.height) continue;
      const start = row * frame.width + frame.left;
      for (let column = 0; column < columns.length; column++) {
        const there = columns[column];
        if (there < 0 || there >= drawn.width) continue;
        this.pixels[start + column] = pixels[from * drawn.width + there];
      }
    }
  }

  /** Points for which the bits of the mask are as required. */
  paint(frame, nPoints, { size, opacity, step }, colours, mask, required) {
    const { x, y, flags, shape } = this.values;
    const { width, scaleX, scaleY, shiftX, shiftY } = frame;
    const pixels = this.pixels;
    const shapes = size < SMALLEST_SHAPED ? null : shape;
    const stamps = stampsOf(shapes, size, width, opacity);
    const half = Math.max(...stamps.map((stamp) => stamp.size >> 1));
    const left = frame.left + half;
    const right = frame.right - half;
    const top = frame.top + half;
    const bottom = frame.bottom - half;
    for (let i = 0; i < nPoints; i += step) {
      if ((flags[i] & mask) !== required) continue;
      const px = (x[i] * scaleX + shiftX) | 0;
      const py = (y[i] * scaleY + shiftY) | 0;
      if (!(px >= left && px < right && py >= top && py < bottom)) continue;
      const { steps, covers } = stamps[shapes ? shapes[i] : 0];
      const centre = py * width + px;
      const colour = colours[i];
      for (let k = 0; k < steps.length; k++) {
        const cover = covers[k];
        const index = centre + steps[k];
        pixels[index] = cover === FULL_COVER ? colour : mixedColour(pixels[index], colour, cover);
      }
    }
  }
}

function pixelsOf(canvas) {
  const picture = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Uint32Array(picture.data.buffer);
}

/** A stamp for each shape that is used; only circles where there are no shapes. */
function stampsOf(shapes, size, width, opacity) {
  if (!shapes) return [stampOf(0, size, width, opacity)];
  const highest = shapes.reduce((one, other) => (one > other ? one : other), 0);
  return Array.from({ length: highest + 1 }, (_, shape) => stampOf(shape, size, width, opacity));
}

/** The pixels of a shape about a pixel: steps in the picture, and how much of each is covered (256: all). */
function stampOf(shape, pointSize, width, opacity) {
  const diameter = Math.max(1, Math.round(pointSize));
  const size = shape ? Math.ceil(diameter * SHAPE_GROWTH) : diameter;
  const half = size >> 1;
  const middle = (size - 1) / 2;
  const steps = [];
  const covers = [];
  for (let b = 0; b < size; b++) for (let a = 0; a < size; a++) {
    const depth = depthInShape(shape, a - middle, b - middle, diameter / 2);
    const inside = diameter < SMALLEST_DISC ? 1 : Math.min(1, Math.max(0, depth + 0.5));
    const cover = Math.round(FULL_COVER * inside * opacity);
    if (!cover) continue;
    steps.push((b - half) * width + a - half);
    covers.push(cover);
  }
  return { size, steps: Int32Array.from(steps), covers: Int32Array.from(covers) };
}

/** Two packed colours, mixed channel by channel. cover: how much the upper one covers, of 256. */
export function mixedColour(below, above, cover) {
  const rest = 256 - cover;
  const outer = ((below & 0xff00ff) * rest + (above & 0xff00ff) * cover) >>> 8;
  const inner = ((below >>> 8) & 0xff) * rest + ((above >>> 8) & 0xff) * cover;
  return (0xff000000 | (outer & 0xff00ff) | (inner & 0xff00)) >>> 0;
}

function fadedColours(colours) {
  const grey = packedThemeColour("faded");
  const cover = Math.round(256 * FADING);
  return colours.map((colour) => mixedColour(colour, grey, cover));
}
