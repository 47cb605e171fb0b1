// Marks above the plot: rings about particles, and the outline of a lasso or box.

import { themeColour } from "../../reports/page/house_theme.js";

const OPACITY_INSIDE = 0.12;

/** A ring about a pixel, with a text beside it. */
export function drawMark(context, [px, py], colour, text = "") {
  context.beginPath();
  context.arc(px, py, 6, 0, 2 * Math.PI);
  context.strokeStyle = themeColour("paper");
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
  context.lineWidth = 1;
  context.fillStyle = colour;
  context.textAlign = "left";
  context.fillText(text, px + 9, py - 6);
}

export function drawOutline(context, corners) {
  context.beginPath();
  for (const corner of corners) context.lineTo(...corner);
  context.closePath();
  context.fillStyle = context.strokeStyle = themeColour("accent");
  context.globalAlpha = OPACITY_INSIDE;
  context.fill();
  context.globalAlpha = 1;
  context.stroke();
}
