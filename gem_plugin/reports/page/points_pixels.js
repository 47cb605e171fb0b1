// Paints points into a picture, for machines without a GPU: there WebGL runs in software, where a million
// points take seconds; a plain loop over them takes some hundredths of a second.

import { packedThemeColour } from "./house_theme.js";
import { FADING, SELECTED, SELECTED_GROWTH, SHOWN } from "./point_style.js";

export class PixelPoints {
  constructor(canvas) {
    this.context = canvas.getContext("2d", { alpha: false });
    this.values = {};
  }

  /** name: x, y (float32), colour (four bytes a point), flags (a byte a point). */
  upload(name, values) {
    this.values[name] = values;
    if (name === "colour") this.faded = null;
  }

  /** frame: size of canvas and plot (device pixels), scale and shift from data to pixels. */
  draw(frame, nPoints, pointSize, hasSelection) {
    const { width, height } = frame;
    if (!this.picture || this.picture.width !== width || this.picture.height !== height) {
      this.picture = new ImageData(Math.max(1, width), Math.max(1, height));
      this.pixels = new Uint32Array(this.picture.data.buffer);
    }
    this.pixels.fill(packedThemeColour("paper"));
    const colours = new Uint32Array(this.values.colour.buffer);
    if (!hasSelection) this.paint(frame, nPoints, pointSize, colours, SHOWN, SHOWN);
    else {
      const both = SHOWN | SELECTED;
      this.faded ??= fadedColours(colours);
      this.paint(frame, nPoints, pointSize, this.faded, both, SHOWN);
      this.paint(frame, nPoints, pointSize * SELECTED_GROWTH, colours, both, both);
    }
    this.context.putImageData(this.picture, 0, 0);
  }

  /** Points for which the bits of the mask are as required. */
  paint(frame, nPoints, pointSize, colours, mask, required) {
    const { x, y, flags } = this.values;
    const { width, scaleX, scaleY, shiftX, shiftY } = frame;
    const pixels = this.pixels;
    const stamp = stampOf(pointSize, width);
    const half = stamp.size >> 1;
    const length = stamp.steps.length;
    const left = frame.left + half;
    const right = frame.right - half;
    const top = frame.top + half;
    const bottom = frame.bottom - half;
    for (let i = 0; i < nPoints; i++) {
      if ((flags[i] & mask) !== required) continue;
      const px = (x[i] * scaleX + shiftX) | 0;
      const py = (y[i] * scaleY + shiftY) | 0;
      if (px < left || px >= right || py < top || py >= bottom) continue;
      const centre = py * width + px;
      const colour = colours[i];
      for (let k = 0; k < length; k++) {
        const cover = stamp.covers[k];
        const index = centre + stamp.steps[k];
        pixels[index] = cover === 256 ? colour : mixedColour(pixels[index], colour, cover);
      }
    }
  }
}

/** The pixels of a disc about a pixel: steps in the picture, and how much of each is covered (256: all). */
function stampOf(pointSize, width) {
  const size = Math.max(1, Math.round(pointSize));
  const half = size >> 1;
  const middle = (size - 1) / 2;
  const steps = [];
  const covers = [];
  for (let b = 0; b < size; b++) for (let a = 0; a < size; a++) {
    const inside = Math.min(1, Math.max(0, size / 2 + 0.5 - Math.hypot(a - middle, b - middle)));
    const cover = size < 3 ? 256 : Math.round(256 * inside);
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
