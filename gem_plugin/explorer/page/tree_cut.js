// The cut of the states' tree: dragged with the mouse, or moved with the arrow keys; it says how many states.

import { distanceAtHeight, drawTree, statesAtCut } from "./state_tree.js";

const MAXIMUM_STATES_OF_CUT = 50; // as the field beside it
const STEPS_OF_KEYS = { ArrowUp: -1, ArrowDown: 1, ArrowRight: 1, ArrowLeft: -1, PageUp: -5, PageDown: 5 };
const WAIT_FOR_KEYS = 250; // milliseconds; held down, a key asks once

export class TreeCut {
  /** canvas: of the tree; nMaps: leaves; choose(number): the reader wants so many states. */
  constructor(canvas, nMaps, choose) {
    Object.assign(this, { canvas, choose, tree: [], number: 1 });
    this.most = Math.min(MAXIMUM_STATES_OF_CUT, nMaps);
    this.isDragged = false;
    canvas.onpointerdown = (event) => this.begin(event);
    canvas.onpointermove = (event) => this.isDragged && this.drag(event);
    canvas.onpointerup = () => this.end();
    canvas.onpointercancel = () => this.giveUp();
    canvas.onkeydown = (event) => this.key(event);
    canvas.setAttribute("aria-valuemin", "1");
    canvas.setAttribute("aria-valuemax", String(this.most));
  }

  show(tree, number) {
    [this.tree, this.number, this.shown] = [tree, number, number];
    drawTree(this.canvas, tree, number);
    this.say();
  }

  say() {
    this.canvas.setAttribute("aria-valuenow", String(this.number));
    this.canvas.setAttribute("aria-valuetext", `${this.number} state${this.number === 1 ? "" : "s"}`);
  }

  begin(event) {
    if (event.button !== 0 || !this.tree.length) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.isDragged = true;
    this.drag(event);
  }

  drag(event) {
    const { canvas, tree } = this;
    const y = (event.offsetY / canvas.clientHeight) * canvas.height;
    const distance = Math.max(0, distanceAtHeight(tree, y, canvas.height));
    this.number = Math.min(this.most, statesAtCut(tree, distance));
    drawTree(canvas, tree, this.number, distance);
    this.say();
  }

  end() {
    if (!this.isDragged) return;
    this.isDragged = false;
    this.settle();
  }

  giveUp() {
    this.isDragged = false;
    this.show(this.tree, this.shown);
  }

  key(event) {
    const ends = { Home: 1, End: this.most };
    const number = ends[event.key] ?? this.number + (STEPS_OF_KEYS[event.key] ?? NaN);
    if (Number.isNaN(number) || !this.tree.length) return;
    event.preventDefault();
    this.number = Math.max(1, Math.min(this.most, number));
    drawTree(this.canvas, this.tree, this.number);
    this.say();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.settle(), WAIT_FOR_KEYS);
  }

  settle() {
    drawTree(this.canvas, this.tree, this.number);
    if (this.number === this.shown) return;
    this.shown = this.number;
    this.choose(this.number);
  }
}
