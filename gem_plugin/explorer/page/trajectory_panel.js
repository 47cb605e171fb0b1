// Trajectories through waypoints: the molecule moves while the slider is dragged; maps and movies of the way.

import { themeColour } from "../../reports/page/house_theme.js";
import { opacityOfCount, particlesNear } from "../../reports/page/fading.js";
import { drawMark } from "./marks.js";
import { attempt, byId, counted, say } from "./messages.js";
import { checkedName } from "./names.js";
import { NewestRequest } from "./newest_request.js";
import { drawPathDots, drawPathLine } from "./path_marks.js";
import { drawPathProfile } from "./path_profile.js";
import { saveUnderName } from "./saving.js";
import { askJson } from "./server.js";
import { countAt, fractionOfStep, isLineOn, noteOn, pointAt, valueOnAxis } from "./trajectory.js";

const RADIUS_OF_MARKER = 5; // CSS pixels
const RADIUS_OF_DOT = 4;
const STEPS_ONE_WAY = 40; // of the animation
const PAUSE_IN_MILLISECONDS = 30; // between its steps
const MINIMUM_FRAMES = 20; // of a movie

export class TrajectoryPanel {
  /** molecule(): the panel, undefined without a model; axes(): names of both columns; redraw(): the plot. */
  constructor({ kinds, molecule, axes, redraw }) {
    this.molecule = molecule;
    this.axes = axes;
    this.redraw = redraw;
    this.changed = () => {}; // (what): waypoints or path are others
    this.drawWaypoints = () => {}; // the list of them
    this.requests = new NewestRequest();
    this.waypoints = []; // rows
    this.path = null; // { latents, rows, energyColumns, near, energyOfRun }; near: particles at each point
    this.latentAxes = {}; // columns that are linear in the latents, by name
    this.isPicking = false;
    this.slider = byId("trajectory-position");
    this.kind = byId("trajectory-kind");
    for (const kind of kinds) this.kind.add(new Option(kind));
    byId("waypoints").onclick = () => {
      this.isPicking = !this.isPicking;
      byId("waypoints").classList.toggle("on", this.isPicking);
    };
    byId("trajectory-create").onclick = () => attempt(() => this.create());
    byId("trajectory-clear").onclick = () => this.clear();
    byId("trajectory-play").onclick = () => attempt(() => this.play());
    byId("save-maps").onclick = () => attempt(() => this.saveMaps());
    byId("save-movie").onclick = () => attempt(() => this.saveMovie());
    this.slider.oninput = () => {
      this.isPlaying = false;
      attempt(() => this.goTo(Number(this.slider.value)));
    };
  }

  /** As a saved session has them. */
  settings() {
    const { waypoints, path } = this;
    return { waypoints, path, kind: this.kind.value, fraction: Number(this.slider.value) };
  }

  restore({ waypoints, path, kind, fraction }) {
    this.requests.cancel();
    this.waypoints = waypoints;
    if (kind) this.kind.value = kind;
    this.setPath(path);
    this.slider.value = fraction;
  }

  addWaypoint(row) {
    this.waypoints.push(row);
    this.redraw();
    this.changed(`waypoint at row ${row}`);
    const rows = this.waypoints.length === 1 ? "row" : "rows";
    say(`${counted(this.waypoints.length, "waypoint")}: ${rows} ${this.waypoints.join(", ")}`);
  }

  clear() {
    this.requests.cancel();
    this.waypoints = [];
    this.setPath(null);
    this.changed("clear waypoints");
  }

  async create() {
    if (!(await this.findPath())) return;
    this.changed("create path");
    await this.goTo(0);
  }

  /** Gives whether the path is there. */
  async findPath() {
    const [x, y] = this.axes();
    const nPoints = Number(byId("trajectory-points").value);
    const request = { kind: this.kind.value, waypoints: this.waypoints, nPoints, x, y };
    const path = await this.requests.run((signal) => askJson("/api/trajectory", request, signal));
    if (path) this.setPath(path);
    return Boolean(path);
  }

  /** Waypoints were moved or removed: a path is that of those that are there now. */
  waypointsChanged(what) {
    return attempt(async () => {
      const { path } = this;
      const fraction = Number(this.slider.value);
      this.requests.cancel();
      this.setPath(null); // no path beside waypoints that are not its own
      if (path && this.waypoints.length > 1) {
        if (!(await this.findPath())) return;
        this.slider.value = fraction;
        this.changed(what);
        await this.goTo(fraction);
      } else this.changed(what);
    });
  }

  setPath(path) {
    this.path = path;
    this.isPlaying = false;
    const controls = ["trajectory-position", "trajectory-play", "save-maps", "save-movie"];
    for (const id of controls) byId(id).disabled = !path;
    this.slider.value = 0;
    this.redraw();
  }

  /** Gives false where another molecule was asked for meanwhile. */
  goTo(fraction) {
    this.redraw();
    const { latents, near } = this.path;
    const title = `trajectory, ${Math.round(100 * fraction)} %`;
    const count = near && countAt(near, fraction);
    const sureness = near ? { fade: opacityOfCount(count), certainty: particlesNear(count) } : {};
    return this.molecule().followLatents(pointAt(latents, fraction), title, sureness);
  }

  /** Until it is stopped, or another molecule is asked for. */
  async play() {
    const button = byId("trajectory-play");
    if (this.isPlaying) {
      this.isPlaying = false;
      return;
    }
    this.isPlaying = true;
    button.textContent = "stop";
    try {
      for (let step = 0; this.isPlaying; step++) {
        const fraction = fractionOfStep(step, STEPS_ONE_WAY);
        this.slider.value = fraction;
        if (!(await this.goTo(fraction))) break;
        const { signal } = this.molecule().requests;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_IN_MILLISECONDS));
        if (signal.aborted) break;
      }
    } finally {
      this.isPlaying = false;
      button.textContent = "play";
    }
  }

  async saveMaps() {
    const { latents } = this.path;
    const field = byId("trajectory-name");
    const answer = await saveUnderName(field, (name) => `/api/save/maps/${name}`, { latents });
    if (!answer) return;
    const [, first] = answer.files;
    say(`${counted(answer.files.length - 1, "map")} saved: ${first} and following`);
  }

  async saveMovie() {
    const field = byId("trajectory-name");
    checkedName(field.value); // before the frames are drawn
    const frames = [];
    const nFrames = Math.max(MINIMUM_FRAMES, this.path.latents.length);
    for (let index = 0; index < nFrames; index++) {
      say(`drawing frame ${index + 1} of ${nFrames}`);
      if (!(await this.goTo(index / (nFrames - 1))))
        throw new Error("The movie was not saved: another molecule was shown before it was finished.");
      frames.push(this.molecule().view.picture());
    }
    const answer = await saveUnderName(field, (name) => `/api/save/movie/${name}`, { frames });
    if (answer) say(`movie saved: ${answer.files.join(", ")}. ${answer.hint}`);
  }

  /** Waypoints and the path above the plot, whose columns are axes: a line only where it is one there. */
  draw(context, plot, axes) {
    const { path } = this;
    const isLine = Boolean(path) && isLineOn(axes, this.latentAxes);
    drawPathProfile(byId("path-profile"), path, Number(this.slider.value));
    this.drawWaypoints();
    this.showNote(path ? noteOn(path, axes, isLine) : "");
    if (path && isLine) this.drawLine(context, this.pixelsOfLatents(plot, axes));
    else if (path) this.drawDots(context, path.rows.map((row) => plot.pixelOf(row)));
    context.lineWidth = 1;
    this.waypoints.forEach((row, index) =>
      drawMark(context, plot.pixelOf(row), themeColour("mark"), String(index + 1)));
  }

  pixelsOfLatents(plot, axes) {
    const [x, y] = axes.map((name) => this.latentAxes[name]);
    return this.path.latents.map((one) => plot.view.toPixel(valueOnAxis(x, one), valueOnAxis(y, one)));
  }

  drawLine(context, pixels) {
    drawPathLine(context, pixels, this.path.near);
    context.fillStyle = themeColour("ink");
    context.beginPath();
    context.arc(...pointAt(pixels, Number(this.slider.value)), RADIUS_OF_MARKER, 0, 2 * Math.PI);
    context.fill();
  }

  drawDots(context, pixels) {
    const shown = Math.round(Number(this.slider.value) * (pixels.length - 1));
    const radii = { radius: RADIUS_OF_DOT, radiusOfShown: RADIUS_OF_MARKER + 2 };
    drawPathDots(context, pixels, this.path.near, { shown, ...radii, outline: themeColour("ink") });
  }

  showNote(text) {
    const note = byId("trajectory-note");
    if (note.textContent !== text) note.textContent = text;
  }
}
