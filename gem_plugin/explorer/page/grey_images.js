// Grey images: slices through a volume, and particle images.

const STANDARD_DEVIATIONS_SHOWN = 2.5; // of a noisy image, to each side of the mean

/** A canvas with a caption, at the end of a parent. */
export function canvasWithCaption(parent, title) {
  const figure = document.createElement("figure");
  const canvas = document.createElement("canvas");
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  figure.append(canvas, caption);
  parent.append(figure);
  return canvas;
}

/** values: row by row, bottom row first; low is black, high white. */
function drawGrey(canvas, values, size, low, high) {
  [canvas.width, canvas.height] = [size, size];
  const image = new ImageData(greyPixels(values, size, low, high), size, size);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** Red, green, blue, opacity of every pixel, top row first. */
export function greyPixels(values, size, low, high) {
  const pixels = new Uint8ClampedArray(4 * size * size).fill(255);
  const scale = 255 / (high - low || 1);
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) {
    const index = 4 * ((size - 1 - y) * size + x);
    pixels[index] = pixels[index + 1] = pixels[index + 2] = (values[y * size + x] - low) * scale;
  }
  return pixels;
}

/** z, y and x slices at a fraction of the window; of a difference, zero is grey. */
export function drawSlices(canvases, volume, size, fraction, isSigned) {
  const index = Math.min(size - 1, Math.floor(fraction * size));
  const zero = isSigned ? 128 : 0;
  slicesOf(volume, size, index).forEach((values, which) => {
    let furthest = 1;
    for (const value of values) furthest = Math.max(furthest, Math.abs(value - zero));
    drawGrey(canvases[which], values, size, isSigned ? zero - furthest : 0, zero + furthest);
  });
}

/** The z, y and x slice with an index. volume: x fastest, z slowest. */
export function slicesOf(volume, size, index) {
  const slices = [0, 1, 2].map(() => new Float32Array(size * size));
  for (let b = 0; b < size; b++) for (let a = 0; a < size; a++) {
    slices[0][b * size + a] = volume[(index * size + b) * size + a];
    slices[1][b * size + a] = volume[(b * size + index) * size + a];
    slices[2][b * size + a] = volume[(b * size + a) * size + index];
  }
  return slices;
}

/** A noisy image: black and white at some standard deviations about the mean. */
export function drawNoisyImage(canvas, values, size) {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  const standardDeviation = Math.sqrt(Math.max(squares / values.length - mean * mean, 1e-20));
  const range = STANDARD_DEVIATIONS_SHOWN * standardDeviation;
  drawGrey(canvas, values, size, mean - range, mean + range);
}

/** An image without noise, from its darkest to its brightest pixel. */
export function drawCleanImage(canvas, values, size) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  drawGrey(canvas, values, size, low, high);
}
