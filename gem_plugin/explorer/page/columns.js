// The columns of the particles: described at the start, their values fetched when they are first needed.

import { askFloats } from "./server.js";

export class ParticleColumns {
  /** descriptions: name, label, isGroup, lowest, highest of each. */
  constructor(descriptions) {
    this.byName = new Map(descriptions.map((column) => [column.name, { ...column }]));
  }

  all() {
    return [...this.byName.values()];
  }

  /** Those whose values are here. */
  loaded() {
    return this.all().filter((column) => column.values);
  }

  add(column) {
    this.byName.set(column.name, column);
  }

  /** A column with its values (float32). */
  async load(name) {
    const column = this.byName.get(name);
    if (!column) throw new Error(`This run has no column ${name}.`);
    if (!column.values) {
      const values = await askFloats(`/api/column/${encodeURIComponent(name)}`);
      column.values ??= values;
    }
    return column;
  }

  /** Names of the x axis, the y axis and the colour at the start. */
  firstChoice() {
    const numbers = this.all().filter((column) => !column.isGroup).map((column) => column.name);
    const [x, y = x, other = x] = numbers;
    return [x, y, this.byName.has("state") ? "state" : other];
  }
}
