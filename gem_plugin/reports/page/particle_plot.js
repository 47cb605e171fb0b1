// The plot of the report: any two columns of the particles, coloured by a third. Its data are in the page.

import { tickText } from "./axes.js";
import { columnOption } from "./column_option.js";
import { GroupNumbers } from "./group_numbers.js";
import { onThemeChange } from "./house_theme.js";
import { fillLegend } from "./legend.js";
import { unpackedColumn, valuesOf } from "./packed_columns.js";
import { SHOWN } from "./point_style.js";
import { PixelPoints } from "./points_pixels.js";
import { ScatterPlot } from "./scatter_plot.js";
import { fillUnderLegend, UNDER_KINDS } from "./under_points.js";
import { listenToZoomAndPan } from "./zoom_and_pan.js";

const REACH_OF_POINTER = 8; // CSS pixels
const AXES = [["x", "x axis"], ["y", "y axis"], ["colour", "colour"]];

export class ParticlePlot {
  constructor(element, data) {
    this.element = element;
    this.columns = data.columns.map(unpackedColumn);
    this.rows = valuesOf(data.rows).map(Math.round);
    this.hiddenGroups = new Set();
    const numbers = this.columns.filter((column) => !column.isGroup);
    this.chosen = {
      x: numbers[0],
      y: numbers[1] ?? numbers[0],
      colour: this.columns.find((column) => column.name === "state") ?? numbers[2] ?? numbers[0],
    };
    const [points, overlay] = element.querySelectorAll("canvas");
    this.plot = new ScatterPlot({
      points,
      overlay,
      painter: new PixelPoints(points),
      nPoints: this.rows.length,
      drawAbove: (context, plot) =>
        this.numbers.draw(context, plot, this.chosen.colour, this.hiddenGroups),
    });
    this.numbers = new GroupNumbers();
    this.makeControls();
    this.listen(overlay);
    this.choose();
    onThemeChange(() => {
      this.plot.under.stale();
      this.choose();
    });
  }

  makeControls() {
    const controls = this.element.querySelector(".controls");
    for (const [role, title] of AXES) {
      const label = document.createElement("label");
      const select = document.createElement("select");
      select.dataset.role = role;
      this.columns.forEach((column, index) => select.add(columnOption(column, index)));
      select.value = this.columns.indexOf(this.chosen[role]);
      select.onchange = () => {
        this.chosen[role] = this.columns[select.value];
        if (role === "colour") this.hiddenGroups.clear();
        this.choose();
      };
      label.append(`${title} `, select);
      controls.append(label);
    }
    controls.append(this.chooserOfUnder());
  }

  /** What lies under the points. */
  chooserOfUnder() {
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.dataset.role = "under";
    for (const kind of UNDER_KINDS) select.add(new Option(kind));
    select.onchange = () => {
      this.plot.setUnder(select.value);
      this.plot.draw();
      this.showUnderLegend();
    };
    label.append("under the points ", select);
    return label;
  }

  showUnderLegend() {
    this.underLegend ??= document.createElement("div");
    fillUnderLegend(this.underLegend, this.plot.under.legendOf(this.plot));
    this.element.querySelector(".legend").after(this.underLegend);
  }

  listen(overlay) {
    listenToZoomAndPan(overlay, this.plot, { startsPan: () => true, redraw: () => this.plot.draw() });
    overlay.addEventListener("pointermove", (event) => this.showTip(event));
    overlay.addEventListener("pointerleave", () => { this.tip.style.display = "none"; });
    new ResizeObserver(() => this.plot.draw()).observe(overlay);
  }

  get tip() {
    return this.element.querySelector(".tip");
  }

  /** Show the chosen columns. */
  choose() {
    const { x, y, colour } = this.chosen;
    this.plot.setAxes(x, y);
    this.plot.setColours(colour);
    this.numbers.stale();
    const title = document.createElement("span");
    title.textContent = `${colour.label}:`;
    const items = document.createElement("span");
    fillLegend(items, colour, this.hiddenGroups, () => this.hideGroups(), this.plot.showsShapes());
    this.element.querySelector(".legend").replaceChildren(title, ...items.childNodes);
    this.hideGroups();
  }

  hideGroups() {
    const { isGroup, values } = this.chosen.colour;
    const { flags } = this.plot;
    for (let i = 0; i < flags.length; i++)
      flags[i] = isGroup && this.hiddenGroups.has(values[i]) ? 0 : SHOWN;
    this.plot.flagsChanged();
    this.plot.draw();
    this.showUnderLegend();
  }

  /** The values of the particle under the pointer. */
  showTip(event) {
    const { tip } = this;
    const index = event.buttons ? -1 : this.plot.nearest(event.offsetX, event.offsetY, REACH_OF_POINTER);
    tip.style.display = index < 0 ? "none" : "block";
    if (index < 0) return;
    const { x, y, colour } = this.chosen;
    const values = [x, y, colour].map((column) => `${column.label}: ${tickText(column.values[index])}`);
    tip.textContent = [`particle row ${this.rows[index]} (counted from 0)`, ...values].join("\n");
    const { offsetLeft, offsetTop } = this.element.querySelector(".plot");
    const right = offsetLeft + event.target.clientWidth - tip.offsetWidth; // it stays on the page
    tip.style.left = `${Math.max(0, Math.min(right, offsetLeft + event.offsetX + 14))}px`;
    tip.style.top = `${offsetTop + event.offsetY + 10}px`;
  }
}
