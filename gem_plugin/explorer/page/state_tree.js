// The tree of the states: the last mergers of the sketch maps, and the height at which it is cut.

import { themeColour } from "../../reports/page/house_theme.js";
import { drawLine } from "../../reports/page/axes.js";

const MAXIMUM_LEAVES = 30; // drawn; below them the tree is left out
const TOP_OF_TREE = 8; // pixels
const BOTTOM_OF_TREE = 6;

/** Lines of the tree. tree: rows of two nodes and their distance, nearest first. */
export function linesOfTree(tree) {
  const nLeaves = tree.length + 1;
  const nShown = Math.min(MAXIMUM_LEAVES, nLeaves);
  const firstDrawn = tree.length - (nShown - 1);
  const lines = []; // [x0, distance0, x1, distance1], x from 0 to 1
  let nPlaced = 0;
  const visit = (node) => { // gives [x, distance] of the node
    const merger = node - nLeaves;
    if (merger < firstDrawn) return [(nPlaced++ + 0.5) / nShown, merger < 0 ? 0 : tree[merger][2]];
    const [one, other, distance] = tree[merger];
    const [xOne, ofOne] = visit(one);
    const [xOther, ofOther] = visit(other);
    lines.push([xOne, ofOne, xOne, distance], [xOther, ofOther, xOther, distance]);
    lines.push([xOne, distance, xOther, distance]);
    return [(xOne + xOther) / 2, distance];
  };
  if (tree.length) visit(nLeaves + tree.length - 1);
  return lines;
}

/** Distance halfway between the merger that is kept and the one that is undone; null where there is none. */
export function cutOfTree(tree, nStates) {
  if (nStates < 2 || nStates > tree.length) return null;
  return (tree[tree.length - nStates][2] + tree[tree.length - nStates + 1][2]) / 2;
}

/** How many states there are where the tree is cut at a distance; at least 1, at most one a leaf. */
export function statesAtCut(tree, distance) {
  return 1 + tree.filter(([, , height]) => height > distance).length;
}

/** The distance at a height of the drawn tree, in its pixels. */
export function distanceAtHeight(tree, y, height) {
  const highest = tree[tree.length - 1]?.[2] || 1;
  return ((height - BOTTOM_OF_TREE - y) / (height - TOP_OF_TREE - BOTTOM_OF_TREE)) * highest;
}

/** distance: of the cut; else halfway to the next merger. */
export function drawTree(canvas, tree, nStates, distance = cutOfTree(tree, nStates)) {
  const context = canvas.getContext("2d");
  const width = (canvas.width = canvas.clientWidth || 226);
  const { height } = canvas;
  context.clearRect(0, 0, width, height);
  if (!tree.length) return;
  const highest = tree[tree.length - 1][2] || 1;
  const scale = (height - TOP_OF_TREE - BOTTOM_OF_TREE) / highest;
  const up = (value) => height - BOTTOM_OF_TREE - value * scale;
  context.strokeStyle = themeColour("soft");
  for (const [x0, from, x1, to] of linesOfTree(tree))
    drawLine(context, x0 * width, up(from), x1 * width, up(to));
  if (distance === null) return;
  context.strokeStyle = themeColour("mark");
  context.setLineDash([4, 3]);
  drawLine(context, 0, up(distance), width, up(distance));
  context.setLineDash([]);
}
