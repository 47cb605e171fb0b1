// Maps compared: states, baskets and points of a path as surfaces in one view, and as files for ChimeraX.

import { colourBarCss, colourOfGroup, cssColour } from "../../reports/page/colours.js";
import {
  basketEntry, highestStd, pointEntry, stateEntry, surfacesOf, withEntry,
} from "./compare_entries.js";
import { MAXIMUM_VIEWS } from "./linked_views.js";
import { drawMark } from "./marks.js";
import { packedMembers } from "./members.js";
import { attempt, byId, counted, say, sayMeanwhile, unsay } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { saveUnderName } from "./saving.js";
import { askPacked } from "./server.js";
import { valueOnAxis } from "./trajectory.js";

const LOWEST_OPACITY = 0.1;
const FIRST_OPACITY_OF_SEVERAL = 0.6;

export class ComparePanel {
  /** page: the ExplorerPage. */
  constructor(page) {
    this.page = page;
    this.entries = [];
    this.requests = new NewestRequest(); // of each map that is added
    this.choice = byId("compare-choice");
    this.byVariability = byId("compare-variability");
    this.choice.onfocus = this.choice.onpointerdown = () => this.fillChoice();
    byId("compare-add").onclick = () => attempt(() => this.add());
    byId("compare-show").onclick = () => attempt(() => this.show());
    byId("compare-chimerax").onclick = () => attempt(() => this.saveForChimerax());
    byId("level").addEventListener("input", () => this.showNumbers());
    byId("level-unit").addEventListener("change", () => this.showNumbers());
    this.arrangement = byId("compare-arrangement");
    this.arrangement.onchange = () => attempt(() => this.show());
    this.byVariability.onchange = () => attempt(() => this.show());
    this.fillChoice();
  }

  /** What can be added now, by name: a function that gives the entry. */
  offered() {
    const { states, baskets, trajectory } = this.page;
    const found = new Map();
    (states?.head?.counts ?? []).forEach((_, index) =>
      found.set(`state ${index + 1}`, () => stateEntry(index + 1, states.mapStates)));
    for (const basket of baskets.list()) if (basket.count)
      found.set(`basket: ${basket.name}`, () => basketEntry(basket));
    const { path } = trajectory;
    const fractions = { start: 0, "position of the slider": Number(trajectory.slider.value), end: 1 };
    if (path) for (const [name, fraction] of Object.entries(fractions))
      found.set(`path: ${name}`, () => ({ ...pointEntry(path, fraction), path }));
    return found;
  }

  fillChoice() {
    const before = this.choice.value;
    const names = [...this.offered().keys()];
    this.choice.replaceChildren(...names.map((name) => new Option(name)));
    if (names.includes(before)) this.choice.value = before;
  }

  async add(name = this.choice.value) {
    this.fillChoice();
    const make = this.offered().get(name);
    if (!make) throw new Error("Choose a state, a basket or a point of a path to compare.");
    const entry = make();
    withEntry(this.entries, entry); // refuses before anything is decoded
    const waiting = `averaging the maps of ${entry.name} ...`;
    sayMeanwhile(waiting);
    try {
      const ask = (signal) => askPacked("/api/compare/map", entry.request, signal);
      const answer = await this.requests.run(ask);
      if (!answer) return;
      const { head, parts: [mean, std] } = answer;
      const opacity = this.entries.length ? FIRST_OPACITY_OF_SEVERAL : 1;
      Object.assign(entry, { mean, std, opacity, ...head });
      this.entries = withEntry(this.entries, entry);
    } finally {
      unsay(waiting);
    }
    this.selectNext(name);
    await this.show();
  }

  /** So that a second press adds the next one. */
  selectNext(name) {
    const names = [...this.offered().keys()];
    this.choice.value = names[Math.min(names.indexOf(name) + 1, names.length - 1)] ?? "";
  }

  /** A single map fills the view in any case. */
  get isSideBySide() {
    return this.arrangement.value === "side" && this.shown.length > 1;
  }

  get shown() {
    return this.entries.filter((one) => one.isShown);
  }

  async show() {
    this.update();
    const { shown } = this;
    if (!shown.length) return;
    const [first] = shown;
    const ofSeveral = `comparison of ${counted(shown.length, "map")}`;
    const title = shown.length === 1 ? `${first.name}, mean` : ofSeveral;
    await this.page.molecule.showOther(async () => {
      const surfaces = surfacesOf(this.entries, this.byVariability.checked);
      const words = shown.map((one) => one.name).join(", ");
      const whole = { title, certainty: words, volume: first.mean, mapSigma: first.mapSigma };
      if (!this.isSideBySide) return { ...whole, surfaces };
      return { ...whole, surfaces: surfaces.slice(0, MAXIMUM_VIEWS), isSideBySide: true };
    });
    const nLeft = shown.length - MAXIMUM_VIEWS;
    if (this.isSideBySide && nLeft > 0)
      say(`The first ${MAXIMUM_VIEWS} maps are side by side; untick others to see the remaining ${nLeft}.`);
    this.showNumbers();
  }

  /** The list, and what of it is no longer as it was when it was added. */
  update() {
    const { entries } = this;
    byId("compare-list").replaceChildren(...entries.map((one) => this.rowOf(one)));
    byId("compare-empty").hidden = entries.length > 0;
    byId("compare-actions").hidden = !entries.length;
    this.showLegend();
    this.showNumbers();
    this.page.plot.drawSoon();
  }

  rowOf(entry) {
    const row = document.createElement("div");
    row.className = "compared";
    row.append(this.boxOf(entry), this.opacityOf(entry), this.numberOf(entry), this.removeButton(entry));
    return row;
  }

  boxOf(entry) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = entry.isShown;
    box.onchange = () => {
      entry.isShown = box.checked || this.shown.length === 1; // an empty view would lose its position
      attempt(() => this.show());
    };
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = entry.colour;
    const earlier = this.isEarlier(entry) ? " (as it was when added)" : "";
    label.append(box, swatch, entry.name + earlier);
    label.title = averagedInWords(entry);
    return label;
  }

  opacityOf(entry) {
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: LOWEST_OPACITY, max: 1, step: 0.05, value: entry.opacity });
    slider.setAttribute("aria-label", `opacity of ${entry.name}`);
    slider.disabled = this.isSideBySide; // nothing is behind it
    slider.oninput = () => {
      entry.opacity = Number(slider.value);
      attempt(() => this.showSurfaces());
    };
    return slider;
  }

  /** Without a new list, in which the slider that is dragged would be lost. */
  showSurfaces() {
    const { molecule } = this.page;
    if (!molecule.subject?.surfaces || molecule.subject.isSideBySide) return this.show();
    molecule.subject.surfaces = surfacesOf(this.entries, this.byVariability.checked);
    return molecule.drawSurface();
  }

  numberOf(entry) {
    const number = document.createElement("span");
    number.className = "compared-level";
    number.dataset.key = entry.key;
    return number;
  }

  removeButton(entry) {
    const button = document.createElement("button");
    button.textContent = "×";
    button.setAttribute("aria-label", `remove ${entry.name} from the comparison`);
    button.onclick = () => {
      this.entries = this.entries.filter((one) => one !== entry);
      if (this.entries.length && !this.shown.length) this.entries[0].isShown = true;
      attempt(() => this.show());
    };
    return button;
  }

  /** The level of each surface, in the unit in which levels are not written beside the slider too. */
  showNumbers() {
    const levels = this.page.molecule?.levels;
    for (const number of byId("compare-list").querySelectorAll(".compared-level")) {
      const entry = this.entries.find((one) => one.key === number.dataset.key);
      const density = levels.densityOf(levels.bytesFor(entry.mapSigma), {});
      number.textContent = `${(density / entry.mapSigma).toFixed(1)} σ`;
      number.title = `level: density ${density.toPrecision(3)}`;
    }
  }

  showLegend() {
    const legend = byId("compare-legend");
    const highest = highestStd(this.entries);
    legend.hidden = !this.byVariability.checked || !this.entries.length;
    if (legend.hidden) return;
    const bar = document.createElement("span");
    bar.className = "colour-bar";
    bar.style.background = colourBarCss();
    const grey = document.createElement("span");
    grey.className = "swatch";
    grey.style.background = cssColour(colourOfGroup(0));
    const unknown = this.shown.some((one) => !one.std) ? [grey, "one map: no variability"] : [];
    const title = "standard deviation over particles (density, in the model):";
    legend.replaceChildren(title, " 0", bar, `${highest.toPrecision(3)} and more`, ...unknown);
  }

  /** A basket that was changed, states that were clustered again, another path. */
  isEarlier({ kind, name, source, path }) {
    const { states, baskets, trajectory } = this.page;
    if (kind === "state") return String(states?.mapStates) !== source;
    if (kind === "point") return trajectory.path !== path;
    const basket = baskets.list().find((one) => one.name === name);
    return !basket || packedMembers(basket.members).data !== source;
  }

  async saveForChimerax() {
    const { levels } = this.page.molecule;
    const maps = this.shown.map(({ request, name, colour, opacity, mapSigma }) => {
      const level = levels.densityOf(levels.bytesFor(mapSigma), {});
      return { ...request, name, colour, opacity, level };
    });
    const body = { maps, highestStd: this.byVariability.checked ? highestStd(this.entries) : null };
    say("writing maps for ChimeraX ...");
    const answer = await saveUnderName(byId("compare-name"), (name) => `/api/compare/chimerax/${name}`, body);
    if (!answer) return;
    const [script] = answer.files;
    say(`Open it with: chimerax ${script} (${counted(answer.files.length - 1, "map")} beside the script)`);
  }

  /** Points of the path that are compared, in their colours. */
  draw(context, plot, axes, latentAxes) {
    for (const { isShown, request, row, name, colour } of this.entries) {
      if (!isShown || request.of !== "point") continue;
      const known = axes.map((axis) => latentAxes[axis]);
      const pixel = known.every(Boolean)
        ? plot.view.toPixel(...known.map((axis) => valueOnAxis(axis, request.latents)))
        : plot.pixelOf(row);
      drawMark(context, pixel, colour, name);
    }
  }
}

function averagedInWords({ averaged, kind }) {
  if (kind === "point") return "decoded at a point of the path";
  const of = kind === "state" ? "sketch maps of this state, weighted by their particles" : "of its particles";
  return `mean of ${counted(averaged, "decoded map")} ${of}`;
}
