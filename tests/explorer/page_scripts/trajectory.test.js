import assert from "node:assert/strict";
import { test } from "node:test";

import {
  countAt, fractionOfStep, isLineOn, noteOn, pointAt, valueOnAxis,
} from "../../../gem_plugin/explorer/page/trajectory.js";
import { frameOfStep } from "../../../gem_plugin/reports/page/animation.js";
import { opacityOfCount, particlesNear } from "../../../gem_plugin/reports/page/fading.js";

test("points between those of a trajectory lie on straight lines", () => {
  const points = [[0, 0], [1, 10], [3, 10]];
  assert.deepEqual(pointAt(points, 0), [0, 0]);
  assert.deepEqual(pointAt(points, 0.25), [0.5, 5]);
  assert.deepEqual(pointAt(points, 0.5), [1, 10]);
  assert.deepEqual(pointAt(points, 1), [3, 10]);
});

test("it plays there and back again without a jump", () => {
  const fractions = Array.from({ length: 9 }, (_, step) => fractionOfStep(step, 4));
  assert.deepEqual(fractions, [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0]);
  assert.deepEqual([0, 1, 2, 3].map((step) => frameOfStep(step, 3)), [0, 1, 2, 1]);
});

const latentAxes = {
  latent_1: { offset: 0, weights: [1, 0] },
  latent_pc_1: { offset: -3, weights: [0.6, 0.8] },
};

test("latents have a position on axes that are linear in them", () => {
  assert.equal(valueOnAxis(latentAxes.latent_1, [5, 7]), 5);
  assert.ok(Math.abs(valueOnAxis(latentAxes.latent_pc_1, [5, 10]) - 8) < 1e-12);
});

test("a path is a line on latents and their components only", () => {
  assert.equal(isLineOn(["latent_1", "latent_pc_1"], latentAxes), true);
  for (const name of ["umap_1", "volume_pc_1", "state", "constructor"])
    assert.equal(isLineOn(["latent_1", name], latentAxes), false, name);
});

test("the page says what is drawn of a path, and where its energy is from", () => {
  const path = { energyColumns: [] };
  assert.match(noteOn(path, ["latent_1", "latent_2"], true), /^The line is where molecules are decoded/);
  assert.match(noteOn(path, ["umap_1", "umap_2"], false), /^On umap_1 and umap_2 only particles have/);
  const energy = noteOn({ energyColumns: ["latent_pc_1", "latent_pc_2"] }, ["umap_1", "umap_2"], false);
  assert.match(energy, /^Free energy is that of the particles on latent_pc_1 and latent_pc_2\. On umap/);
  const ofEarlierSession = { latents: [], rows: [] };
  assert.match(noteOn(ofEarlierSession, ["latent_1", "latent_2"], true), /^The line/);
});

test("between two points of a path there are as many particles near as at the emptier one", () => {
  const near = [40, 0, 12];
  assert.deepEqual([0, 0.25, 0.5, 0.75, 1].map((fraction) => countAt(near, fraction)), [40, 0, 0, 0, 12]);
});

test("a map fades where few particles are near, and is drawn whole where there are ten", () => {
  assert.equal(opacityOfCount(10), 1);
  assert.equal(opacityOfCount(5000), 1);
  assert.ok(opacityOfCount(0) > 0 && opacityOfCount(0) < opacityOfCount(5));
  assert.deepEqual([0, 1, 1200].map(particlesNear),
    ["no particles near", "1 particle near", "1,200 particles near"]);
});

test("the note counts the points of a path that have no particle near", () => {
  const path = { energyColumns: [], near: [9, 0, 0, 4] };
  for (const [axes, isLine] of [[["latent_1", "latent_2"], true], [["umap_1", "umap_2"], false]])
    assert.match(noteOn(path, axes, isLine), /2 of 4 points have no particle near: .* a guess\.$/);
  assert.doesNotMatch(noteOn({ energyColumns: [], near: [9, 1] }, ["latent_1", "latent_2"], true), /guess/);
});
