import assert from "node:assert/strict";
import { test } from "node:test";

import { atomsIn } from "../../../gem_plugin/explorer/page/atoms_panel.js";
import { timesInWords } from "../../../gem_plugin/explorer/page/job_rows.js";
import { colourOfDisplacement, orderOf } from "../../../gem_plugin/explorer/page/surface_atoms.js";

test("an answer is positions, then displacements", () => {
  const { positions, displacement } = atomsIn(Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
  assert.deepEqual([...positions], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...displacement], [7, 8]);
});

test("colours go from blue to red and stay at the ends of the scale", () => {
  assert.equal(colourOfDisplacement(0), 0x2b5c9e);
  assert.equal(colourOfDisplacement(1), 0xc03a1e);
  assert.equal(colourOfDisplacement(7), 0xc03a1e);
  assert.equal(colourOfDisplacement(-1), 0x2b5c9e);
  assert.equal(colourOfDisplacement(0.5), 0xe8c547);
});

test("atoms in another order have other sums", () => {
  const order = orderOf(Float32Array.from([0, 0, 0, 1.5, 0, 0, 3, 0, 0]));
  const exchanged = orderOf(Float32Array.from([0, 0, 0, 3, 0, 0, 1.5, 0, 0]));
  assert.ok(Math.abs(order[0] - exchanged[0]) > 0.05);
});

test("a job says when it started and how long it took", () => {
  assert.match(timesInWords({ started: 1e9, ended: null }), /^started 2001-09-\d\d \d\d:\d\d:\d\d$/);
  assert.match(timesInWords({ started: 1e9, ended: 1e9 + 3.25 }), /, took 3\.[23] s$/);
});
