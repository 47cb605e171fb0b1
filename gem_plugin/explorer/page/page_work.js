// The work of a page as parts: baskets, axes, colour, filters, waypoints and states. The history and the
// server keep them.

import { packedBasket, unpackedBasket } from "./baskets.js";

const BASKET_PART = "basket.";
export const OWN_PARTS = ["active"]; // of each tab; others do not follow it
const WITH_MODEL = ["states", "waypoints"]; // wait until the model is open

export class PageWork {
  /** page: the ExplorerPage. */
  constructor(page) {
    this.page = page;
    this.waiting = {}; // parts that cannot be shown yet, by name
    this.isRestoring = false;
  }

  /** Everything that undo brings back, by name. */
  capture() {
    const { plot, baskets, trajectory, states } = this.page;
    const { x, y, colour } = plot.chosen;
    const parts = { active: baskets.activeId };
    for (const basket of baskets.list()) parts[BASKET_PART + basket.id] = basket;
    if (x) {
      parts.axes = { x: x.name, y: y.name };
      parts.colour = { name: colour.name, hiddenGroups: [...plot.hiddenGroups].sort((a, b) => a - b) };
      if (colour.promoted?.length) parts.colour.promoted = colour.promoted;
      parts.filters = plot.filters.map((filter) => filter.settings());
      parts.look = plot.look.settings();
    }
    const { waypoints, path, kind } = trajectory.settings();
    parts.waypoints = { waypoints: [...waypoints], path, kind };
    parts.states = states?.changedSettings() ?? null;
    return { ...parts, ...this.waiting };
  }

  /** Bring parts back; undefined or null: it was not there. */
  async restore(parts) {
    this.isRestoring = true;
    try {
      this.restoreBaskets(parts);
      await this.restoreRest({ ...this.waiting, ...parts });
    } finally {
      this.isRestoring = false;
    }
  }

  restoreBaskets(parts) {
    const { baskets, basketPanel } = this.page;
    for (const [name, basket] of Object.entries(parts)) {
      if (!name.startsWith(BASKET_PART)) continue;
      if (basket) baskets.put(basket);
      else baskets.byId.delete(name.slice(BASKET_PART.length));
    }
    if (!baskets.byId.size) baskets.add();
    baskets.activate(parts.active ?? baskets.activeId);
    basketPanel.show();
  }

  async restoreRest(parts) {
    const { plot, trajectory, states, molecule } = this.page;
    this.waiting = {};
    const wait = (...names) => {
      for (const name of names) if (name in parts) this.waiting[name] = parts[name];
    };
    if (!molecule) wait(...WITH_MODEL);
    else {
      if (parts.states !== undefined) await states?.restoreChanged(parts.states);
      if (parts.waypoints) trajectory.restore({ ...parts.waypoints, fraction: 0 });
    }
    if (!this.areColumnsThere(parts)) await plot.offerFileColumns().catch(() => {}); // asked for again later
    if (this.areColumnsThere(parts)) await restorePlot(plot, parts);
    else wait("axes", "colour", "filters", "look");
  }

  areColumnsThere({ axes, colour, filters, look }) {
    const names = [axes?.x, axes?.y, colour?.name, ...(filters ?? []).map(({ column }) => column)];
    if (look?.second) names.push(look.second.x, look.second.y);
    return names.every((name) => !name || this.page.columns.byName.has(name));
  }

  /** To be called when the model is there: what waited for it is shown; what still cannot be is dropped. */
  async restoreWaiting() {
    if (Object.keys(this.waiting).length) await this.restore({});
    this.waiting = {};
  }

  /** Parts as the server keeps them; null for those that are no more. */
  packed(parts) {
    return Object.fromEntries(Object.entries(parts).map(([name, value]) =>
      [name, value?.members ? packedBasket(value) : value ?? null]));
  }

  /** Parts of the server. */
  unpacked(parts) {
    const { nParticles } = this.page.run;
    return Object.fromEntries(Object.entries(parts).map(([name, value]) => {
      const isBasket = value && name.startsWith(BASKET_PART);
      return [name, isBasket ? unpackedBasket(name.slice(BASKET_PART.length), value, nParticles) : value];
    }));
  }

  /** What parts are called by readers. earlier: values of those that are no more. */
  inWords(parts, earlier) {
    const names = Object.keys(parts).map((name) => {
      if (!name.startsWith(BASKET_PART)) return name;
      return `basket ${(parts[name] ?? earlier[name])?.name ?? ""}`;
    });
    return names.join(", ");
  }
}

async function restorePlot(plot, { axes, colour, filters, look }) {
  if (look) await plot.look.restore(look);
  if (filters) await restoreFilters(plot, filters);
  if (axes || colour) {
    const [x, y, name] = plot.names();
    await plot.setAxes(axes?.x ?? x, axes?.y ?? y, colour?.name ?? name);
  }
  if (colour) {
    plot.setGroups(colour);
  }
  plot.refilter();
}

async function restoreFilters(plot, filters) {
  plot.removeFilters();
  for (const filter of filters) (await plot.addFilter(filter.column)).restore(filter);
}
