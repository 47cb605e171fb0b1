// Shapes of points, so that groups differ by more than their colour: eight filled ones, then the same as
// outlines. Distances are from the edge inwards, in pixels; r is half the diameter of the circle.

export const SHAPES = ["circle", "square", "triangle", "diamond", "plus", "triangle down", "cross", "bar"];
export const SMALLEST_SHAPED = 4; // device pixels; smaller points are all squares of a pixel or discs
export const SHAPE_GROWTH = 1.35; // side of the square about a shape, of the circle's diameter
const ROUND_OF_COLOURS = 32; // groups of one round have other colours; each further round is of outlines
const CORNERS_OF_CIRCLE = 24;
const HOLE = 0.55; // of an outline, in legends
const OUTLINE = 0.36; // width of the line, of r

/** Number of the shape of a group counted from 1; 8 and more are outlines. No group, and others: circles. */
export function shapeOfGroup(number, groupOfOthers = 0) {
  if (!(number >= 1) || number === groupOfOthers) return 0;
  const round = Math.floor((number - 1) / ROUND_OF_COLOURS) % 2;
  return ((number - 1) % SHAPES.length) + round * SHAPES.length;
}

export function nameOfShape(shape) {
  const name = SHAPES[shape % SHAPES.length];
  return shape < SHAPES.length ? name : `${name}, open`;
}

/** How far a pixel (x to the right, y down, from the centre) lies inside a shape. */
export function depthInShape(shape, x, y, r) {
  const depth = depthInFilled(shape % SHAPES.length, x, y, r);
  return shape < SHAPES.length ? depth : Math.min(depth, Math.max(OUTLINE * r, 1.2) - depth);
}

function depthInFilled(shape, x, y, r) {
  const [a, b] = [Math.abs(x), Math.abs(y)];
  if (shape === 1) return 0.88 * r - Math.max(a, b);
  if (shape === 2) return 0.675 * r - Math.max(y, 0.866 * a - 0.5 * y);
  if (shape === 3) return 0.7071 * (1.22 * r - a - b);
  if (shape === 4) return depthInPlus(a, b, r);
  if (shape === 5) return 0.675 * r - Math.max(-y, 0.866 * a + 0.5 * y);
  if (shape === 6) return depthInPlus(Math.abs(0.7071 * (x + y)), Math.abs(0.7071 * (x - y)), r);
  if (shape === 7) return Math.min(1.25 * r - a, 0.5 * r - b);
  return r - Math.hypot(x, y);
}

function depthInPlus(a, b, r) {
  const [length, width] = [1.15 * r, 0.38 * r];
  return Math.max(Math.min(length - a, width - b), Math.min(width - a, length - b));
}

/** The same for the graphics card: float depthOfPixel(float shape, vec2 p, float r). */
export const SHAPES_OF_GRAPHICS_CARD = `
float plusDepth(vec2 a, float r) {
  float l = 1.15 * r, w = 0.38 * r;
  return max(min(l - a.x, w - a.y), min(w - a.x, l - a.y));
}
float filledDepth(float shape, vec2 p, float r) {
  vec2 a = abs(p);
  if (shape < 0.5) return r - length(p);
  if (shape < 1.5) return 0.88 * r - max(a.x, a.y);
  if (shape < 2.5) return 0.675 * r - max(p.y, 0.866 * a.x - 0.5 * p.y);
  if (shape < 3.5) return 0.7071 * (1.22 * r - a.x - a.y);
  if (shape < 4.5) return plusDepth(a, r);
  if (shape < 5.5) return 0.675 * r - max(-p.y, 0.866 * a.x + 0.5 * p.y);
  if (shape < 6.5) return plusDepth(abs(0.7071 * vec2(p.x + p.y, p.x - p.y)), r);
  return min(1.25 * r - a.x, 0.5 * r - a.y);
}
float depthOfPixel(float shape, vec2 p, float r) {
  float depth = filledDepth(mod(shape, 8.0), p, r);
  return shape < 7.5 ? depth : min(depth, max(${OUTLINE} * r, 1.2) - depth);
}`;

/** Corners of a shape for legends, as rings [x, y] in units of r, y down; the second ring is the hole. */
export function ringsOfShape(shape) {
  const outer = cornersOf(shape % SHAPES.length);
  if (shape < SHAPES.length) return [outer];
  return [outer, outer.map(([x, y]) => [HOLE * x, HOLE * y])];
}

function cornersOf(shape) {
  if (shape === 1) return [[-0.88, -0.88], [0.88, -0.88], [0.88, 0.88], [-0.88, 0.88]];
  if (shape === 2) return [[0, -1.35], [1.169, 0.675], [-1.169, 0.675]];
  if (shape === 3) return [[0, -1.22], [1.22, 0], [0, 1.22], [-1.22, 0]];
  if (shape === 4) return cornersOfPlus();
  if (shape === 5) return [[0, 1.35], [-1.169, -0.675], [1.169, -0.675]];
  if (shape === 6) return cornersOfPlus().map(([x, y]) => [0.7071 * (x + y), 0.7071 * (x - y)]);
  if (shape === 7) return [[-1.25, -0.5], [1.25, -0.5], [1.25, 0.5], [-1.25, 0.5]];
  const angles = Array.from({ length: CORNERS_OF_CIRCLE }, (_, k) => (2 * Math.PI * k) / CORNERS_OF_CIRCLE);
  return angles.map((angle) => [Math.cos(angle), Math.sin(angle)]);
}

function cornersOfPlus() {
  const [l, w] = [1.15, 0.38];
  return [
    [-w, -l], [w, -l], [w, -w], [l, -w], [l, w], [w, w],
    [w, l], [-w, l], [-w, w], [-l, w], [-l, -w], [-w, -w],
  ];
}

/** A number of the shape for each particle of a column of groups. */
export function shapesOfGroups({ values, groupOfOthers }) {
  const shapes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) shapes[i] = shapeOfGroup(values[i], groupOfOthers);
  return shapes;
}
