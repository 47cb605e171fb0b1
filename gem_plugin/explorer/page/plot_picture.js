// The plot as a picture at print size: PNG, or SVG in which axes, text, paths and marks can be edited and
// the particles are an image.

import { drawAxes } from "../../reports/page/axes.js";
import { packedColoursOf } from "../../reports/page/colours.js";
import { pointSizeOf } from "../../reports/page/point_style.js";
import { PixelPoints } from "../../reports/page/points_pixels.js";
import { SvgContext } from "./svg_context.js";

export const PICTURE_SIDE = 2000; // pixels of the longer side

/** scatter: the ScatterPlot; colour: the column of the colours. A canvas with the particles alone. */
function pointsPicture(scatter, colour) {
  const ratio = PICTURE_SIDE / Math.max(...scatter.view.size);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = scatter.view.size.map((side) => Math.round(side * ratio));
  const painter = new PixelPoints(canvas);
  const colours = new Uint8Array(packedColoursOf(colour).buffer);
  for (const [name, values] of Object.entries({ x: scatter.x, y: scatter.y, flags: scatter.flags }))
    painter.upload(name, values);
  painter.upload("colour", colours);
  const frame = scatter.frameOf(canvas.width, canvas.height, ratio);
  painter.draw(frame, scatter.nPoints, pointSizeOf(scatter.nPoints) * ratio, scatter.hasSelection);
  return { canvas, ratio };
}

function drawAboveOf(scatter, context) {
  drawAxes(context, scatter.view, scatter.xColumn.label, scatter.yColumn.label);
  scatter.drawAbove(context, scatter);
}

/** A PNG data address. */
export function plotPng(scatter, colour) {
  const { canvas, ratio } = pointsPicture(scatter, colour);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  drawAboveOf(scatter, context);
  return canvas.toDataURL("image/png");
}

/** The text of an SVG file. */
export function plotSvg(scatter, colour) {
  const { canvas } = pointsPicture(scatter, colour);
  const context = new SvgContext(...scatter.view.size);
  context.image(canvas.toDataURL("image/png"));
  drawAboveOf(scatter, context);
  return context.text();
}
