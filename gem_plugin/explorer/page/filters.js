"use strict";
// Histograms with a range that is dragged, one a column.

const HISTOGRAM_BINS = 80;

class RangeFilter {
  constructor(column, values, onChange, onRemove) {
    this.column = column;
    this.values = values;
    this.range = [column.lowest, column.highest];
    this.onChange = onChange;
    this.element = document.createElement("div");
    this.element.className = "filter";
    this.element.dataset.column = column.name;
    this.element.innerHTML = "<header><span></span><button title='remove'>×</button></header><canvas></canvas>";
    this.element.querySelector("button").onclick = () => { this.element.remove(); onRemove(this); };
    this.canvas = this.element.querySelector("canvas");
    this.counts = new Uint32Array(HISTOGRAM_BINS);
    const span = column.highest - column.lowest || 1;
    for (const value of values) this.counts[Math.min(HISTOGRAM_BINS - 1, Math.max(0, Math.floor(((value - column.lowest) / span) * HISTOGRAM_BINS)))]++;
    this.listen();
  }

  listen() {
    let start = null;
    const valueAt = (event) => {
      const fraction = Math.min(1, Math.max(0, event.offsetX / this.canvas.clientWidth));
      return this.column.lowest + fraction * (this.column.highest - this.column.lowest);
    };
    this.canvas.onpointerdown = (event) => { start = valueAt(event); this.canvas.setPointerCapture(event.pointerId); };
    this.canvas.onpointermove = (event) => { if (start !== null) this.setRange(start, valueAt(event)); };
    this.canvas.onpointerup = (event) => {
      const end = valueAt(event);
      if (start !== null && Math.abs(end - start) < 0.01 * (this.column.highest - this.column.lowest)) this.setRange(this.column.lowest, this.column.highest);
      start = null;
    };
  }

  setRange(one, other) {
    this.range = [Math.min(one, other), Math.max(one, other)];
    this.draw();
    this.onChange();
  }

  keeps(row) { return this.values[row] >= this.range[0] && this.values[row] <= this.range[1]; }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas, context = this.canvas.getContext("2d");
    this.canvas.width = width || 200;
    this.canvas.height = height || 46;
    const most = Math.max(...this.counts, 1), step = this.canvas.width / HISTOGRAM_BINS, span = this.column.highest - this.column.lowest || 1;
    this.counts.forEach((count, bin) => {
      const middle = this.column.lowest + ((bin + 0.5) / HISTOGRAM_BINS) * span;
      context.fillStyle = middle >= this.range[0] && middle <= this.range[1] ? "#0072B2" : "#c9d1d9";
      const tall = (count / most) * this.canvas.height;
      context.fillRect(bin * step, this.canvas.height - tall, Math.max(1, step - 0.5), tall);
    });
    this.element.querySelector("span").textContent = `${this.column.label}: ${tickText(this.range[0])} to ${tickText(this.range[1])}`;
  }
}
