import assert from "node:assert/strict";
import { test } from "node:test";

import { clipPathOf, groupsOf, nameOfGroup } from "../../../gem_plugin/reports/page/legend.js";
import { colourOfGroup, GROUP_COLOURS } from "../../../gem_plugin/reports/page/colours.js";
import {
  depthInShape, nameOfShape, ringsOfShape, SHAPE_GROWTH, shapeOfGroup, SHAPES, shapesOfGroups,
} from "../../../gem_plugin/reports/page/point_shapes.js";

const N_GROUPS = 50;
const GROUPS = Array.from({ length: N_GROUPS }, (_, index) => index + 1);

// Machado, Oliveira and Fernandes 2009, full severity, on linear RGB
const VISIONS = {
  usual: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  "without red": [
    [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
  ],
  "without green": [
    [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881],
  ],
};

const times = (matrix, vector) => matrix.map((row) => row.reduce((sum, one, k) => sum + one * vector[k], 0));

/** Ottosson 2020. channels: 0 to 255 */
function oklabOf(channels, vision) {
  const linear = channels.map((channel) => channel / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  const seen = times(VISIONS[vision], linear).map((value) => Math.min(1, Math.max(0, value)));
  const cones = times([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
  ], seen).map(Math.cbrt);
  return times([
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
  ], cones);
}

function nearestPair(groups, vision, mayBeAlike) {
  let nearest = Infinity;
  for (const one of groups) for (const other of groups) {
    if (other >= one || mayBeAlike(one, other)) continue;
    const [a, b] = [one, other].map((group) => oklabOf(colourOfGroup(group), vision));
    nearest = Math.min(nearest, Math.hypot(...a.map((value, k) => value - b[k])));
  }
  return nearest;
}

test("32 colours differ from each other and from the grey of no group", () => {
  assert.equal(new Set(GROUP_COLOURS).size, 32);
  assert.ok(nearestPair(Array.from({ length: 33 }, (_, group) => group), "usual", () => false) > 0.11);
});

test("fifty groups differ by shape, or by colours that readers without red or green see too", () => {
  const haveOtherShapes = (one, other) => shapeOfGroup(one) !== shapeOfGroup(other);
  for (const vision of Object.keys(VISIONS))
    assert.ok(nearestPair(GROUPS, vision, haveOtherShapes) > 0.15, vision);
  const looks = new Set(GROUPS.map((group) => `${colourOfGroup(group)} ${shapeOfGroup(group)}`));
  assert.equal(looks.size, N_GROUPS);
  assert.equal(new Set(GROUPS.map(shapeOfGroup).slice(0, 8)).size, 8, "neighbours have other shapes");
});

test("where points are too small for shapes, the first eight colours still differ for all readers", () => {
  for (const vision of Object.keys(VISIONS))
    assert.ok(nearestPair(GROUPS.slice(0, 8), vision, () => false) > 0.07, vision);
});

test("no group and the group of others are circles", () => {
  assert.equal(shapeOfGroup(0), 0);
  assert.equal(shapeOfGroup(NaN), 0);
  assert.equal(shapeOfGroup(30, 30), 0);
  assert.deepEqual([...shapesOfGroups({ values: Float32Array.of(0, 2, 30), groupOfOthers: 30 })], [0, 1, 0]);
  assert.equal(nameOfShape(shapeOfGroup(2)), "square");
  assert.equal(nameOfShape(shapeOfGroup(34)), "square, open");
});

/** Even-odd rule over all rings. */
function isInRings(rings, x, y) {
  let isInside = false;
  for (const ring of rings) for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [ring[i], ring[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) isInside = !isInside;
  }
  return isInside;
}

test("a shape in the plot and its corners in the legend are the same", () => {
  const r = 20;
  for (let shape = 0; shape < SHAPES.length; shape++) {
    const rings = ringsOfShape(shape);
    let [nDrawn, nOther] = [0, 0];
    for (let y = -30; y <= 30; y++) for (let x = -30; x <= 30; x++) {
      const isDrawn = depthInShape(shape, x + 0.3, y + 0.2, r) > 0;
      if (isDrawn) nDrawn++;
      if (isDrawn !== isInRings(rings, (x + 0.3) / r, (y + 0.2) / r)) nOther++;
      const furthest = Math.max(Math.abs(x + 0.3), Math.abs(y + 0.2));
      if (isDrawn) assert.ok(furthest <= SHAPE_GROWTH * r, SHAPES[shape]);
    }
    assert.ok(nOther < 0.06 * nDrawn, `${SHAPES[shape]}: ${nOther} of ${nDrawn}`);
    assert.ok(nDrawn > 0.45 * Math.PI * r * r, `${SHAPES[shape]} is about as large as the circle`);
  }
});

test("the open shapes have a hole", () => {
  for (let shape = SHAPES.length; shape < 2 * SHAPES.length; shape++) {
    assert.ok(depthInShape(shape, 0, 0, 20) < 0 || SHAPES[shape - 8] === "plus", nameOfShape(shape));
    assert.equal(ringsOfShape(shape).length, 2);
    assert.match(clipPathOf(shape), /^polygon\(evenodd, [\d.]+% [\d.]+%/);
  }
});

test("groups are listed in order with their names, with a number where the plot shows that", () => {
  assert.deepEqual(groupsOf({ values: Float32Array.of(3, 1, NaN, 3, 0) }), [0, 1, 3]);
  const column = { groupNames: ["none", "a.mrc"], badges: { 2: "supported" } };
  assert.equal(nameOfGroup(0, column), "none");
  assert.equal(nameOfGroup(1, { ...column, isNumbered: true }), "1: a.mrc");
  assert.equal(nameOfGroup(2, column), "2: supported");
  assert.equal(nameOfGroup(3, column), "3");
});
