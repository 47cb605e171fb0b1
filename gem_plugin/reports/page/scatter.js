"use strict";
// The scatter plot of the report: any two columns of the particles, coloured by a third. Data come from the page itself.

const LEVELS = 65535;
const MOST_NUMBERS = 60; // of groups, written into the plot
const SMALLEST_PLOT = 120; // CSS pixels
const MARGIN = { left: 64, right: 12, top: 12, bottom: 46 }; // CSS pixels around the plot

function numbersOf(column) {
  const bytes = Uint8Array.from(atob(column.data), (letter) => letter.charCodeAt(0));
  if (column.isWhole) return Float32Array.from(bytes, (step) => column.lowest + step); // groups: one byte each
  const steps = new Uint16Array(bytes.buffer);
  const values = new Float32Array(steps.length);
  for (let i = 0; i < steps.length; i++) values[i] = column.lowest + (steps[i] / LEVELS) * (column.highest - column.lowest);
  return values;
}

function median(rows, values) {
  const sorted = Float32Array.from(rows, (row) => values[row]).sort();
  return sorted[sorted.length >> 1];
}

class Scatter {
  constructor(element, data) {
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.columns = data.columns.map((column) => ({ ...column, values: numbersOf(column) }));
    for (const column of this.columns) if (column.isGroup) column.values = column.values.map(Math.round);
    this.rows = numbersOf(data.rows).map(Math.round);
    this.hidden = new Set();
    const first = this.columns.filter((column) => !column.isGroup);
    this.chosen = { x: first[0], y: first[1] || first[0], colour: this.columns.find((c) => c.name === "state") || first[2] || first[0] };
    this.makeControls();
    this.listen();
    this.showAll();
  }

  makeControls() {
    const controls = this.element.querySelector(".controls");
    for (const [role, title] of [["x", "across"], ["y", "up"], ["colour", "colour"]]) {
      const label = document.createElement("label");
      label.textContent = title + " ";
      const select = document.createElement("select");
      select.dataset.role = role;
      this.columns.forEach((column, index) => select.add(new Option(column.label, index)));
      select.value = this.columns.indexOf(this.chosen[role]);
      select.onchange = () => {
        this.chosen[role] = this.columns[select.value];
        if (role === "colour") { this.hidden.clear(); this.draw(); } else this.showAll();
      };
      label.append(select);
      controls.append(label);
    }
  }

  listen() {
    const canvas = this.canvas;
    canvas.onwheel = (event) => { event.preventDefault(); this.zoom(event.offsetX, event.offsetY, Math.exp(event.deltaY * 0.002)); };
    canvas.onpointerdown = (event) => { this.drag = [event.offsetX, event.offsetY]; canvas.setPointerCapture(event.pointerId); };
    canvas.onpointerup = () => { this.drag = null; };
    canvas.onpointermove = (event) => { if (this.drag) this.move(event); else this.tell(event); };
    canvas.onpointerleave = () => { this.element.querySelector(".tip").style.display = "none"; };
    canvas.ondblclick = () => this.showAll();
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  showAll() {
    const limits = ({ lowest, highest }) => { const pad = 0.03 * (highest - lowest); return [lowest - pad, highest + pad]; };
    this.view = { x: limits(this.chosen.x), y: limits(this.chosen.y) };
    this.draw();
  }

  get size() { return [this.canvas.clientWidth, this.canvas.clientHeight]; }

  toPixel(x, y) {
    const [width, height] = this.size, { x: [x0, x1], y: [y0, y1] } = this.view;
    return [MARGIN.left + (x - x0) / (x1 - x0) * (width - MARGIN.left - MARGIN.right),
      height - MARGIN.bottom - (y - y0) / (y1 - y0) * (height - MARGIN.top - MARGIN.bottom)];
  }

  toData(px, py) {
    const [width, height] = this.size, { x: [x0, x1], y: [y0, y1] } = this.view;
    return [x0 + (px - MARGIN.left) / (width - MARGIN.left - MARGIN.right) * (x1 - x0),
      y0 + (height - MARGIN.bottom - py) / (height - MARGIN.top - MARGIN.bottom) * (y1 - y0)];
  }

  zoom(px, py, factor) {
    const [x, y] = this.toData(px, py);
    this.view.x = this.view.x.map((edge) => x + (edge - x) * factor);
    this.view.y = this.view.y.map((edge) => y + (edge - y) * factor);
    this.draw();
  }

  move(event) {
    const [xOld, yOld] = this.toData(...this.drag), [x, y] = this.toData(event.offsetX, event.offsetY);
    this.view.x = this.view.x.map((edge) => edge + xOld - x);
    this.view.y = this.view.y.map((edge) => edge + yOld - y);
    this.drag = [event.offsetX, event.offsetY];
    this.draw();
  }

  colours() {
    const column = this.chosen.colour;
    if (column.isGroup) return (value) => this.hidden.has(value) ? null : colourOfGroup(value);
    const span = column.highest - column.lowest;
    const table = Array.from({ length: 256 }, (_, i) => colourOfFraction(i / 255));
    return (value) => table[Math.min(255, Math.max(0, Math.round(255 * (value - column.lowest) / span)))];
  }

  draw() {
    if (this.size.some((length) => length < SMALLEST_PLOT)) return; // folded away or not laid out yet
    const ratio = window.devicePixelRatio || 1, [width, height] = this.size;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#fff";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.drawPoints(context, ratio);
    context.scale(ratio, ratio);
    this.drawNumbers(context);
    drawAxes(context, this, MARGIN, this.chosen.x.label, this.chosen.y.label);
    this.drawLegend();
  }

  drawPoints(context, ratio) {
    const image = context.getImageData(0, 0, this.canvas.width, this.canvas.height);
    const pixels = new Uint32Array(image.data.buffer), xs = this.chosen.x.values, ys = this.chosen.y.values;
    const colourOf = this.colours(), values = this.chosen.colour.values;
    const dot = Math.max(1, Math.round(ratio * (xs.length > 20000 ? 1.5 : xs.length > 3000 ? 2 : 4)));
    for (let i = 0; i < xs.length; i++) {
      const [px, py] = this.toPixel(xs[i], ys[i]);
      if (!this.isInside(px, py)) continue;
      const colour = colourOf(values[i]);
      if (!colour) continue;
      const packed = 0xff000000 | (colour[2] << 16) | (colour[1] << 8) | colour[0];
      const left = Math.round(px * ratio - dot / 2), top = Math.round(py * ratio - dot / 2);
      for (let row = 0; row < dot; row++) { // corners are left out where there is room for it
        const inset = dot > 3 && (row === 0 || row === dot - 1) ? 1 : 0, start = (top + row) * image.width + left;
        pixels.fill(packed, start + inset, start + dot - inset);
      }
    }
    context.putImageData(image, 0, 0);
  }

  /** The number of each group in its middle, for readers who cannot tell the colours apart. */
  drawNumbers(context) {
    const column = this.chosen.colour;
    if (!column.isGroup) return;
    const places = this.middles();
    context.font = "bold 13px system-ui, sans-serif";
    context.textAlign = "center";
    context.lineWidth = 3;
    for (const [group, row] of places) {
      if (group < 1 || this.hidden.has(group)) continue;
      const [px, py] = this.toPixel(this.chosen.x.values[row], this.chosen.y.values[row]);
      if (!this.isInside(px, py)) continue;
      context.strokeStyle = "#fff";
      context.strokeText(group, px, py + 4);
      context.fillStyle = "#1d2733";
      context.fillText(group, px, py + 4);
    }
    context.lineWidth = 1;
  }

  /** For each group the particle nearest to the medians of the two columns: inside the group even where it is bent. */
  middles() {
    const { x, y, colour } = this.chosen, key = [x.name, y.name, colour.name].join();
    if (this.knownMiddles?.key === key) return this.knownMiddles.places;
    const members = new Map();
    colour.values.forEach((group, row) => members.has(group) ? members.get(group).push(row) : members.set(group, [row]));
    const places = members.size > MOST_NUMBERS ? [] : [...members].map(([group, rows]) => {
      const xMiddle = median(rows, x.values), yMiddle = median(rows, y.values);
      const xSpan = x.highest - x.lowest, ySpan = y.highest - y.lowest;
      const far = (row) => ((x.values[row] - xMiddle) / xSpan) ** 2 + ((y.values[row] - yMiddle) / ySpan) ** 2;
      return [group, rows.reduce((best, row) => far(row) < far(best) ? row : best)];
    });
    this.knownMiddles = { key, places };
    return places;
  }

  isInside(px, py) {
    const [width, height] = this.size;
    return px >= MARGIN.left && px <= width - MARGIN.right && py >= MARGIN.top && py <= height - MARGIN.bottom;
  }

  drawLegend() {
    const legend = this.element.querySelector(".legend"), column = this.chosen.colour;
    legend.replaceChildren(column.label + ":");
    if (!column.isGroup) {
      const bar = document.createElement("span");
      bar.style.cssText = `width:180px;height:12px;background:linear-gradient(to right,${VIRIDIS_STOPS.map(cssColour).join(",")})`;
      legend.append(tickText(column.lowest), bar, tickText(column.highest));
      return;
    }
    for (const group of [...new Set(column.values)].sort((a, b) => a - b).slice(0, 60)) {
      const button = document.createElement("button"), swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = cssColour(colourOfGroup(group));
      button.type = "button";
      button.title = "hide or show";
      button.append(swatch, group < 1 ? "none" : String(group));
      button.classList.toggle("hidden", this.hidden.has(group));
      button.onclick = () => { if (!this.hidden.delete(group)) this.hidden.add(group); this.draw(); };
      legend.append(button);
    }
  }

  tell(event) {
    const tip = this.element.querySelector(".tip"), xs = this.chosen.x.values, ys = this.chosen.y.values;
    let best = -1, nearest = 64; // squared CSS pixels
    for (let i = 0; i < xs.length; i++) {
      const [px, py] = this.toPixel(xs[i], ys[i]);
      const distance = (px - event.offsetX) ** 2 + (py - event.offsetY) ** 2;
      if (distance < nearest && !this.hidden.has(this.chosen.colour.values[i])) { nearest = distance; best = i; }
    }
    tip.style.display = best < 0 ? "none" : "block";
    if (best < 0) return;
    const shown = [this.chosen.x, this.chosen.y, this.chosen.colour];
    tip.textContent = [`particle row ${this.rows[best]} (from 0)`, ...shown.map((column) => `${column.label}: ${tickText(column.values[best])}`)].join("\n");
    const right = this.canvas.offsetLeft + this.canvas.clientWidth - tip.offsetWidth; // it stays on the page
    tip.style.left = `${Math.max(0, Math.min(right, this.canvas.offsetLeft + event.offsetX + 14))}px`;
    tip.style.top = `${this.canvas.offsetTop + event.offsetY + 10}px`;
  }
}
