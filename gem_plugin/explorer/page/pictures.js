"use strict";
// Grey pictures: sections through a volume, and particle images.

function pictureIn(parent, title) {
  const figure = document.createElement("figure"), canvas = document.createElement("canvas"), caption = document.createElement("figcaption");
  caption.textContent = title;
  figure.append(canvas, caption);
  parent.append(figure);
  return canvas;
}

/** values: row by row, bottom row first; low is black, high white. */
function drawGrey(canvas, values, width, height, low, high) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
    const grey = (255 * (values[y * width + x] - low)) / (high - low || 1);
    image.data.set([grey, grey, grey, 255], 4 * ((height - 1 - y) * width + x));
  }
  context.putImageData(image, 0, 0);
}

/** Sections across z, y and x at a fraction of the window; of a difference, zero is grey. */
function drawSections(canvases, volume, size, fraction, isSigned) {
  const at = Math.min(size - 1, Math.floor(fraction * size)), n = size;
  const pick = [
    (a, b) => volume[at * n * n + b * n + a],
    (a, b) => volume[b * n * n + at * n + a],
    (a, b) => volume[b * n * n + a * n + at],
  ];
  pick.forEach((valueAt, which) => {
    const values = new Float32Array(n * n);
    const zero = isSigned ? 128 : 0;
    let furthest = 1;
    for (let b = 0; b < n; b++) for (let a = 0; a < n; a++) { values[b * n + a] = valueAt(a, b); furthest = Math.max(furthest, Math.abs(values[b * n + a] - zero)); }
    drawGrey(canvases[which], values, n, n, isSigned ? zero - furthest : 0, zero + furthest);
  });
}

/** A noisy image, black and white at 2.5 standard deviations about the mean. */
function drawNoisyImage(canvas, values, size) {
  let sum = 0, squares = 0;
  for (const value of values) { sum += value; squares += value * value; }
  const mean = sum / values.length, deviation = Math.sqrt(Math.max(squares / values.length - mean * mean, 1e-20));
  drawGrey(canvas, values, size, size, mean - 2.5 * deviation, mean + 2.5 * deviation);
}

/** An image without noise, from its darkest to its brightest pixel. */
function drawCleanImage(canvas, values, size) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
  drawGrey(canvas, values, size, size, low, high);
}
