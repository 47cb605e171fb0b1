// Along the path, below the plot: how many particles are near, and the free energy with its error where
// landscape-full has measured it.

import { themeColour } from "../../reports/page/house_theme.js";
import { ENOUGH } from "../../reports/page/fading.js";
import { colourOfCount } from "./path_marks.js";

const EDGES = { left: 62, right: 44, top: 8, bottom: 16 }; // CSS pixels
const BAND_OPACITY = 0.2;

/** path: { near, energyOfRun }; fraction: of the slider. */
export function drawPathProfile(canvas, path, fraction) {
  canvas.hidden = !path?.near;
  if (canvas.hidden) return;
  canvas.setAttribute("aria-label", profileInWords(path));
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = "11px system-ui, sans-serif";
  const inner = [width - EDGES.left - EDGES.right, height - EDGES.top - EDGES.bottom];
  const frame = { width, height, inner, last: path.near.length - 1 };
  drawCounts(context, path.near, frame);
  if (path.energyOfRun) drawEnergy(context, path.energyOfRun, frame);
  context.fillStyle = themeColour("ink");
  context.fillRect(EDGES.left + fraction * inner[0] - 1, EDGES.top - 4, 2, inner[1] + 4);
}

function drawCounts(context, near, { height, inner: [width, tall], last }) {
  const most = Math.max(...near, ENOUGH);
  const heightOf = (count) => (tall * Math.log1p(count)) / Math.log1p(most);
  const bottom = height - EDGES.bottom;
  const wide = width / (last + 1);
  near.forEach((count, index) => {
    context.fillStyle = colourOfCount(count, most);
    const left = EDGES.left + (index / last) * (width - wide);
    context.fillRect(left, bottom - Math.max(1, heightOf(count)), wide - 1, Math.max(1, heightOf(count)));
  });
  context.strokeStyle = context.fillStyle = themeColour("soft");
  context.setLineDash([4, 3]);
  line(context, [[EDGES.left, bottom - heightOf(ENOUGH)], [EDGES.left + width, bottom - heightOf(ENOUGH)]]);
  context.setLineDash([]);
  context.textAlign = "right";
  context.fillText(most.toLocaleString("en"), EDGES.left - 5, EDGES.top + 6);
  if (most > 3 * ENOUGH) context.fillText(String(ENOUGH), EDGES.left - 5, bottom - heightOf(ENOUGH) + 4);
  context.textAlign = "left";
  context.fillText("particles near each point", EDGES.left, height - 4);
}

function drawEnergy(context, { energy, error, columns }, frame) {
  const { width: right, height, inner: [width, tall], last } = frame;
  const known = knownPieces(energy);
  context.fillStyle = themeColour("mark");
  context.textAlign = "right";
  const title = `free energy (kT, ± standard error) on ${columns.join(", ")}, at the nearest particles`;
  context.fillText(title, right - 4, height - 4);
  if (!known.length) return;
  const highest = Math.max(1, ...known.flat().map((index) => energy[index] + (error[index] ?? 0)));
  const yOf = (value) => height - EDGES.bottom - (tall * Math.max(0, value)) / highest;
  const xOf = (index) => EDGES.left + (index / last) * width;
  const edge = (indices, sign) =>
    indices.map((index) => [xOf(index), yOf(energy[index] + sign * (error[index] ?? 0))]);
  context.strokeStyle = themeColour("mark");
  context.lineWidth = 2;
  for (const piece of known) {
    context.globalAlpha = BAND_OPACITY;
    context.beginPath();
    for (const pixel of [...edge(piece, 1), ...edge(piece, -1).reverse()]) context.lineTo(...pixel);
    context.fill();
    context.globalAlpha = 1;
    if (piece.length > 1) line(context, edge(piece, 0));
    else context.fillRect(xOf(piece[0]) - 1.5, yOf(energy[piece[0]]) - 1.5, 3, 3);
  }
  context.textAlign = "left";
  context.fillText(`${highest.toPrecision(2)} kT`, right - EDGES.right + 3, EDGES.top + 6);
}

/** Neighbouring points whose energy is known: lists of indices. */
export function knownPieces(energy) {
  const pieces = [];
  energy.forEach((value, index) => {
    if (value === null) return;
    if (index && energy[index - 1] !== null) pieces.at(-1).push(index);
    else pieces.push([index]);
  });
  return pieces;
}

/** The same for those who do not see it. */
export function profileInWords({ near, energyOfRun }) {
  const few = near.filter((count) => count < ENOUGH).length;
  const most = Math.max(...near).toLocaleString("en");
  const particles = `Particles near the points of the path: ${Math.min(...near)} to ${most}; ` +
    `fewer than ${ENOUGH} at ${few} of ${near.length}.`;
  const known = energyOfRun?.energy.filter((value) => value !== null) ?? [];
  if (!known.length) return particles;
  const lowest = Math.min(...known).toPrecision(2);
  return `${particles} Free energy: ${lowest} to ${Math.max(...known).toPrecision(2)} kT.`;
}

function line(context, pixels) {
  context.beginPath();
  for (const pixel of pixels) context.lineTo(...pixel);
  context.stroke();
}
