// A second plane beside the first: axes of its own; colours, baskets, filters and selection are shared.

import { PixelPoints } from "../../reports/page/points_pixels.js";
import { ScatterPlot } from "../../reports/page/scatter_plot.js";
import { asAxis } from "./columns.js";
import { hasGraphicsCard } from "./graphics_card.js";
import { attempt, byId } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { WebGlPoints } from "./points_webgl.js";

const FIELDS_OF_SECOND = ["second-x", "second-y"];
const COMPONENT = /_pc_\d+$/; // of volumes or latents

export class SecondPlane {
  /** plot: the PlotPanel of the first plane; changed(what): the reader changed it. */
  constructor(plot, changed) {
    this.plot = plot;
    this.changed = changed;
    this.isOn = false;
    this.outline = null; // corners of a lasso or box while it is drawn
    this.requests = new NewestRequest();
    this.scatter = new ScatterPlot({
      points: byId("second-points"),
      overlay: byId("second-overlay"),
      painter: { upload: () => {} }, // until it is shown
      nPoints: plot.scatter.nPoints,
      drawAbove: (context, scatter) => plot.drawAbove(context, scatter, this.outline, this.numbers),
    });
    this.scatter.flags = plot.scatter.flags;
    byId("second-plane").onchange = (event) => attempt(async () => {
      await this.turn(event.target.checked);
      changed(this.isOn ? "second plot" : "no second plot");
    });
    for (const id of FIELDS_OF_SECOND) byId(id).onchange = () => attempt(async () => {
      await this.setAxes(...this.names());
      changed(`${id.replace("second-", "")} axis of the second plot: ${byId(id).value}`);
    });
  }

  names() {
    return FIELDS_OF_SECOND.map((id) => byId(id).value);
  }

  /** Show or hide it. names: of its axes; at first those that come next among the columns. */
  async turn(isOn, names = this.firstNames()) {
    byId("second-plane").checked = this.isOn = isOn;
    byId("second-axes").hidden = !isOn;
    byId("scatter").classList.toggle("two", isOn);
    for (const id of ["second-points", "second-overlay"]) byId(id).hidden = !isOn;
    if (isOn) {
      this.makePainter();
      await this.setAxes(...names);
    }
    this.plot.scatter.arePointsStale = true;
    this.plot.drawSoon();
  }

  makePainter() {
    if (this.isReady) return;
    this.isReady = true;
    const points = byId("second-points");
    this.scatter.painter = new (hasGraphicsCard() ? WebGlPoints : PixelPoints)(points);
  }

  /** What was chosen before, or two columns of numbers that the first plane does not show. */
  firstNames() {
    const before = this.names();
    if (this.isReady && before.every(Boolean)) return before;
    const { x, y } = this.plot.chosen;
    const numbers = this.plot.columns.all().filter((one) => !one.isGroup && !one.isOfFile && !one.isText);
    const others = numbers.filter((column) => column !== x && column !== y).map(({ name }) => name);
    const components = others.filter((name) => COMPONENT.test(name));
    const [first, second] = components.length > 1 ? components : others;
    return [first ?? x.name, second ?? y.name];
  }

  setAxes(...names) {
    FIELDS_OF_SECOND.forEach((id, index) => { byId(id).value = names[index]; });
    return this.requests.run(async (signal) => {
      try {
        const [x, y] = (await Promise.all(names.map((name) => this.plot.columns.load(name)))).map(asAxis);
        if (signal.aborted) return;
        this.scatter.setAxes(x, y);
        this.numbers.stale();
        this.takeLook();
      } catch (error) {
        this.showNames();
        throw error;
      }
    });
  }

  /** The fields name what is shown. */
  showNames() {
    const { xColumn, yColumn } = this.scatter;
    if (xColumn) [byId("second-x").value, byId("second-y").value] = [xColumn.name, yColumn.name];
  }

  /** Colours, flags and look of the first plane. */
  takeLook() {
    if (!this.isOn || !this.scatter.xColumn) return;
    const { hasSelection, pointSize, opacity, hasShapes, under } = this.plot.scatter;
    this.scatter.setLook({ hasSelection, pointSize, opacity, hasShapes });
    this.scatter.setUnder(under.kind);
    this.scatter.setColours(this.plot.chosen.colour);
    this.numbers.isOn = this.plot.numbers.isOn;
    this.scatter.flagsChanged();
    this.scatter.drawSoon();
  }
}
