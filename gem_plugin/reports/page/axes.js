// Axes of a plot: round numbers, ticks and labels.

import { themeColour } from "./house_theme.js";

const TICKS_ABOUT = 6;
const WIDTH_OF_A_NUMBER = 45; // CSS pixels, with the gap to the next
const HEIGHT_OF_A_NUMBER = 24;

export function drawLine(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** Round numbers between two limits, about six of them, fewer where there is little room. */
export function tickValues(low, high, about = TICKS_ABOUT) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step)
    values.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return values;
}

/** A number with at most four digits, as it is written at an axis. */
export function tickText(value) {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** How many numbers have room on so many CSS pixels. */
export function ticksFor(pixels, pixelsEach) {
  return Math.max(1, Math.min(TICKS_ABOUT, Math.floor(pixels / pixelsEach)));
}

/** Axes with numbers and labels. view: a PlotView. */
export function drawAxes(context, view, xLabel, yLabel) {
  const [width, height] = view.size;
  const { left, right, top, bottom } = view.margin;
  context.strokeStyle = context.fillStyle = themeColour("soft");
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  for (const value of tickValues(...view.x, ticksFor(width - left - right, WIDTH_OF_A_NUMBER))) {
    const [px] = view.toPixel(value, 0);
    context.fillText(tickText(value), px, height - bottom + 16);
    drawLine(context, px, height - bottom, px, height - bottom + 4);
  }
  context.textAlign = "right";
  for (const value of tickValues(...view.y, ticksFor(height - top - bottom, HEIGHT_OF_A_NUMBER))) {
    const [, py] = view.toPixel(0, value);
    context.fillText(tickText(value), left - 7, py + 4);
    drawLine(context, left - 4, py, left, py);
  }
  drawLine(context, left, top, left, height - bottom);
  drawLine(context, left, height - bottom, width - right, height - bottom);
  context.textAlign = "center";
  context.fillText(xLabel, (width + left) / 2, height - 8);
  context.save();
  context.translate(14, (height - bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(yLabel, 0, 0);
  context.restore();
}
