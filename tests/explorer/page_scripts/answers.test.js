import assert from "node:assert/strict";
import { test } from "node:test";

import { greyPixels, slicesOf } from "../../../gem_plugin/explorer/page/grey_images.js";
import { nameOfFile } from "../../../gem_plugin/explorer/page/mask_chooser.js";
import { counted } from "../../../gem_plugin/explorer/page/messages.js";
import { asFloats, partsOf } from "../../../gem_plugin/explorer/page/server.js";
import {
  cutOfTree, distanceAtHeight, linesOfTree, statesAtCut,
} from "../../../gem_plugin/explorer/page/state_tree.js";
import { labelOf } from "../../../gem_plugin/explorer/page/states_panel.js";
import { roundLength } from "../../../gem_plugin/explorer/page/surface_view.js";
import { middlesOfGroups } from "../../../gem_plugin/reports/page/group_middles.js";
import { unpackedColumn } from "../../../gem_plugin/reports/page/packed_columns.js";

/** Reads an answer of which some bytes arrive at a time. */
async function readAnswer(bytes, nAtATime) {
  const chunks = [];
  for (let start = 0; start < bytes.length; start += nAtATime)
    chunks.push(Uint8Array.from(bytes.slice(start, start + nAtATime)));
  const reader = { read: async () => ({ done: chunks.length === 0, value: chunks.shift() }) };
  const found = [];
  for await (const one of partsOf(reader)) found.push(one);
  return found;
}

test("an answer is taken apart into head and parts, however it arrives", async () => {
  const text = new TextEncoder().encode(JSON.stringify({ lengths: [3, 8] }).padEnd(20));
  const floats = new Uint8Array(Float32Array.of(1.5, -2).buffer);
  const bytes = Uint8Array.of(text.length, 0, 0, 0, ...text, 7, 8, 9, ...floats);
  for (const nAtATime of [1, 5, 24, 26, 1000]) {
    const [head, first, second] = await readAnswer(bytes, nAtATime);
    assert.deepEqual(head, { lengths: [3, 8] });
    assert.deepEqual([...first], [7, 8, 9]);
    assert.deepEqual([...asFloats(second)], [1.5, -2]);
  }
  await assert.rejects(readAnswer(bytes.slice(0, -1), 10), /broke off its answer/);
});

test("slices go through the index along z, y and x", () => {
  const size = 3;
  const volume = Uint8Array.from({ length: 27 }, (_, index) => index); // 9 z + 3 y + x
  const [z, y, x] = slicesOf(volume, size, 2);
  assert.deepEqual([...z], [18, 19, 20, 21, 22, 23, 24, 25, 26]);
  assert.deepEqual([...y], [6, 7, 8, 15, 16, 17, 24, 25, 26]);
  assert.deepEqual([...x], [2, 5, 8, 11, 14, 17, 20, 23, 26]);
});

test("grey images have their bottom row last, and what is out of range is black or white", () => {
  const grey = (value) => [value, value, value, 255];
  const pixels = greyPixels([0, 5, 10, 20], 2, 5, 10);
  assert.deepEqual([...pixels], [...grey(255), ...grey(255), ...grey(0), ...grey(0)]);
});

test("units are singular for one and plural for others", () => {
  assert.equal(counted(1, "waypoint"), "1 waypoint");
  assert.equal(counted(0, "particle"), "0 particles");
  assert.equal(counted(12345, "particle"), "12,345 particles");
});

test("the label of states names what differs from the landscape", () => {
  const same = { nStates: 5, linkage: "ward", region: "whole", mask: { kind: "landscape" } };
  assert.equal(labelOf(same), "states (5, ward)");
  const file = { kind: "file", file: "explore/masks/a.mrc" };
  const label = labelOf({ ...same, region: "part 2", mask: file });
  assert.equal(label, "states (5, ward, part 2, explore/masks/a.mrc)");
});

test("names of mask files are such as the server takes", () => {
  assert.equal(nameOfFile("my mask.mrc"), "my_mask");
  assert.equal(nameOfFile("../../.hidden.mrc"), "hidden");
  assert.equal(nameOfFile("???"), "mask");
});

test("the tree has three lines a merger, and its cut undoes the last mergers", () => {
  const tree = [[0, 1, 1], [2, 3, 2], [4, 5, 6]];
  assert.equal(linesOfTree(tree).length, 9);
  assert.equal(cutOfTree(tree, 2), 4);
  assert.equal(cutOfTree(tree, 3), 1.5);
  assert.equal(cutOfTree(tree, 1), null);
  assert.deepEqual(linesOfTree([]), []);
});

test("the scale bar has a round length", () => {
  assert.deepEqual([7.3, 10, 34, 199].map(roundLength), [5, 10, 20, 100]);
});

test("the number of a group is written at one of its particles, in its middle", () => {
  const column = (...values) => ({ values, lowest: 0, highest: 10 });
  const x = column(0, 1, 2, 9, 10);
  const y = column(0, 1, 2, 9, 10);
  const middles = new Map(middlesOfGroups(x, y, column(1, 1, 1, 2, 2)));
  assert.equal(middles.get(1), 1);
  assert.ok([3, 4].includes(middles.get(2)));
});

test("columns of the report are unpacked: bytes for groups, two bytes for numbers", () => {
  const base64 = (array) => Buffer.from(array.buffer).toString("base64");
  const groups = { data: base64(Uint8Array.of(0, 2)), isWhole: true, isGroup: true, lowest: 1, highest: 3 };
  assert.deepEqual([...unpackedColumn(groups).values], [1, 3]);
  const numbers = { data: base64(Uint16Array.of(0, 65535)), lowest: -1, highest: 1, isGroup: false };
  assert.deepEqual([...unpackedColumn(numbers).values], [-1, 1]);
});

test("the height of the cut says how many states there are", () => {
  const tree = [[0, 1, 1], [2, 3, 2], [4, 5, 6]];
  assert.equal(statesAtCut(tree, 7), 1);
  assert.equal(statesAtCut(tree, 4), 2);
  assert.equal(statesAtCut(tree, 1.5), 3);
  assert.equal(statesAtCut(tree, 0.5), 4);
  assert.equal(statesAtCut([], 1), 1);
  const height = 130;
  assert.equal(distanceAtHeight(tree, height - 6, height), 0);
  assert.equal(distanceAtHeight(tree, 8, height), 6);
  for (const nStates of [2, 3]) assert.equal(statesAtCut(tree, cutOfTree(tree, nStates)), nStates);
});
