// The Fourier shell correlation of two half-maps over spatial frequency, with the line at 0.143.

import { themeColour } from "../../reports/page/house_theme.js";
import { drawLine } from "../../reports/page/axes.js";

const THRESHOLD = 0.143;
const MARGINS = { left: 30, right: 8, top: 8, bottom: 30 }; // CSS pixels
const STYLES = [["masked", "bars", []], ["unmasked", "bars", [4, 3]], ["corrected", "accent", []]];

/** Points of a curve as fractions of the plot: x from the left, y from the top. Frequencies start at 0. */
export function pointsOfCurve(frequencies, values) {
  const highest = frequencies[frequencies.length - 1] || 1;
  return values.map((value, index) => [frequencies[index] / highest, 1 - Math.min(1, Math.max(0, value))]);
}

/** canvas: with a size in CSS pixels; frequencies in 1/Å; curves: by name. */
export function drawFsc(canvas, frequencies, curves) {
  const context = canvas.getContext("2d");
  const width = (canvas.width = canvas.clientWidth || 400);
  const height = (canvas.height = canvas.clientHeight || 150);
  const { left, right, top, bottom } = MARGINS;
  const at = ([x, y]) => [left + x * (width - left - right), top + y * (height - top - bottom)];
  context.font = "10px system-ui, sans-serif";
  context.fillStyle = context.strokeStyle = themeColour("soft");
  drawLine(context, ...at([0, 0]), ...at([0, 1]));
  drawLine(context, ...at([0, 1]), ...at([1, 1]));
  context.textAlign = "right";
  for (const value of [0, 0.5, 1]) context.fillText(value, left - 4, at([0, 1 - value])[1] + 3);
  context.textAlign = "center";
  for (const fraction of [0.25, 0.5, 0.75, 1]) {
    const frequency = fraction * frequencies[frequencies.length - 1];
    const [x, y] = at([fraction, 1]);
    context.fillText((1 / frequency).toPrecision(2), Math.min(x, width - 12), y + 12);
  }
  context.fillText("resolution (Å): corrected blue, masked grey, unmasked dashed", width / 2, height - 4);
  context.strokeStyle = themeColour("mark");
  drawLine(context, ...at([0, 1 - THRESHOLD]), ...at([1, 1 - THRESHOLD]));
  for (const [name, colour, dashes] of STYLES) {
    if (!curves[name]) continue;
    context.strokeStyle = themeColour(colour);
    context.setLineDash(dashes);
    context.beginPath();
    for (const point of pointsOfCurve(frequencies, curves[name])) context.lineTo(...at(point));
    context.stroke();
  }
  context.setLineDash([]);
}
