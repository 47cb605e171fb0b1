// The plot with everything that decides what it shows: axes, colour, legend and filters.

import { themeColour } from "../../reports/page/house_theme.js";
import { columnOption } from "../../reports/page/column_option.js";
import { fillLegend } from "../../reports/page/legend.js";
import { PixelPoints } from "../../reports/page/points_pixels.js";
import { ScatterPlot } from "../../reports/page/scatter_plot.js";
import { showOnly } from "./filters.js";
import { hasGraphicsCard } from "./graphics_card.js";
import { drawMark, drawOutline } from "./marks.js";
import { attempt, byId } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { WebGlPoints } from "./points_webgl.js";
import { RangeFilter } from "./range_filter.js";

export class PlotPanel {
  /** columns: ParticleColumns; onFlags: which particles are shown was changed. */
  constructor(columns, nPoints, onFlags) {
    this.columns = columns;
    this.onFlags = onFlags;
    this.beforeShown = () => {};
    this.changed = () => {}; // (what): the reader chose axes, colour or filters
    this.requests = new NewestRequest();
    this.chosen = {}; // columns: x, y, colour
    this.filters = [];
    this.hiddenGroups = new Set();
    this.markedRow = -1;
    this.outline = null; // corners of a lasso or box while it is drawn
    const points = byId("points");
    this.scatter = new ScatterPlot({
      points,
      overlay: byId("overlay"),
      painter: new (hasGraphicsCard() ? WebGlPoints : PixelPoints)(points),
      nPoints,
      drawAbove: (context, plot) => this.drawAbove(context, plot),
    });
    this.fillSelects();
    this.listen();
  }

  listen() {
    for (const id of ["axis-x", "axis-y", "axis-colour"])
      byId(id).onchange = () => attempt(() => this.chooseAxes(id));
    byId("filter-column").onchange = (event) => {
      const name = event.target.value;
      event.target.value = "";
      if (name) attempt(() => this.addFilter(name).then(() => this.changed(`filter on ${name}`)));
    };
    new ResizeObserver(() => this.scatter.drawSoon()).observe(byId("scatter"));
  }

  /** Names of the columns in the fields: x axis, y axis, colour. */
  names() {
    return ["axis-x", "axis-y", "axis-colour"].map((id) => byId(id).value);
  }

  fillSelects() {
    for (const id of ["axis-x", "axis-y", "axis-colour", "filter-column"]) {
      const select = byId(id);
      const before = select.value;
      select.replaceChildren(...(id === "filter-column" ? [new Option("a column ...", "")] : []));
      const offered = this.columns.all().filter((column) => !column.isOfBaskets || id === "axis-colour");
      for (const column of offered) select.add(columnOption(column, column.name));
      if (before) select.value = before;
    }
  }

  async chooseAxes(id) {
    await this.setAxes(...this.names());
    this.changed(`${id === "axis-colour" ? "colour" : id.replace("axis-", "") + " axis"}: ${byId(id).value}`);
  }

  /** Show columns by their names. */
  setAxes(...names) {
    ["axis-x", "axis-y", "axis-colour"].forEach((id, index) => { byId(id).value = names[index]; });
    return this.requests.run(async (signal) => {
      const [x, y, colour] = await Promise.all(names.map((name) => this.columns.load(name)));
      if (signal.aborted) return;
      this.beforeShown(); // columns that are filled when they are needed
      this.chosen = { x, y, colour };
      this.hiddenGroups.clear();
      this.scatter.setAxes(x, y);
      this.scatter.setColours(colour);
      this.drawLegend();
      this.refilter();
    });
  }

  /** A new column with values, as colours. */
  async addColumn(column) {
    this.columns.add(column);
    this.fillSelects();
    const [x, y] = this.names();
    await this.setAxes(x, y, column.name);
  }

  removeColumn(name) {
    this.columns.byName.delete(name);
    this.fillSelects();
  }

  drawLegend() {
    fillLegend(byId("legend"), this.chosen.colour, this.hiddenGroups, () => {
      this.refilter();
      this.changed("hidden groups");
    });
  }

  async addFilter(name) {
    const column = await this.columns.load(name);
    const filter = new RangeFilter(column, {
      onChange: () => this.refilter(),
      onEnd: () => this.changed(`range of ${name}`),
      onRemove: () => {
        this.filters = this.filters.filter((one) => one !== filter);
        this.refilter();
        this.changed(`no filter on ${name}`);
      },
    });
    this.filters.push(filter);
    byId("filters").append(filter.element);
    filter.draw();
    return filter;
  }

  removeFilters() {
    for (const filter of this.filters) filter.element.remove();
    this.filters = [];
  }

  refilter() {
    const { isGroup, values } = this.chosen.colour;
    showOnly(this.scatter, this.filters, isGroup ? values : null, this.hiddenGroups);
    this.onFlags();
  }

  mark(row) {
    this.markedRow = row;
    this.scatter.drawSoon();
  }

  drawAbove(context, plot) {
    this.drawTrajectory?.(context, plot);
    if (this.markedRow >= 0) drawMark(context, plot.pixelOf(this.markedRow), themeColour("ink"));
    if (this.outline) drawOutline(context, this.outline);
  }
}
