// States: recluster the sketch maps with other settings, see the tree, and show the maps of a state.

import { swatchOf } from "../../reports/page/legend.js";
import { MaskChooser } from "./mask_chooser.js";
import { attempt, byId, sayMeanwhile, unsay } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { askPacked, asFloats } from "./server.js";
import { titleOfStateMap } from "./session_content.js";
import { TreeCut } from "./tree_cut.js";

const CLUSTERING = "clustering the maps ...";
export const COLUMN_NAME = "states_here";

export class StatesPanel {
  /** addColumn(description): show a new column of the particles as colours. */
  constructor({ landscape, linkages, nParticles, molecule, addColumn, removeColumn }) {
    this.removeColumn = removeColumn;
    this.changed = () => {}; // (what): the states are others
    this.isOfLandscape = true; // the states are those of the landscape, not clustered here
    this.nParticles = nParticles;
    this.molecule = molecule;
    this.addColumn = addColumn;
    this.requests = new NewestRequest();
    this.number = byId("n-states");
    this.linkage = byId("linkage");
    this.region = byId("region");
    this.number.value = landscape.nStates;
    this.number.max = landscape.nMaps;
    for (const name of linkages) this.linkage.add(new Option(name));
    for (const name of landscape.regions) this.region.add(new Option(name));
    this.linkage.value = landscape.linkage;
    for (const input of [this.number, this.linkage, this.region]) input.onchange = () => this.recluster();
    byId("n-states-auto").onclick = () => attempt(() => this.findNumber());
    this.reference = null; // the state whose mean was shown last
    this.treeCut = new TreeCut(byId("dendrogram"), landscape.nMaps, (number) => this.takeNumber(number));
    this.masks = new MaskChooser(landscape, molecule, () => this.recluster());
    this.first = this.settings();
  }

  /** Chosen by the cut of the tree. */
  takeNumber(number) {
    this.number.value = number;
    return this.recluster();
  }

  settings() {
    return {
      nStates: Number(this.number.value),
      linkage: this.linkage.value,
      region: this.region.value,
      mask: this.masks.request(),
    };
  }

  /** The fields as a saved session has them. */
  async restore({ nStates, linkage, region, mask }) {
    [this.number.value, this.linkage.value, this.region.value] = [nStates, linkage, region];
    this.masks.restore(mask ?? { kind: "landscape" });
    await this.masks.update();
    await this.cluster();
  }

  recluster(isNewColumn = true) {
    return attempt(async () => {
      await this.cluster(isNewColumn);
      if (isNewColumn) this.changed(`recluster: ${labelOf(this.settings())}`);
    });
  }

  /** The fields where the states were clustered here, null for those of the landscape. */
  changedSettings() {
    return this.isOfLandscape ? null : this.clustered;
  }

  /** As changedSettings gave them. */
  async restoreChanged(settings) {
    if (settings) return this.restore(settings);
    if (this.isOfLandscape) return;
    const { nStates, linkage, region } = this.first;
    [this.number.value, this.linkage.value, this.region.value] = [nStates, linkage, region];
    this.masks.restore(this.first.mask);
    await this.masks.update();
    await this.cluster(false);
    this.removeColumn(COLUMN_NAME);
  }

  /** As many states as the density of the particles has basins, by the linkage that has them as branches. */
  async findNumber() {
    sayMeanwhile(CLUSTERING);
    const request = { ...this.settings(), nStates: "auto" };
    const answer = await this.requests.run((signal) => askPacked("/api/states", request, signal));
    if (!answer) return;
    unsay(CLUSTERING);
    this.number.value = answer.head.counts.length;
    this.linkage.value = answer.head.linkage;
    await this.cluster();
  }

  /** Ask for the states; at the start they are the landscape's own, which are among the columns already. */
  async cluster(isNewColumn = true) {
    const start = performance.now();
    const settings = this.settings();
    const label = labelOf(settings);
    if (isNewColumn) sayMeanwhile(CLUSTERING);
    const answer = await this.requests.run((signal) => askPacked("/api/states", settings, signal));
    if (!answer) return;
    this.milliseconds = performance.now() - start;
    if (isNewColumn) unsay(CLUSTERING);
    const { head, parts } = answer;
    this.head = head;
    this.isOfLandscape = !isNewColumn;
    this.clustered = settings;
    this.mapStates = head.mapStates;
    this.molecule.setStates(head.mapStates);
    byId("states-quality").textContent =
      `silhouette score ${head.silhouette.toFixed(2)} (1: well separated, 0: overlapping)`;
    this.treeCut.show(head.tree, head.counts.length);
    this.reference = null;
    this.fillList();
    if (!isNewColumn) return;
    const range = { lowest: 0, highest: head.counts.length };
    const badges = Object.fromEntries(head.verdicts.map(({ badge }, index) => [index + 1, badge]));
    const column = { name: COLUMN_NAME, label, isOfThisPage: true, isGroup: true, badges, ...range };
    await this.addColumn({ ...column, values: asFloats(parts[0]) });
  }

  drawTree() {
    if (this.head) this.treeCut.show(this.head.tree, this.head.counts.length);
  }

  fillList() {
    const table = document.createElement("table");
    this.head.counts.forEach((count, index) => {
      const number = index + 1;
      const row = table.insertRow();
      row.insertCell().append(swatchOf(number), String(number));
      const size = row.insertCell();
      size.textContent = count.toLocaleString("en");
      size.title = `${((100 * count) / this.nParticles).toFixed(1)} % of the particles`;
      row.insertCell().append(badgeOf(this.head.verdicts[index]));
      row.insertCell().append(
        this.mapButton(number, "mean", "mean map"),
        this.mapButton(number, "variability", "standard deviation of the maps of this state"),
        this.mapButton(number, "difference", `difference from state ${this.referenceOf(number)}`),
      );
    });
    byId("states-list").replaceChildren(table);
  }

  mapButton(number, kind, title) {
    const button = document.createElement("button");
    button.textContent = kind;
    button.title = title;
    button.dataset.state = number;
    button.dataset.kind = kind;
    button.onclick = () => attempt(() => this.show(number, kind));
    return button;
  }

  /** The state from which a difference is taken: the one whose mean was shown last, or else the first. */
  referenceOf(number) {
    if (this.reference && this.reference !== number) return this.reference;
    return number === 1 ? 2 : 1;
  }

  async show(number, kind) {
    const certainty = `state ${number}: ${this.head.verdicts[number - 1].badge}`;
    const other = this.referenceOf(number);
    const state = { mapStates: this.mapStates, number, kind, other, certainty };
    const waiting = `averaging the maps of state ${number} ...`;
    sayMeanwhile(waiting);
    const isShown = await this.molecule.showStateMap(state, titleOfStateMap(state));
    if (!isShown) return;
    unsay(waiting);
    if (kind !== "mean") return;
    this.reference = number;
    this.fillList();
  }
}

/** What the checks say of a state; the findings behind it are its tip. */
function badgeOf({ kind, badge, sentence }) {
  const element = document.createElement("span");
  element.className = `badge ${kind.replaceAll(" ", "-")}`;
  element.textContent = badge;
  element.title = sentence;
  return element;
}

/** The column's label: everything that differs from the landscape. */
export function labelOf({ nStates, linkage, region, mask }) {
  const parts = [nStates, linkage];
  if (region !== "whole") parts.push(region);
  if (mask.kind === "made") parts.push("mask made here");
  if (mask.kind === "file") parts.push(mask.file);
  return `states (${parts.join(", ")})`;
}
