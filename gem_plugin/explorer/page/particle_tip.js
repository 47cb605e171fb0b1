// Beside the pointer: which particle it is, its values on the axes and of the colour, and its image.

import { drawNoisyImage } from "./grey_images.js";
import { byId } from "./messages.js";
import { valueText } from "./plot_panel.js";
import { askPacked, asFloats } from "./server.js";

const REACH_OF_TIP = 8; // CSS pixels
const WAIT_FOR_IMAGE = 150; // milliseconds that the pointer rests on a particle
const MAXIMUM_IMAGES = 300; // kept

export class ParticleTip {
  /** plot: the PlotPanel. */
  constructor(plot) {
    this.plot = plot;
    this.row = -1;
    this.images = new Map(); // of rows; the one used last is the last
    this.hasImages = true; // until the server says otherwise
    this.element = byId("particle-tip");
    for (const [id, plane] of [["overlay", plot], ["second-overlay", plot.second]]) {
      const overlay = byId(id);
      overlay.addEventListener("pointermove", (event) => this.moveSoon(event, plane.scatter, overlay));
      for (const kind of ["pointerleave", "pointerdown", "wheel"])
        overlay.addEventListener(kind, () => this.hide(), { passive: true });
    }
  }

  hide() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.waiting);
    this.row = -1;
    this.element.hidden = true;
  }

  /** Once a frame, however many events there are. */
  moveSoon(event, scatter, overlay) {
    if (event.buttons || scatter.isMoving) return this.hide();
    const at = [event.offsetX, event.offsetY];
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.move(at, scatter, overlay));
  }

  move([px, py], scatter, overlay) {
    if (!scatter.xColumn) return;
    const row = scatter.view.isInside(px, py) ? scatter.nearest(px, py, REACH_OF_TIP) : -1;
    if (row < 0) return this.hide();
    if (row !== this.row) this.show(row, scatter);
    this.place(px + overlay.offsetLeft, py);
  }

  show(row, scatter) {
    this.row = row;
    const { xColumn, yColumn } = scatter;
    const shown = new Set([xColumn, yColumn, this.plot.chosen.colour]);
    const values = [...shown].map((column) => `${column.label}: ${valueText(column, row)}`);
    this.element.hidden = false;
    this.element.querySelector("span").textContent = [`particle row ${row}`, ...values].join("\n");
    this.showImage(this.images.get(row));
    clearTimeout(this.waiting);
    if (this.hasImages && !this.images.has(row))
      this.waiting = setTimeout(() => this.fetchImage(row), WAIT_FOR_IMAGE);
  }

  place(px, py) {
    const { element } = this;
    const { clientWidth, clientHeight } = element.parentElement;
    const left = px + 14 + element.offsetWidth > clientWidth ? px - 14 - element.offsetWidth : px + 14;
    const top = Math.min(py + 12, clientHeight - element.offsetHeight - 4);
    element.style.left = `${Math.max(0, left)}px`;
    element.style.top = `${Math.max(0, top)}px`;
  }

  showImage(image) {
    const canvas = byId("particle-tip-image");
    canvas.hidden = !image;
    if (image) drawNoisyImage(canvas, image.values, image.size);
  }

  /** Where it fails, the tip has no image; that is no reason to say anything. */
  async fetchImage(row) {
    try {
      const { head, parts } = await askPacked(`/api/particle-image/${row}`);
      if (head.missing) this.hasImages = false;
      else this.keep(row, { values: asFloats(parts[0]), size: head.imageSize });
    } catch {
      return;
    }
    if (this.row === row) this.showImage(this.images.get(row));
  }

  keep(row, image) {
    this.images.set(row, image);
    if (this.images.size > MAXIMUM_IMAGES) this.images.delete(this.images.keys().next().value);
  }
}
