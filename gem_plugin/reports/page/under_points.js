// What lies under the points of a plot: the density of the particles on this plane as a shade, as contours,
// or as energy in kT. It follows the axes and the particles that are shown.

import { drawLine } from "./axes.js";
import { colourOfFraction } from "./colours.js";
import {
  CONTOUR_FRACTIONS, contourSegments, densityField, energiesOf, levelsEnclosing,
} from "./density_field.js";
import { themeChannels, themeColour } from "./house_theme.js";

export const UNDER_KINDS = ["nothing", "density", "contours", "energy (kT)"];
const SIDE_OF_STRETCHABLE = 800; // pixels
const SHADE = [70, 98, 130];
const SHADE_OPACITY = 0.6; // of the densest place
const SHADE_POWER = 0.6; // below 1 shows sparse places too
const ENERGY_OPACITY = 0.55;
const MAXIMUM_ENERGY = 8; // kT; higher ones have the last colour
const SEGMENTS_AT_A_TIME = 32; // browsers draw long paths of short pieces slowly
const WIDTH_OF_BAR = 160; // CSS pixels

export class UnderPoints {
  constructor() {
    this.kind = UNDER_KINDS[0];
    this.stale();
  }

  get isOn() {
    return this.kind !== UNDER_KINDS[0];
  }

  /** Axes or shown particles are others. */
  stale() {
    this.field = undefined; // null: too few particles
    this.made = {}; // shades and lines by their kind
  }

  choose(kind) {
    if (UNDER_KINDS.includes(kind)) this.kind = kind;
    else throw new Error(`Under the points there can be ${UNDER_KINDS.join(", ")}, not ${kind}.`);
  }

  /**
   * Paper, shade and lines as painters take them: a canvas, and the frame in which it was drawn.
   * plot: the ScatterPlot.
   */
  exact(plot, frame, ratio) {
    return { canvas: this.draw(plot, frame, ratio), frame, isExact: true };
  }

  /** The same for all of the plane that holds particles, drawn once: for a plot that moves. */
  stretchable(plot) {
    const field = this.fieldOf(plot);
    if (!field) return null;
    const key = `${this.kind}, stretchable`;
    if (!this.made[key]) {
      const frame = frameOfField(field);
      this.made[key] = { canvas: this.draw(plot, frame, 1), frame, isExact: false };
    }
    return this.made[key];
  }

  draw(plot, frame, ratio) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [frame.width, frame.height];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = themeColour("paper");
    context.fillRect(0, 0, frame.width, frame.height);
    const drawn = this.drawnOf(plot);
    if (!drawn) return canvas;
    context.beginPath();
    context.rect(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
    context.clip();
    if (drawn.shade) drawShade(context, drawn, frame);
    drawSegments(context, drawn.segments, frame, ratio);
    return canvas;
  }

  fieldOf(plot) {
    if (this.field === undefined) this.field = densityField(plot);
    return this.field;
  }

  /** Shade and lines, made once. */
  drawnOf(plot) {
    const field = this.fieldOf(plot);
    if (!field) return null;
    this.made[this.kind] ??= this.make(field);
    return this.made[this.kind];
  }

  make(field) {
    if (this.kind === "density") return { field, shade: shadeOf(field, densityPixel(field)), segments: [] };
    if (this.kind === "contours") return { field, segments: [levelsEnclosing(field, CONTOUR_FRACTIONS)
      .flatMap((level) => contourSegments(field.density, field, level))] };
    const energies = energiesOf(field);
    const highest = highestEnergy(energies);
    const levels = Array.from({ length: highest }, (_, index) => index + 1);
    const segments = levels.map((level) => contourSegments(energies, field, level));
    return { field, highest, shade: shadeOf(field, energyPixel(energies, highest)), segments };
  }

  /** For the legend: a title, and a bar (colours and ends) or a sentence. */
  legendOf(plot) {
    const drawn = this.isOn ? this.drawnOf(plot) : null;
    if (!this.isOn) return null;
    if (!drawn) return { title: "fewer than ten particles are shown: too few for a density", colours: [] };
    const ramp = (colourAt) => Array.from({ length: 11 }, (_, k) => onPaper(colourAt(k / 10)));
    if (this.kind === "contours") {
      const inside = CONTOUR_FRACTIONS.map((fraction) => Math.round(100 * fraction)).reverse().join(", ");
      return { title: `inside each line: ${inside} % of the shown particles`, colours: [] };
    }
    if (this.kind === "density")
      return { title: "density of this plane, of its highest", colours: ramp(shadeAt), ends: ["0", "1"] };
    const top = drawn.highest < MAXIMUM_ENERGY ? String(drawn.highest) : `${MAXIMUM_ENERGY} or more`;
    const colours = ramp(energyAt);
    return { title: "energy -ln p of this plane, kT; a line for each kT", colours, ends: ["0", top] };
  }
}

/** A frame that holds all of a field. */
function frameOfField({ limits: { x, y } }) {
  const side = SIDE_OF_STRETCHABLE;
  const [scaleX, scaleY] = [side / (x[1] - x[0]), -side / (y[1] - y[0])];
  const edges = { width: side, height: side, left: 0, right: side, top: 0, bottom: side };
  return { ...edges, scaleX, scaleY, shiftX: -x[0] * scaleX, shiftY: -y[1] * scaleY };
}

/** The legend in a saved picture, from a corner on. */
export function drawUnderLegend(context, legend, x, y) {
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "left";
  context.fillStyle = themeColour("ink");
  context.fillText(legend.title, x, y + 11);
  if (!legend.colours.length) return;
  const step = WIDTH_OF_BAR / legend.colours.length;
  legend.colours.forEach((colour, index) => {
    context.lineWidth = 9;
    context.strokeStyle = colour;
    drawLine(context, x + index * step, y + 22, x + (index + 1) * step, y + 22);
  });
  context.lineWidth = 1;
  context.fillText(legend.ends[0], x, y + 40);
  context.textAlign = "right";
  context.fillText(legend.ends[1], x + WIDTH_OF_BAR, y + 40);
}

/** A canvas with a pixel for each cell, the highest y on top. pixelAt(cell): red, green, blue, opacity. */
function shadeOf({ nCells }, pixelAt) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = nCells;
  const picture = new ImageData(nCells, nCells);
  for (let row = 0; row < nCells; row++) for (let column = 0; column < nCells; column++) {
    const [red, green, blue, opacity] = pixelAt(row * nCells + column);
    picture.data.set([red, green, blue, 255 * opacity], 4 * ((nCells - 1 - row) * nCells + column));
  }
  canvas.getContext("2d", { willReadFrequently: true }).putImageData(picture, 0, 0);
  return canvas;
}

function densityPixel({ density, highest }) {
  return (cell) => shadeAt(density[cell] / highest);
}

function shadeAt(fraction) {
  return [...SHADE, SHADE_OPACITY * fraction ** SHADE_POWER];
}

function energyPixel(energies, highest) {
  return (cell) => (Number.isNaN(energies[cell]) ? [...SHADE, 0] : energyAt(energies[cell] / highest));
}

/** Low energies dark, high ones bright. */
function energyAt(fraction) {
  return [...colourOfFraction(fraction), ENERGY_OPACITY];
}

function onPaper([red, green, blue, opacity]) {
  const paper = themeChannels("paper");
  const mixed = [red, green, blue].map((channel, k) => Math.round(paper[k] + (channel - paper[k]) * opacity));
  return `rgb(${mixed.join(",")})`;
}

/** The highest whole energy of the scale. */
function highestEnergy(energies) {
  const highest = energies.reduce((one, other) => (other > one ? other : one), 0);
  return Math.max(1, Math.min(MAXIMUM_ENERGY, Math.ceil(highest)));
}

function drawShade(context, { field, shade }, { scaleX, scaleY, shiftX, shiftY }) {
  const { x, y } = field.limits;
  const [left, top] = [shiftX + x[0] * scaleX, shiftY + y[1] * scaleY];
  context.imageSmoothingEnabled = true;
  context.drawImage(shade, left, top, (x[1] - x[0]) * scaleX, (y[0] - y[1]) * scaleY);
}

/** Lines of each level. */
function drawSegments(context, levels, { scaleX, scaleY, shiftX, shiftY }, ratio) {
  context.strokeStyle = themeColour("soft");
  context.lineWidth = ratio;
  context.globalAlpha = 0.7;
  const length = 4 * SEGMENTS_AT_A_TIME;
  for (const segments of levels) for (let start = 0; start < segments.length; start += length) {
    context.beginPath();
    for (let k = start; k < Math.min(segments.length, start + length); k += 4) {
      context.moveTo(shiftX + segments[k] * scaleX, shiftY + segments[k + 1] * scaleY);
      context.lineTo(shiftX + segments[k + 2] * scaleX, shiftY + segments[k + 3] * scaleY);
    }
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The legend on a page. element: filled, or hidden where there is nothing under the points. */
export function fillUnderLegend(element, legend) {
  element.hidden = !legend;
  if (!legend) return;
  const title = document.createElement("span");
  title.textContent = legend.title;
  element.replaceChildren(title);
  if (!legend.colours.length) return;
  const bar = document.createElement("span");
  bar.className = "colour-bar";
  bar.style.background = `linear-gradient(to right,${legend.colours.join(",")})`;
  const row = document.createElement("div");
  row.className = "row";
  row.append(legend.ends[0], bar, legend.ends[1]);
  element.append(row);
}
