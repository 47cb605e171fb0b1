"use strict";
// Paints points into a picture, for machines without a GPU: there WebGL runs in software, where a million points take
// seconds; a plain loop over them takes some hundredths of a second.

class PixelPoints {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.values = {};
  }

  upload(name, values) {
    this.values[name] = values;
    if (name === "colour") this.faded = null;
  }

  draw(frame, n, pointSize, hasSelection) {
    const { width, height } = frame;
    if (!this.picture || this.picture.width !== width || this.picture.height !== height) {
      this.picture = new ImageData(Math.max(1, width), Math.max(1, height));
      this.pixels = new Uint32Array(this.picture.data.buffer);
    }
    this.pixels.fill(0xffffffff);
    const colours = new Uint32Array(this.values.colour.buffer);
    if (!hasSelection) this.paint(frame, n, pointSize, colours, SHOWN, SHOWN);
    else {
      this.faded ??= fadedColours(colours);
      this.paint(frame, n, pointSize, this.faded, SHOWN | SELECTED, SHOWN);
      this.paint(frame, n, pointSize * SELECTED_GROWTH, colours, SHOWN | SELECTED, SHOWN | SELECTED);
    }
    this.context.putImageData(this.picture, 0, 0);
  }

  /** Points whose flags, as far as the mask goes, are the wanted ones. */
  paint(frame, n, pointSize, colours, mask, wanted) {
    const { x, y, flags } = this.values, { width, scaleX, scaleY, shiftX, shiftY } = frame, pixels = this.pixels;
    const stamp = stampOf(pointSize, width), half = stamp.size >> 1, length = stamp.steps.length;
    const left = frame.left + half, right = frame.right - half, top = frame.top + half, bottom = frame.bottom - half;
    for (let i = 0; i < n; i++) {
      if ((flags[i] & mask) !== wanted) continue;
      const px = (x[i] * scaleX + shiftX) | 0, py = (y[i] * scaleY + shiftY) | 0;
      if (px < left || px >= right || py < top || py >= bottom) continue;
      const centre = py * width + px, colour = colours[i];
      for (let k = 0; k < length; k++) {
        const cover = stamp.covers[k], at = centre + stamp.steps[k];
        pixels[at] = cover === 256 ? colour : mixed(pixels[at], colour, cover);
      }
    }
  }
}

/** The pixels of a disc about a pixel: steps in the picture, and how much of each is covered (256: all of it). */
function stampOf(pointSize, width) {
  const size = Math.max(1, Math.round(pointSize)), half = size >> 1, middle = (size - 1) / 2, steps = [], covers = [];
  for (let b = 0; b < size; b++) for (let a = 0; a < size; a++) {
    const cover = size < 3 ? 256 : Math.round(256 * Math.min(1, Math.max(0, size / 2 + 0.5 - Math.hypot(a - middle, b - middle))));
    if (cover) { steps.push((b - half) * width + a - half); covers.push(cover); }
  }
  return { size, steps: Int32Array.from(steps), covers: Int32Array.from(covers) };
}

/** Red, green, blue (0 to 255) in four bytes, as pixels lie in memory. */
function packedColour([red, green, blue]) { return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0; }

/** Two colours of four bytes (the first the lowest), mixed channel by channel. */
function mixed(below, above, cover) {
  const rest = 256 - cover;
  const outer = ((below & 0xff00ff) * rest + (above & 0xff00ff) * cover) >>> 8;
  const inner = ((below >>> 8) & 0xff) * rest + ((above >>> 8) & 0xff) * cover;
  return (0xff000000 | (outer & 0xff00ff) | (inner & 0xff00)) >>> 0;
}

function fadedColours(colours) {
  const grey = 0xff000000 | (FADED_GREY << 16) | (FADED_GREY << 8) | FADED_GREY, cover = Math.round(256 * FADING);
  return colours.map((colour) => mixed(colour, grey, cover));
}
