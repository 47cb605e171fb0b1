// The molecule follows the mouse over the plot: that of the nearest particle, coarse while the mouse moves,
// sharp and with its images when it rests.

import { attempt, byId } from "./messages.js";

const REACH_OF_FOLLOWING = 40; // CSS pixels from the mouse to the particle
const MILLISECONDS_OF_REST = 250;

export class FollowMouse {
  /**
   * planes: of each plot its upper canvas and rowAt(px, py, reach), a particle or -1;
   * molecule(): the panel; markedRow(): of the particle that was asked for last, by whatever means, or -1.
   */
  constructor({ planes, molecule, markedRow }) {
    Object.assign(this, { molecule, markedRow });
    this.row = -1;
    this.box = byId("follow-mouse");
    this.box.onchange = () => this.rest();
    for (const { overlay, rowAt } of planes) this.listen(overlay, rowAt);
  }

  listen(overlay, rowAt) {
    overlay.addEventListener("pointermove", (event) => this.moved(event, rowAt));
    overlay.addEventListener("pointerleave", () => this.rest());
    overlay.addEventListener("pointerdown", () => this.forget());
    overlay.addEventListener("pointerup", () => setTimeout(() => this.sharpen(), MILLISECONDS_OF_REST));
  }

  moved({ offsetX, offsetY, buttons }, rowAt) {
    if (!this.box.checked || buttons || !this.molecule()) return;
    const row = rowAt(offsetX, offsetY, REACH_OF_FOLLOWING);
    if (row < 0 || row === this.row) return;
    this.row = row;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.rest(), MILLISECONDS_OF_REST);
    attempt(() => this.molecule().followRow(row, titleUnderMouse(row)));
  }

  /** The mouse rests or has left the plot: the same molecule, sharp, if no other was asked for. */
  rest() {
    const { row } = this;
    this.forget();
    if (row < 0 || row !== this.markedRow()) return;
    if (this.molecule()) attempt(() => this.molecule().showParticle(row, titleUnderMouse(row)));
  }

  /** After a click or lasso that showed nothing else: the molecule that was there. */
  sharpen() {
    const { isBusy, presented } = this.molecule() ?? {};
    if (!isBusy && presented?.isCoarse) attempt(() => this.molecule().showAgain());
  }

  /** A click or a lasso begins: it decides what is shown. */
  forget() {
    clearTimeout(this.timer);
    this.row = -1;
  }
}

function titleUnderMouse(row) {
  return `particle row ${row}, under the mouse`;
}
