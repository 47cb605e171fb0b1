// The columns of the particles: described at the start, their values fetched when they are first needed.
// Those of the particle file (isOfFile) are only named until one is chosen.

import { makeCategories } from "./category_column.js";
import { askFloats, askJson, askPacked, asFloats } from "./server.js";

const NAMES_OF_TEXTS = /Name$|\/(\w*path|type)$/; // in star and cs files

export class ParticleColumns {
  /** descriptions: name, label, isGroup, lowest, highest of each. */
  constructor(descriptions) {
    this.byName = new Map(descriptions.map((column) => [column.name, { ...column }]));
    this.file = null; // name of the particle file and what is missing, once it was asked for
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

  /** Ask for the names of the columns of the particle file, once. */
  async askForFile() {
    this.asking ??= askJson("/api/file-columns");
    try {
      this.addOfFile(await this.asking);
    } catch (error) {
      this.asking = null; // to be tried again
      throw error;
    }
  }

  addOfFile({ file, columns, missing }) {
    if (this.file) return;
    this.file = { name: file, missing };
    for (const name of columns) if (!this.byName.has(name))
      this.byName.set(name, { name, label: name, isOfFile: true, isText: NAMES_OF_TEXTS.test(name) });
  }

  /** A column with its values (float32). */
  async load(name) {
    const column = this.byName.get(name);
    if (!column) throw new Error(`This run has no column ${name}.`);
    if (column.values) return column;
    if (column.isOfFile) return this.loadOfFile(column);
    const values = await askFloats(`/api/column/${encodeURIComponent(name)}`);
    column.values ??= values;
    return column;
  }

  async loadOfFile(column) {
    const { head, parts } = await askPacked(`/api/file-column/${encodeURIComponent(column.name)}`);
    if (column.values) return column; // two asked for it
    const { isGroup, lowest, highest, hasNoValues, isText = false } = head;
    Object.assign(column, { isGroup, lowest, highest, hasNoValues, isText });
    if (isText) makeCategories(column, asFloats(parts[0]), head);
    else column.values = asFloats(parts[0]);
    return column;
  }

  /** Names of the x axis, the y axis and the colour at the start. */
  firstChoice() {
    const numbers = this.all().filter((column) => !column.isGroup).map((column) => column.name);
    const [x, y = x, other = x] = numbers;
    return [x, y, this.byName.has("state") ? "state" : other];
  }
}

/** The column, where it holds numbers; throws a sentence where it holds text. */
export function asAxis(column) {
  if (!column.isText) return column;
  throw new Error(`${column.name} holds text, which cannot be an axis. Choose it as colour or as filter.`);
}

/** Categories of a column of texts whose names hold a text. */
export async function searchCategories({ name }, text) {
  const address = `/api/file-categories/${encodeURIComponent(name)}?text=${encodeURIComponent(text)}`;
  return (await askJson(address)).found;
}
