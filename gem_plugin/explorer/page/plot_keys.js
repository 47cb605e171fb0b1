// The plot by keyboard: from particle to particle, pan, zoom, and a box.

import { SHOWN } from "../../reports/page/point_style.js";
import { ARROWS } from "./arrow_keys.js";

const PIXEL_STEP = 20; // CSS pixels, of a pan and of the corner of a box
const FINE_PIXEL_STEP = 4; // of the corner of a box, with Shift
const ZOOM_OF_KEY = 0.8;
const SIDEWAYS = 2; // how much farther a particle counts for each pixel that it lies aside

export const PLOT_SHORTCUTS = [
  ["arrows", "to the next particle in that direction"],
  ["Shift + arrows", "pan"],
  ["+ and -", "zoom"],
  ["0", "show everything"],
  ["Enter", "show the molecule of the particle"],
  ["a and s", "add the particle to the selection, subtract it"],
  ["b", "a box from there: arrows move its corner (with Shift by less), Enter selects, Escape ends it"],
];

export class PlotKeys {
  /** overlay: the canvas that has the focus; plot: the PlotPanel; show(row): its molecule. */
  constructor({ overlay, plot, selection, show, say }) {
    Object.assign(this, { overlay, plot, selection, show, say });
    this.corner = null; // of a box that is being drawn: the one that moves, in pixels
    overlay.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.press(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    overlay.addEventListener("blur", () => this.endBox());
  }

  get scatter() {
    return this.plot.scatter;
  }

  /** Gives whether the key has a meaning here. */
  press({ key, shiftKey }) {
    if (key in ARROWS) return this.pressArrow(ARROWS[key], shiftKey);
    if (this.corner && key === "Enter") return this.selectBox();
    if (this.corner && key === "Escape") return this.endBox();
    const work = {
      Enter: () => this.show(this.row()),
      "+": () => this.zoom(ZOOM_OF_KEY),
      "=": () => this.zoom(ZOOM_OF_KEY),
      "-": () => this.zoom(1 / ZOOM_OF_KEY),
      0: () => this.scatter.showAll(),
      a: () => this.change("add"),
      s: () => this.change("remove"),
      b: () => this.beginBox(),
    }[key];
    if (!work) return false;
    work();
    this.scatter.drawSoon();
    return true;
  }

  pressArrow(direction, isShift) {
    if (this.corner) this.moveCorner(direction, isShift ? FINE_PIXEL_STEP : PIXEL_STEP);
    else if (isShift) this.scatter.pan([0, 0], direction.map((one) => -one * PIXEL_STEP));
    else this.goTo(direction);
    this.scatter.drawSoon();
    return true;
  }

  /** The marked particle; the one nearest to the middle where none is marked or shown. */
  row() {
    const { markedRow } = this.plot;
    if (markedRow >= 0 && this.scatter.flags[markedRow] & SHOWN) return markedRow;
    return this.scatter.nearest(...this.scatter.view.size.map((side) => side / 2), Infinity);
  }

  goTo(direction) {
    const { markedRow } = this.plot;
    const from = this.row();
    const next = from === markedRow ? nextParticle(this.scatter, from, direction) : from;
    if (next < 0) return;
    this.plot.mark(next);
    this.describe(next);
  }

  describe(row) {
    const { x, y } = this.plot.chosen;
    const values = [x, y].map(({ name, values: all }) => `${name} ${Number(all[row].toPrecision(4))}`);
    this.say(`particle row ${row}: ${values.join(", ")}. Enter shows its molecule.`);
  }

  zoom(factor) {
    const row = this.row();
    const at = row < 0 ? this.scatter.view.size.map((side) => side / 2) : this.scatter.pixelOf(row);
    this.scatter.zoom(...at, factor);
  }

  change(mode) {
    const row = this.row();
    if (row >= 0) this.selection.click(row, mode);
  }

  beginBox() {
    const row = this.row();
    if (row < 0) return;
    this.start = this.corner = this.scatter.pixelOf(row);
    this.moveCorner([0, 0], 0);
    this.say("A box begins here: arrows move its corner, Enter selects what is inside, Escape ends it.");
  }

  moveCorner(direction, step) {
    const { size } = this.scatter.view;
    this.corner = this.corner.map((one, axis) =>
      Math.min(size[axis], Math.max(0, one + direction[axis] * step)));
    const [[left, top], [right, bottom]] = [this.start, this.corner];
    this.plot.outline = [[left, top], [right, top], [right, bottom], [left, bottom]];
  }

  selectBox() {
    const corners = this.plot.outline.map((pixel) => this.scatter.view.toData(...pixel));
    this.endBox();
    this.selection.selectInside(corners, this.selection.mode);
    this.selection.drawn();
    return true;
  }

  endBox() {
    if (!this.corner) return true;
    this.corner = this.plot.outline = null;
    this.scatter.drawSoon();
    return true;
  }
}

/**
 * Row of the nearest shown particle in a direction (left, right, up or down, as a step in pixels), or -1.
 * Those that lie aside by more than they lie ahead do not count.
 */
export function nextParticle(scatter, row, [toRight, down]) {
  const [fromX, fromY] = scatter.pixelOf(row);
  let [best, nearest] = [-1, Infinity];
  for (let other = 0; other < scatter.nPoints; other++) {
    if (other === row || !(scatter.flags[other] & SHOWN)) continue;
    const [x, y] = scatter.pixelOf(other);
    const ahead = (x - fromX) * toRight + (y - fromY) * down;
    const aside = Math.abs((x - fromX) * down) + Math.abs((y - fromY) * toRight);
    if (ahead <= 0 || aside > ahead) continue;
    const distance = ahead + SIDEWAYS * aside;
    if (distance < nearest) [best, nearest] = [other, distance];
  }
  return best;
}
