// The view of the picture in the numbers of NGL, and bytes packed in text.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { unpacked } from "../../../gem_plugin/reports/page/packed_bytes.js";
import { orientationOf } from "../../../gem_plugin/explorer/page/view_axes.js";

const apply = (m, v) => [0, 1, 2].map((row) => m[row] * v[0] + m[4 + row] * v[1] + m[8 + row] * v[2]);

test("right of the view goes to -x of NGL, up to y, and towards the reader to -z, without a mirror", () => {
  const view = [0, 1, 0, 0, 0, 1, 1, 0, 0]; // right is y, up is z, towards the reader is x
  const numbers = orientationOf(view, 2, [5, 6, 7]);
  assert.deepEqual(apply(numbers, [0, 1, 0]).map((one) => one + 0), [-2, 0, 0]);
  assert.deepEqual(apply(numbers, [0, 0, 1]).map((one) => one + 0), [0, 2, 0]);
  assert.deepEqual(apply(numbers, [1, 0, 0]).map((one) => one + 0), [0, 0, -2]);
  assert.deepEqual(numbers.slice(12), [5, 6, 7, 1]);
});

test("packed bytes come back as they were", async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) % 256);
  assert.deepEqual(await unpacked(gzipSync(bytes).toString("base64")), bytes);
});
