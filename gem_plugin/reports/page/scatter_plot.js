// The scatter plot of both pages: particles as points on two columns, coloured by a third, with axes.

import { drawAxes } from "./axes.js";
import { packedColoursOf } from "./colours.js";
import { MovingSample } from "./moving_sample.js";
import { nearestPoint } from "./nearest_point.js";
import { paddedLimits, PlotView } from "./plot_view.js";
import { shapesOfGroups, SMALLEST_SHAPED } from "./point_shapes.js";
import { opacityOf, opacityOfSample, pointSizeOf, SHOWN } from "./point_style.js";
import { UnderPoints } from "./under_points.js";

const MARGIN = { left: 62, right: 12, top: 12, bottom: 44 }; // CSS pixels
const STILL_AFTER = 140; // milliseconds without zoom or pan; then all points are drawn
const LONGEST_WAIT = 2000; // where frames are slower than that
const SMALLEST_SIDE = 80; // CSS pixels; a smaller plot is folded away or not laid out yet

export class ScatterPlot {
  /**
   * points, overlay: canvases of one size, the second, with the axes, above the first.
   * painter: PixelPoints or WebGlPoints of the first.
   * drawAbove: draws on the overlay whatever else belongs to the page.
   */
  constructor({ points, overlay, painter, nPoints, drawAbove }) {
    this.points = points;
    this.overlay = overlay;
    this.painter = painter;
    this.drawAbove = drawAbove;
    this.nPoints = nPoints;
    this.flags = new Uint8Array(nPoints).fill(SHOWN);
    this.hasSelection = false;
    this.view = new PlotView(MARGIN);
    this.pointSize = pointSizeOf(nPoints); // CSS pixels
    this.opacity = opacityOf(nPoints);
    this.hasShapes = true; // of groups
    this.under = new UnderPoints();
    this.sample = new MovingSample();
    this.isMoving = false;
    this.flagsChanged();
  }

  /** Columns with values, lowest, highest and label. */
  setAxes(xColumn, yColumn) {
    const isSame = this.xColumn === xColumn && this.yColumn === yColumn;
    [this.xColumn, this.yColumn] = [xColumn, yColumn];
    [this.x, this.y] = [xColumn.values, yColumn.values];
    this.painter.upload("x", this.x);
    this.painter.upload("y", this.y);
    this.under.stale();
    this.arePointsStale = true;
    if (!isSame) this.showAll();
  }

  setColours(column) {
    this.painter.upload("colour", new Uint8Array(packedColoursOf(column).buffer));
    this.painter.upload("shape", column.isGroup && this.hasShapes ? shapesOfGroups(column) : null);
    this.arePointsStale = true;
  }

  /** Whether groups have shapes at a number of pixels a CSS pixel; small points have none. */
  showsShapes(ratio = window.devicePixelRatio || 1) {
    return this.hasShapes && this.pointSize * ratio >= SMALLEST_SHAPED;
  }

  /** To be called after flags were changed. */
  flagsChanged() {
    this.painter.upload("flags", this.flags);
    this.under.stale();
    this.arePointsStale = true;
  }

  /** How points look from now on: pointSize (CSS pixels), opacity (0 to 1). */
  setLook(look) {
    Object.assign(this, look);
    this.arePointsStale = true;
  }

  /** What lies under the points: one of UNDER_KINDS. */
  setUnder(kind) {
    this.under.choose(kind);
    this.arePointsStale = true;
  }

  showAll() {
    this.view.limits = { x: paddedLimits(this.xColumn), y: paddedLimits(this.yColumn) };
    this.arePointsStale = true;
  }

  zoom(px, py, factor) {
    this.view.zoom(px, py, factor);
    this.moves();
  }

  pan(from, to) {
    this.view.pan(from, to);
    this.moves();
  }

  /** A sample of the points is drawn if all are too slow, until the plot is still again. */
  moves() {
    this.arePointsStale = this.isMoving = true;
    clearTimeout(this.untilStill);
    this.untilStill = setTimeout(() => {
      this.isMoving = false;
      this.sample.rest();
      if (this.drawnStep === 1 && !this.under.isOn) return;
      this.arePointsStale = true;
      this.drawSoon();
    }, Math.max(STILL_AFTER, Math.min(LONGEST_WAIT, 3 * this.sample.cost)));
  }

  pixelOf(row) {
    return this.view.toPixel(this.x[row], this.y[row]);
  }

  /** Row of the shown point nearest to a pixel, or -1. */
  nearest(px, py, reach) {
    return nearestPoint(this, this.view.transform(), px, py, reach);
  }

  /** Draw before the next frame of the browser, once however often it is asked for. */
  drawSoon() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  /** The points only where they changed, not for an outline or a mark above them. */
  draw() {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = null;
    const size = [this.points.clientWidth, this.points.clientHeight];
    if (!this.xColumn || size.some((side) => side < SMALLEST_SIDE)) return;
    this.view.size = size;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = size.map((side) => Math.round(side * ratio));
    const isResized = this.points.width !== width || this.points.height !== height;
    if (isResized) [this.points.width, this.points.height] = [width, height];
    if (isResized || this.arePointsStale) this.drawPoints(width, height, ratio);
    this.drawOverlay(width, height, ratio);
  }

  drawPoints(width, height, ratio) {
    this.drawnStep = this.isMoving ? this.sample.step : 1;
    const frame = this.frameOf(width, height, ratio);
    const start = performance.now();
    this.painter.draw(frame, this.nPoints, this.lookOf(frame, ratio, this.drawnStep));
    this.arePointsStale = false;
    if (this.isMoving) this.judgeFrame(start);
  }

  /** What it took: drawing itself; or, where a graphics card draws later, until the browser shows frames. */
  judgeFrame(start) {
    if (!this.painter.drawsLater) this.sample.judge(performance.now() - start);
    else requestAnimationFrame(() => requestAnimationFrame(() =>
      this.sample.judge((performance.now() - start) / 2)));
  }

  /** As painters take it. step: every how many-th point is drawn. */
  lookOf(frame, ratio, step = 1) {
    return {
      size: this.pointSize * ratio,
      opacity: opacityOfSample(this.opacity, step),
      step,
      hasSelection: this.hasSelection,
      background: this.under.isOn ? this.backgroundOf(frame, ratio) : null,
    };
  }

  /** While the plot moves, a picture made once, which painters stretch. */
  backgroundOf(frame, ratio) {
    return this.isMoving ? this.under.stretchable(this) : this.under.exact(this, frame, ratio);
  }

  /** Size of a canvas and of the plot on it, and how data become its pixels. */
  frameOf(width, height, ratio) {
    const { left, right, top, bottom } = this.view.margin;
    const { scaleX, scaleY, shiftX, shiftY } = this.view.transform();
    return {
      width,
      height,
      left: Math.round(left * ratio),
      right: Math.round(width - right * ratio),
      top: Math.round(top * ratio),
      bottom: Math.round(height - bottom * ratio),
      scaleX: scaleX * ratio,
      scaleY: scaleY * ratio,
      shiftX: shiftX * ratio,
      shiftY: shiftY * ratio,
    };
  }

  drawOverlay(width, height, ratio) {
    [this.overlay.width, this.overlay.height] = [width, height]; // also wipes it
    const context = this.overlay.getContext("2d");
    context.scale(ratio, ratio);
    drawAxes(context, this.view, this.xColumn.label, this.yColumn.label);
    this.drawAbove(context, this);
  }
}
