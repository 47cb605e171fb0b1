// A filter as the reader has it: the histogram of a column, in which a range is dragged.

import { themeColour } from "../../reports/page/house_theme.js";
import { tickText } from "../../reports/page/axes.js";
import { histogramOf } from "./filters.js";
import { describeRange, listenToRangeKeys } from "./range_keys.js";

const SHORTEST_DRAG = 0.01; // of the column's range; a shorter one is a click, which resets

export class RangeFilter {
  /** column: with its values. onChange: the range was changed; onEnd: and let go; onRemove: it is no more. */
  constructor(column, { onChange, onEnd, onRemove }) {
    this.column = column;
    this.values = column.values;
    this.range = [column.lowest, column.highest];
    this.counts = histogramOf(column);
    this.onChange = onChange;
    this.onEnd = onEnd;
    this.element = document.createElement("div");
    this.element.className = "filter";
    this.element.dataset.column = column.name;
    this.element.innerHTML =
      "<header><span></span><button title='remove this filter'>×</button></header>" +
      "<canvas title='Drag: range. Click: reset'></canvas>";
    this.canvas = this.element.querySelector("canvas");
    this.element.querySelector("button").setAttribute("aria-label", `remove the filter on ${column.label}`);
    this.element.querySelector("button").onclick = () => {
      this.element.remove();
      onRemove();
    };
    this.listen();
    listenToRangeKeys(this);
  }

  listen() {
    const { canvas } = this;
    const { lowest, highest } = this.column;
    let start = null;
    const valueAt = (event) => {
      const fraction = Math.min(1, Math.max(0, event.offsetX / canvas.clientWidth));
      return lowest + fraction * (highest - lowest);
    };
    canvas.onpointerdown = (event) => {
      start = valueAt(event);
      canvas.setPointerCapture(event.pointerId);
    };
    canvas.onpointermove = (event) => {
      if (start !== null) this.setRange(start, valueAt(event));
    };
    canvas.onpointerup = (event) => {
      const isClick = start !== null && Math.abs(valueAt(event) - start) < SHORTEST_DRAG * (highest - lowest);
      if (isClick) this.setRange(lowest, highest);
      start = null;
      this.onEnd();
    };
  }

  /** Whether nothing is left out, also no particle without a value. */
  get isWhole() {
    return this.range[0] <= this.column.lowest && this.range[1] >= this.column.highest;
  }

  /** As it is saved. */
  settings() {
    return { column: this.column.name, range: [...this.range] };
  }

  restore({ range }) {
    this.setRange(...range);
  }

  setRange(one, other) {
    this.range = [Math.min(one, other), Math.max(one, other)];
    this.draw();
    this.onChange();
  }

  draw() {
    const { canvas, counts } = this;
    const { lowest, highest, label } = this.column;
    const context = canvas.getContext("2d");
    canvas.width = canvas.clientWidth || 200;
    canvas.height = canvas.clientHeight || 46;
    const tallest = Math.max(...counts, 1);
    const width = canvas.width / counts.length;
    counts.forEach((count, bin) => {
      const middle = lowest + ((bin + 0.5) / counts.length) * (highest - lowest);
      const isInRange = middle >= this.range[0] && middle <= this.range[1];
      const height = (count / tallest) * canvas.height;
      context.fillStyle = themeColour(isInRange ? "accent" : "line");
      context.fillRect(bin * width, canvas.height - height, Math.max(1, width - 0.5), height);
    });
    const [low, high] = this.range.map(tickText);
    if (this.column.hasNoValues) return this.say(`${label}: no particle has a value`);
    this.say(`${label}: ${low} to ${high}`);
    describeRange(this);
  }

  say(text) {
    this.element.querySelector("span").textContent = text;
  }
}
