// The path on the plot, coloured by the particles near it; dashed and faded where they are few.

import { themeColour } from "../../reports/page/house_theme.js";
import { colourOfFraction, cssColour } from "../../reports/page/colours.js";
import { ENOUGH, opacityOfCount } from "../../reports/page/fading.js";

const DASHES = [5, 4];

/** Of a number of particles, between none and the most along the path. */
export function colourOfCount(count, most) {
  return cssColour(colourOfFraction(Math.log1p(count) / Math.log1p(Math.max(most, ENOUGH))));
}

/** How a piece between two points is drawn: as the emptier of them. near: counts at the points, if known. */
export function lookOfPiece(near, index) {
  if (!near) return { colour: themeColour("ink"), opacity: 1, dash: [] };
  const count = Math.min(near[index], near[index + 1]);
  const dash = count < ENOUGH ? DASHES : [];
  return { colour: colourOfCount(count, Math.max(...near)), opacity: opacityOfCount(count), dash };
}

/** pixels: of the points of the path. */
export function drawPathLine(context, pixels, near) {
  context.strokeStyle = themeColour("paper");
  context.lineWidth = 6;
  context.beginPath();
  for (const pixel of pixels) context.lineTo(...pixel);
  context.stroke();
  context.lineWidth = 3;
  for (let index = 0; index + 1 < pixels.length; index++) {
    const { colour, opacity, dash } = lookOfPiece(near, index);
    context.strokeStyle = colour;
    context.globalAlpha = opacity;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(...pixels[index]);
    context.lineTo(...pixels[index + 1]);
    context.stroke();
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** Where only particles have a position: a dot for each point; that of the slider is large. */
export function drawPathDots(context, pixels, near, { shown, radius, radiusOfShown, outline }) {
  context.lineWidth = 1.5;
  pixels.forEach((pixel, index) => {
    const count = near?.[index];
    context.globalAlpha = near ? opacityOfCount(count) : 1;
    context.fillStyle = near ? colourOfCount(count, Math.max(...near)) : themeColour("ink");
    context.strokeStyle = outline;
    context.setLineDash(near && count < ENOUGH ? [2, 2] : []);
    context.beginPath();
    context.arc(...pixel, index === shown ? radiusOfShown : radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
  context.globalAlpha = 1;
  context.setLineDash([]);
}
