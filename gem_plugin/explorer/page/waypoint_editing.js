// Waypoints of a path: dragged on the plot to another particle, moved and removed with keys.

import { SHOWN } from "../../reports/page/point_style.js";
import { byId, counted, say } from "./messages.js";

const REACH = 12; // CSS pixels about the mark of a waypoint
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class WaypointEditing {
  /** overlay: the upper canvas of the plot; scatter: the plot; isOn(): drags are of waypoints now. */
  constructor({ overlay, scatter, trajectory, isOn }) {
    Object.assign(this, { overlay, scatter, trajectory, isOn });
    this.dragged = -1; // index of a waypoint
    this.list = byId("waypoint-list");
    const early = { capture: true }; // before the tools of the plot
    overlay.addEventListener("pointerdown", (event) => this.begin(event), early);
    overlay.addEventListener("pointermove", (event) => this.drag(event), early);
    overlay.addEventListener("pointerup", (event) => this.end(event), early);
    overlay.addEventListener("pointercancel", () => this.giveUp(), early);
    trajectory.drawWaypoints = () => this.fillList();
  }

  begin(event) {
    if (event.button !== 0 || !this.isOn()) return;
    const here = [event.offsetX, event.offsetY];
    const index = nearestOf(this.trajectory.waypoints.map((row) => this.scatter.pixelOf(row)), here, REACH);
    if (index < 0) return;
    event.stopImmediatePropagation();
    this.overlay.setPointerCapture(event.pointerId);
    this.dragged = index;
    this.before = [...this.trajectory.waypoints];
    this.start = here;
    this.hasMoved = false;
  }

  drag(event) {
    if (this.dragged < 0) return;
    event.stopImmediatePropagation();
    const here = [event.offsetX, event.offsetY];
    this.hasMoved ||= Math.hypot(here[0] - this.start[0], here[1] - this.start[1]) > 3;
    if (!this.hasMoved) return;
    const row = this.scatter.nearest(...here, Infinity);
    if (row >= 0) this.trajectory.waypoints = this.before.with(this.dragged, row);
    this.scatter.drawSoon();
  }

  end(event) {
    if (this.dragged < 0) return;
    event.stopImmediatePropagation();
    const index = this.dragged;
    this.dragged = -1;
    const row = this.trajectory.waypoints[index];
    if (this.hasMoved && row !== this.before[index]) this.keep(`move waypoint ${index + 1}`);
  }

  giveUp() {
    if (this.dragged >= 0) this.trajectory.waypoints = this.before;
    this.dragged = -1;
    this.scatter.drawSoon();
  }

  keep(what) {
    this.trajectory.waypointsChanged(what);
  }

  remove(index) {
    const { trajectory } = this;
    trajectory.waypoints = trajectory.waypoints.filter((_, other) => other !== index);
    this.keep(`remove waypoint ${index + 1}`);
    say(`${counted(trajectory.waypoints.length, "waypoint")} left`);
    this.list.children[Math.min(index, this.list.children.length - 1)]?.focus();
  }

  /** To the next particle of the plot in a direction. */
  move(index, direction) {
    const { trajectory, scatter } = this;
    const row = nextInDirection(scatter, trajectory.waypoints[index], direction);
    if (row < 0) return;
    trajectory.waypoints = trajectory.waypoints.with(index, row);
    this.keep(`move waypoint ${index + 1}`);
    say(`waypoint ${index + 1}: row ${row}`);
    this.list.children[index].focus();
  }

  /** A button for each waypoint, which keys move and remove. */
  fillList() {
    const { waypoints } = this.trajectory;
    const shown = waypoints.join();
    if (this.listed === shown || this.dragged >= 0) return;
    this.listed = shown;
    this.list.replaceChildren(...waypoints.map((row, index) => {
      const button = document.createElement("button");
      button.textContent = `${index + 1} ×`;
      button.title = `waypoint ${index + 1}, row ${row}: press to remove it; ` +
        "arrow keys move it to the next particle";
      button.setAttribute("aria-label", button.title);
      button.onclick = () => this.remove(index);
      button.onkeydown = (event) => this.key(event, index);
      return button;
    }));
  }

  key(event, index) {
    const direction = DIRECTIONS[event.key];
    if (direction) this.move(index, direction);
    else if (["Delete", "Backspace"].includes(event.key)) this.remove(index);
    else return;
    event.preventDefault();
  }
}

/** Index of the pixel nearest to another, or -1 where none is within reach. */
export function nearestOf(pixels, [x, y], reach) {
  const distances = pixels.map(([px, py]) => Math.hypot(px - x, py - y));
  const least = Math.min(...distances);
  return least <= reach ? distances.indexOf(least) : -1;
}

/** The shown particle nearest to another within 45 degrees of a direction on the screen, or -1. */
export function nextInDirection(scatter, row, [right, down]) {
  const { x, y, flags, nPoints } = scatter;
  const { scaleX, scaleY } = scatter.view.transform();
  let [best, found] = [Infinity, -1];
  for (let other = 0; other < nPoints; other++) {
    if (!(flags[other] & SHOWN)) continue;
    const [dx, dy] = [(x[other] - x[row]) * scaleX, (y[other] - y[row]) * scaleY];
    const along = dx * right + dy * down;
    const across = Math.abs(dx * down) + Math.abs(dy * right);
    const distance = dx * dx + dy * dy;
    if (along > 0 && across <= along && distance < best) [best, found] = [distance, other];
  }
  return found;
}
