// How the plot looks: size, opacity and shapes of points, numbers on groups, and what lies under the points.

import { fillUnderLegend, UNDER_KINDS } from "../../reports/page/under_points.js";
import { byId } from "./messages.js";

export class PlotLook {
  /** plot: the PlotPanel; changed(what): the reader changed it. */
  constructor(plot, changed) {
    this.plot = plot;
    byId("under-points").replaceChildren(...UNDER_KINDS.map((kind) => new Option(kind)));
    this.first = this.settings();
    this.show(this.first);
    const listen = (id, what) => {
      byId(id).oninput = () => this.apply();
      byId(id).onchange = () => {
        this.apply();
        changed(what);
      };
    };
    listen("point-size", "size of points");
    listen("point-opacity", "opacity of points");
    listen("point-shapes", "shapes of points");
    listen("group-numbers", "numbers on groups");
    listen("under-points", "under the points");
  }

  /** As it is saved. */
  settings() {
    const { scatter, numbers, second } = this.plot;
    return {
      size: scatter.pointSize,
      opacity: scatter.opacity,
      shapes: scatter.hasShapes,
      numbers: numbers.isOn,
      under: scatter.under.kind,
      second: second.isOn ? { x: second.scatter.xColumn?.name, y: second.scatter.yColumn?.name } : null,
    };
  }

  /** As it was saved; what is not there stays as it is at first. */
  async restore(settings) {
    this.show({ ...this.first, ...settings });
    this.apply();
    const { second } = settings;
    if (second) await this.plot.second.turn(true, [second.x, second.y]);
    else if (this.plot.second.isOn) await this.plot.second.turn(false);
  }

  show({ size, opacity, shapes, numbers, under }) {
    byId("point-size").value = size;
    byId("point-opacity").value = opacity;
    byId("point-shapes").checked = shapes;
    byId("group-numbers").checked = numbers;
    byId("under-points").value = under;
  }

  /** What the controls say. */
  apply() {
    const { plot } = this;
    const { scatter, numbers, second } = plot;
    const [hadShapes, showedShapes] = [scatter.hasShapes, scatter.showsShapes()];
    scatter.setLook({
      pointSize: Number(byId("point-size").value),
      opacity: Number(byId("point-opacity").value),
      hasShapes: byId("point-shapes").checked,
    });
    scatter.setUnder(byId("under-points").value);
    numbers.isOn = byId("group-numbers").checked;
    if (hadShapes !== scatter.hasShapes && plot.chosen.colour) scatter.setColours(plot.chosen.colour);
    if (showedShapes !== scatter.showsShapes() && plot.chosen.colour) plot.drawLegend();
    second.takeLook();
    this.showUnder();
    plot.drawSoon();
  }

  /** The legend of what lies under the points; after a while, as filters are dragged. */
  showUnder() {
    const { scatter } = this.plot;
    if (!scatter.xColumn) return;
    clearTimeout(this.waiting);
    if (!scatter.under.isOn) fillUnderLegend(byId("under-legend"), null);
    else this.waiting = setTimeout(() =>
      fillUnderLegend(byId("under-legend"), scatter.under.legendOf(scatter)), 50);
  }
}
