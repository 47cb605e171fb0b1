// The plot as a picture at print size: PNG, or SVG in which axes, text, paths and marks can be edited and
// the particles are an image. Both planes where two are shown, and the legends beside them.

import { drawAxes, drawLine, tickText } from "../../reports/page/axes.js";
import { colourOfFraction, colourOfGroup, cssColour, packedColoursOf } from "../../reports/page/colours.js";
import { shortName } from "../../reports/page/group_numbers.js";
import { LIGHT_COLOURS } from "../../reports/page/house_theme.js";
import { drawShape, groupsOf, nameOfGroup } from "../../reports/page/legend.js";
import { shapeOfGroup, shapesOfGroups } from "../../reports/page/point_shapes.js";
import { PixelPoints } from "../../reports/page/points_pixels.js";
import { drawUnderLegend } from "../../reports/page/under_points.js";
import { SvgContext } from "./svg_context.js";

export const PICTURE_SIDE = 2000; // pixels of the longer side
const LEGEND_WIDTH = 330; // CSS pixels
const LINE_HEIGHT = 18;
const STEPS_OF_BAR = 40;
const LEGEND_TEXT_COLOUR = LIGHT_COLOURS.ink;

/** A canvas with the particles of a plane alone. */
function pointsPicture(scatter, colour, ratio) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = scatter.view.size.map((side) => Math.round(side * ratio));
  const painter = new PixelPoints(canvas);
  const colours = new Uint8Array(packedColoursOf(colour).buffer);
  for (const [name, values] of Object.entries({ x: scatter.x, y: scatter.y, flags: scatter.flags }))
    painter.upload(name, values);
  painter.upload("colour", colours);
  painter.upload("shape", colour.isGroup && scatter.hasShapes ? shapesOfGroups(colour) : null);
  const frame = scatter.frameOf(canvas.width, canvas.height, ratio);
  painter.draw(frame, scatter.nPoints, scatter.lookOf(frame, ratio));
  return canvas;
}

function drawAboveOf(scatter, context) {
  drawAxes(context, scatter.view, scatter.xColumn.label, scatter.yColumn.label);
  scatter.drawAbove(context, scatter);
}

/** Where each plane and the legend lie in the picture, in CSS pixels. plot: the PlotPanel. */
function layoutOf(plot) {
  const planes = plot.planes();
  const lefts = [];
  let width = 0;
  for (const { view } of planes) {
    lefts.push(width);
    width += view.size[0];
  }
  const height = Math.max(...planes.map(({ view }) => view.size[1]));
  return { planes, lefts, legendLeft: width + 8, width: width + LEGEND_WIDTH, height };
}

/** A PNG data address. */
export function plotPng(plot) {
  const { planes, lefts, legendLeft, width, height } = layoutOf(plot);
  const ratio = PICTURE_SIDE / Math.max(width, height);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height].map((side) => Math.round(side * ratio));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  planes.forEach((scatter, index) => {
    context.drawImage(pointsPicture(scatter, plot.chosen.colour, ratio), Math.round(lefts[index] * ratio), 0);
    context.save();
    context.scale(ratio, ratio);
    context.translate(lefts[index], 0);
    drawAboveOf(scatter, context);
    context.restore();
  });
  context.scale(ratio, ratio);
  drawLegends(context, plot, legendLeft, height, ratio);
  return canvas.toDataURL("image/png");
}

/** The text of an SVG file. */
export function plotSvg(plot) {
  const { planes, lefts, legendLeft, width, height } = layoutOf(plot);
  const ratio = PICTURE_SIDE / Math.max(width, height);
  const context = new SvgContext(width, height);
  planes.forEach((scatter, index) => {
    const points = pointsPicture(scatter, plot.chosen.colour, ratio);
    context.save();
    context.translate(lefts[index], 0);
    context.image(points.toDataURL("image/png"), ...scatter.view.size);
    drawAboveOf(scatter, context);
    context.restore();
  });
  drawLegends(context, plot, legendLeft, height, ratio);
  return context.text();
}

/** Legend of the colours, and below it that of what lies under the points. */
function drawLegends(context, plot, left, height, ratio) {
  const { colour } = plot.chosen;
  context.globalAlpha = 1;
  context.font = "bold 12px system-ui, sans-serif";
  context.textAlign = "left";
  context.fillStyle = LEGEND_TEXT_COLOUR;
  context.fillText(shortLabel(colour.label), left, 24);
  context.font = "12px system-ui, sans-serif";
  const bottom = colour.isGroup
    ? drawGroupLegend(context, plot, left, height, plot.scatter.showsShapes(ratio))
    : drawColourBar(context, colour, left);
  const legend = plot.scatter.under.legendOf(plot.scatter);
  if (legend) drawUnderLegend(context, legend, left, Math.min(bottom + 16, height - 50));
}

function drawGroupLegend(context, { chosen: { colour }, hiddenGroups }, left, height, isShaped) {
  const groups = groupsOf(colour).filter((group) => !hiddenGroups.has(group));
  const nRows = Math.max(1, Math.floor((height - 110) / LINE_HEIGHT));
  const widthOfColumn = LEGEND_WIDTH / Math.max(1, Math.ceil(groups.length / nRows));
  groups.forEach((group, index) => {
    const x = left + Math.floor(index / nRows) * widthOfColumn;
    const y = 40 + (index % nRows) * LINE_HEIGHT;
    const channels = colour.groupColours?.[group] ?? colourOfGroup(group);
    const shape = isShaped ? shapeOfGroup(group, colour.groupOfOthers) : 0;
    drawShape(context, shape, x + 6, y, 4.5, cssColour(channels));
    context.fillStyle = LEGEND_TEXT_COLOUR;
    context.fillText(shortName(nameOfGroup(group, colour)), x + 16, y + 4);
  });
  return 40 + Math.min(groups.length, nRows) * LINE_HEIGHT;
}

function drawColourBar(context, { lowest, highest }, left) {
  const step = (LEGEND_WIDTH / 2) / STEPS_OF_BAR;
  context.lineWidth = 10;
  for (let k = 0; k < STEPS_OF_BAR; k++) {
    context.strokeStyle = cssColour(colourOfFraction(k / (STEPS_OF_BAR - 1)));
    drawLine(context, left + k * step, 38, left + (k + 1.05) * step, 38);
  }
  context.lineWidth = 1;
  context.fillText(tickText(lowest), left, 58);
  context.textAlign = "right";
  context.fillText(tickText(highest), left + LEGEND_WIDTH / 2, 58);
  context.textAlign = "left";
  return 62;
}

function shortLabel(label) {
  return label.length > 48 ? `${label.slice(0, 45)}...` : label;
}
