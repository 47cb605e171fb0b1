// Up to four maps, each in a view of its own beside the others: they rotate, move and zoom together.

import { withPrintColours, themeColour } from "../../reports/page/house_theme.js";
import { SurfaceView } from "./surface_view.js";

export const MAXIMUM_VIEWS = 4;
const TEXT_SIZE = 13; // CSS pixels, of a label in a picture
const LABEL_EDGE = 10;

export class LinkedViews {
  /** element: of the views; leader: the SurfaceView that is alone otherwise; buttons and keys move it. */
  constructor(element, leader, model) {
    this.element = element;
    this.leader = leader;
    this.model = model;
    this.followers = []; // { cell, label, view }
    this.isLinking = false;
    this.link(leader);
    leader.clipped = (depth) => {
      for (const { view } of this.followers) view.clip(depth);
    };
  }

  get isShown() {
    return !this.element.hidden;
  }

  get shown() {
    return this.followers.filter(({ cell }) => !cell.hidden);
  }

  /** maps: two to four, each with name, colour and shapes, as a SurfaceView takes them. */
  async show(maps, onShown) {
    this.element.hidden = false;
    this.leader.isCovered = true;
    this.element.dataset.count = String(maps.length);
    while (this.followers.length < maps.length) this.followers.push(this.makeFollower());
    this.followers.forEach(({ cell }, index) => { cell.hidden = index >= maps.length; });
    const orientation = this.leader.orientation();
    this.isLinking = true; // first views are no movements of the reader
    try {
      await Promise.all(maps.map((map, index) => this.showIn(this.followers[index], map, orientation)));
    } finally {
      this.isLinking = false;
    }
    onShown();
  }

  async showIn({ label, view }, { name, colour, shapes }, orientation) {
    view.stage.handleResize(); // its cell was hidden until now
    label.textContent = name;
    label.style.borderColor = colour;
    await view.show(shapes, () => view.orient(orientation));
    view.draw();
  }

  hide() {
    this.element.hidden = true;
    this.leader.isCovered = false;
  }

  makeFollower() {
    const cell = document.createElement("div");
    const surface = document.createElement("div");
    const label = document.createElement("span");
    const bar = document.createElement("div");
    [cell.className, surface.className, label.className, bar.className] =
      ["linked-view", "linked-surface", "linked-label", "scale-bar"];
    cell.append(surface, label, bar);
    this.element.append(cell);
    const view = new SurfaceView(surface, this.model, bar);
    view.clip(this.leader.depth);
    this.link(view);
    return { cell, label, view };
  }

  /** Whatever moves a view moves all of them. */
  link(view) {
    view.stage.viewerControls.signals.changed.add(() => {
      if (this.isLinking || !this.isShown) return;
      this.isLinking = true;
      const orientation = view.orientation();
      for (const other of [this.leader, ...this.shown.map((one) => one.view)])
        if (other !== view) other.orient(orientation);
      this.isLinking = false;
    });
  }

  /** All views with their labels as one PNG data address. side: the longer one, in pixels. */
  pictureOf(side) {
    const { clientWidth, clientHeight } = this.element;
    const factor = side / Math.max(clientWidth, clientHeight);
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [clientWidth, clientHeight].map((one) => Math.round(one * factor));
    const context = picture.getContext("2d");
    withPrintColours(() => {
      context.fillStyle = themeColour("paper");
      context.fillRect(0, 0, picture.width, picture.height);
      for (const one of this.shown) drawCell(context, one, factor);
    });
    return picture.toDataURL("image/png");
  }
}

function drawCell(context, { cell, label, view }, factor) {
  const { clientWidth, clientHeight } = view.element;
  const map = view.canvasOf(factor * Math.max(clientWidth, clientHeight));
  const [left, top] = [cell.offsetLeft, cell.offsetTop].map((one) => Math.round(one * factor));
  context.drawImage(map, left, top);
  context.strokeStyle = themeColour("line");
  context.lineWidth = factor;
  context.strokeRect(left, top, map.width, map.height);
  context.font = `${TEXT_SIZE * factor}px system-ui, sans-serif`;
  const base = top + (clientHeight - LABEL_EDGE) * factor;
  context.fillStyle = label.style.borderColor;
  const tall = (TEXT_SIZE + 2) * factor;
  context.fillRect(left + LABEL_EDGE * factor, base - TEXT_SIZE * factor, 4 * factor, tall);
  context.fillStyle = themeColour("ink");
  context.fillText(label.textContent, left + (LABEL_EDGE + 9) * factor, base);
}
