"use strict";
// Round numbers and lines for axes.

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** Round numbers between two limits, about six of them. */
function ticks(low, high) {
  const rough = (high - low) / 6, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return found;
}

function tickText(value) {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

/** Axes with numbers and labels. plot: its size, view (limits of x and y) and toPixel; margins in CSS pixels. */
function drawAxes(context, plot, m, xLabel, yLabel) {
  const [width, height] = plot.size;
  context.strokeStyle = context.fillStyle = "#5d6b7a";
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  for (const value of ticks(...plot.view.x)) {
    const [px] = plot.toPixel(value, 0);
    context.fillText(tickText(value), px, height - m.bottom + 16);
    line(context, px, height - m.bottom, px, height - m.bottom + 4);
  }
  context.textAlign = "right";
  for (const value of ticks(...plot.view.y)) {
    const [, py] = plot.toPixel(0, value);
    context.fillText(tickText(value), m.left - 7, py + 4);
    line(context, m.left - 4, py, m.left, py);
  }
  line(context, m.left, m.top, m.left, height - m.bottom);
  line(context, m.left, height - m.bottom, width - m.right, height - m.bottom);
  context.textAlign = "center";
  context.fillText(xLabel, (width + m.left) / 2, height - 8);
  context.save();
  context.translate(14, (height - m.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(yLabel, 0, 0);
  context.restore();
}
