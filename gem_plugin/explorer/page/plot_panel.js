// The plot with everything that decides what it shows: axes, colour, legend and filters.

import { tickText } from "../../reports/page/axes.js";
import { themeColour } from "../../reports/page/house_theme.js";
import { columnOption } from "../../reports/page/column_option.js";
import { GroupNumbers } from "../../reports/page/group_numbers.js";
import { fillLegend, nameOfGroup } from "../../reports/page/legend.js";
import { PixelPoints } from "../../reports/page/points_pixels.js";
import { ScatterPlot } from "../../reports/page/scatter_plot.js";
import { setPromoted } from "./category_column.js";
import { CategoryFilter } from "./category_filter.js";
import { fillCategorySearch } from "./category_search.js";
import { asAxis } from "./columns.js";
import { showOnly } from "./filters.js";
import { hasGraphicsCard } from "./graphics_card.js";
import { drawMark, drawOutline } from "./marks.js";
import { attempt, byId } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { PlotLook } from "./plot_look.js";
import { WebGlPoints } from "./points_webgl.js";
import { RangeFilter } from "./range_filter.js";
import { SecondPlane } from "./second_plane.js";

const FIELDS = ["axis-x", "axis-y", "axis-colour"];
const ONLY_NUMBERS = ["axis-x", "axis-y", "second-x", "second-y"];

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
    this.numbers = new GroupNumbers();
    const points = byId("points");
    this.scatter = new ScatterPlot({
      points,
      overlay: byId("overlay"),
      painter: new (hasGraphicsCard() ? WebGlPoints : PixelPoints)(points),
      nPoints,
      drawAbove: (context, plot) => this.drawAbove(context, plot, this.outline, this.numbers),
    });
    const changed = (what) => this.changed(what);
    this.second = new SecondPlane(this, changed);
    this.second.numbers = new GroupNumbers();
    this.look = new PlotLook(this, changed);
    this.fillSelects();
    this.listen();
  }

  listen() {
    for (const id of FIELDS) byId(id).onchange = () => attempt(() => this.chooseAxes(id));
    byId("filter-column").onchange = (event) => {
      const name = event.target.value;
      event.target.value = "";
      if (name) attempt(() => this.addFilter(name).then(() => this.changed(`filter on ${name}`)));
    };
    new ResizeObserver(() => this.drawSoon()).observe(byId("scatter"));
  }

  /** The planes that are shown. */
  planes() {
    return this.second.isOn ? [this.scatter, this.second.scatter] : [this.scatter];
  }

  drawSoon() {
    for (const plane of this.planes()) plane.drawSoon();
  }

  /** Names of the columns in the fields: x axis, y axis, colour. */
  names() {
    return FIELDS.map((id) => byId(id).value);
  }

  fillSelects() {
    for (const id of [...ONLY_NUMBERS, "axis-colour", "filter-column"]) {
      const select = byId(id);
      const before = select.value;
      select.replaceChildren(...(id === "filter-column" ? [new Option("a column ...", "")] : []));
      const isOffered = (column) =>
        (!column.isOfBaskets || id === "axis-colour") && !(column.isText && ONLY_NUMBERS.includes(id));
      const offered = this.columns.all().filter(isOffered);
      const ofRun = offered.filter((column) => !column.isOfFile);
      for (const column of ofRun) select.add(columnOption(column, column.name));
      this.addFileOptions(select, offered.filter((column) => column.isOfFile));
      if (before) select.value = before;
    }
  }

  /** Below those of the run: the columns of the particle file, or what is missing. */
  addFileOptions(select, offered) {
    const { file } = this.columns;
    if (!file) return;
    const group = document.createElement("optgroup");
    group.label = file.name ? `of ${file.name}` : "of the particle file";
    const missing = new Option("not there", "");
    [missing.disabled, missing.title] = [true, file.missing];
    group.append(...(file.missing ? [missing] : offered.map((column) => columnOption(column, column.name))));
    select.append(group);
  }

  /** The columns of the particle file are asked for once, and offered from then on. */
  async offerFileColumns() {
    if (this.columns.file) return;
    await this.columns.askForFile();
    this.fillSelects();
  }

  async chooseAxes(id) {
    await this.setAxes(...this.names());
    this.changed(`${id === "axis-colour" ? "colour" : id.replace("axis-", "") + " axis"}: ${byId(id).value}`);
  }

  /** Show columns by their names. Where one cannot be shown, all stay as they were. */
  setAxes(...names) {
    FIELDS.forEach((id, index) => { byId(id).value = names[index]; });
    return this.requests.run(async (signal) => {
      try {
        const [x, y, colour] = await Promise.all(names.map((name) => this.columns.load(name)));
        if (signal.aborted) return;
        this.show(asAxis(x), asAxis(y), colour);
      } catch (error) {
        if (!signal.aborted && this.chosen.x)
          FIELDS.forEach((id, index) => { byId(id).value = Object.values(this.chosen)[index].name; });
        throw error;
      }
    });
  }

  show(x, y, colour) {
    this.beforeShown(); // columns that are filled when they are needed
    this.chosen = { x, y, colour };
    this.hiddenGroups.clear();
    this.scatter.setAxes(x, y);
    this.colourAgain();
    this.refilter();
  }

  /** The values of the column of the colours are others: colours and legend. */
  colourAgain() {
    this.scatter.setColours(this.chosen.colour);
    this.numbers.stale();
    this.second.numbers.stale();
    this.second.takeLook();
    this.drawLegend();
    this.drawSoon();
  }

  /** The page became light or dark. */
  inOtherColours() {
    for (const { under } of this.planes()) under.stale();
    this.colourAgain();
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
    const { colour } = this.chosen;
    const onToggle = () => {
      this.refilter();
      this.changed("hidden groups");
    };
    fillLegend(byId("legend"), colour, this.hiddenGroups, onToggle, this.scatter.showsShapes());
    byId("numbers-row").hidden = !colour.isGroup;
    fillCategorySearch(byId("category-search"), colour, (column) => this.recategorise(column, true));
  }

  /** A column of texts has other groups than before. */
  recategorise(column, isChange = false) {
    for (const filter of this.filters) if (filter.column === column) filter.draw();
    if (this.chosen.colour === column) this.colourAgain();
    this.refilter();
    if (isChange) this.changed(`group of ${column.name}`);
  }

  /** As they were saved: the groups of the colour that are hidden, and those that were searched for. */
  setGroups({ hiddenGroups, promoted }) {
    const { colour } = this.chosen;
    this.hiddenGroups.clear();
    for (const group of hiddenGroups) this.hiddenGroups.add(group);
    if (colour.isText) setPromoted(colour, promoted ?? []);
    if (colour.isText) this.colourAgain();
    else this.drawLegend();
  }

  async addFilter(name) {
    const column = await this.columns.load(name);
    const filter = new (column.isText ? CategoryFilter : RangeFilter)(column, {
      onChange: () => this.refilter(),
      onEnd: () => this.changed(`${column.isText ? "groups" : "range"} of ${name}`),
      onFound: (found) => this.chosen.colour === found && this.colourAgain(),
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
    this.drawSoon();
  }

  drawAbove(context, plot, outline, numbers) {
    numbers.draw(context, plot, this.chosen.colour, this.hiddenGroups);
    this.drawTrajectory?.(context, plot);
    if (this.markedRow >= 0) drawMark(context, plot.pixelOf(this.markedRow), themeColour("ink"));
    if (outline) drawOutline(context, outline);
  }
}

/** The value of a particle in words: the name of its category or group, or a number. */
export function valueText(column, row) {
  const { values, codes, isText, groupNames } = column;
  if (isText) {
    const name = [...column.categories, ...column.promoted].find(({ number }) => number === codes[row])?.name;
    return name ?? (codes[row] ? "one of the others" : "none");
  }
  if (Number.isNaN(values[row])) return "no value";
  return groupNames ? nameOfGroup(values[row], column) : tickText(values[row]);
}
