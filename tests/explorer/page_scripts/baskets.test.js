import assert from "node:assert/strict";
import { test } from "node:test";

import { BASKET_COLOURS, channelsOf } from "../../../gem_plugin/explorer/page/basket_colours.js";
import { Baskets, packedBasket, unpackedBasket } from "../../../gem_plugin/explorer/page/baskets.js";
import {
  combinedMembers, countMembers, flagMembers, invertedMembers, membersOf, membersWithFlag, packedMembers,
  rowsOfMembers, unpackedMembers,
} from "../../../gem_plugin/explorer/page/members.js";

const N = 21; // no multiple of eight

test("sets of rows: union, intersection, difference, and all others", () => {
  const [one, other] = [membersOf([0, 7, 8, 20], N), membersOf([7, 9, 20], N)];
  const rows = (members) => [...rowsOfMembers(members)];
  assert.deepEqual(rows(one), [0, 7, 8, 20]);
  assert.deepEqual(rows(combinedMembers("union", one, other)), [0, 7, 8, 9, 20]);
  assert.deepEqual(rows(combinedMembers("intersection", one, other)), [7, 20]);
  assert.deepEqual(rows(combinedMembers("difference", one, other)), [0, 8]);
  assert.equal(countMembers(invertedMembers(one, N)), N - 4);
  assert.deepEqual(rows(invertedMembers(invertedMembers(one, N), N)), rows(one));
  assert.equal(countMembers(invertedMembers(membersOf([], 16), 16)), 16);
});

test("flags of the plot become members and back, other flags stay", () => {
  const flags = Uint8Array.from([1, 3, 2, 0, 3]);
  const members = membersWithFlag(flags, 2);
  assert.deepEqual([...rowsOfMembers(members)], [1, 2, 4]);
  flagMembers(flags, 2, membersOf([0], 5));
  assert.deepEqual([...flags], [3, 1, 0, 0, 1]);
});

test("members survive JSON, few as rows and many as bits", () => {
  const n = 100_003;
  for (const [step, kind] of [[1, "bits"], [3, "bits"], [5000, "rows"], [n, "rows"]]) {
    const rows = Array.from({ length: Math.ceil(n / step) }, (_, index) => index * step);
    const packed = JSON.parse(JSON.stringify(packedMembers(membersOf(rows, n))));
    assert.equal(packed.kind, kind);
    assert.deepEqual([...rowsOfMembers(unpackedMembers(packed, n))], rows);
  }
  assert.equal(countMembers(unpackedMembers(packedMembers(membersOf([], n)), n)), 0);
});

test("a selection of 300,000 is small and quick", () => {
  const members = invertedMembers(membersOf([], 300_000), 300_000);
  const start = performance.now();
  const text = JSON.stringify(packedMembers(members));
  assert.equal(rowsOfMembers(unpackedMembers(JSON.parse(text), 300_000)).length, 300_000);
  assert.ok(text.length < 60_000);
  assert.ok(performance.now() - start < 2000);
});

test("there is always a basket and an active one", () => {
  const baskets = new Baskets(N);
  const first = baskets.active;
  assert.equal(first.name, "basket 1");
  baskets.remove(first.id);
  assert.equal(baskets.list().length, 1);
  assert.ok(baskets.active);
  baskets.add();
  baskets.add();
  const [, second, third] = baskets.list();
  baskets.activate(second.id);
  baskets.remove(second.id);
  assert.equal(baskets.activeId, third.id);
});

test("names are their own, and not empty", () => {
  const baskets = new Baskets(N);
  const { id } = baskets.add();
  assert.throws(() => baskets.rename(id, "  "), /a name of one letter or more/);
  assert.throws(() => baskets.rename(id, "basket 1"), /basket 1 already/);
  baskets.rename(id, " open ");
  assert.equal(baskets.active.name, "open");
});

test("duplicate, invert and baskets of two leave the others as they are", () => {
  const baskets = new Baskets(N);
  const one = baskets.active.id;
  baskets.setMembers(one, membersOf([1, 2, 3], N));
  const before = baskets.active;
  const other = baskets.duplicate(one).id;
  baskets.invert(other);
  assert.equal(baskets.active.count, N - 3);
  assert.equal(baskets.combine("union", one, other).count, N);
  assert.equal(baskets.combine("intersection", one, other).count, 0);
  assert.equal(baskets.combine("difference", one, other).count, 3);
  assert.equal(baskets.byId.get(one), before);
  assert.equal(new Set(baskets.list().map(({ name }) => name)).size, 5);
});

test("thirty-one baskets have colours of their own, far from each other and from grey", () => {
  const baskets = new Baskets(N);
  while (baskets.list().length < 31) baskets.add();
  const colours = baskets.list().map(({ colour }) => colour);
  assert.equal(new Set(colours).size, 31);
  const points = [...BASKET_COLOURS, "#b0b7be", "#ffffff"].map((colour) => labOf(channelsOf(colour)));
  points.forEach((one, index) => points.slice(index + 1).forEach((other) =>
    assert.ok(Math.hypot(...one.map((value, axis) => value - other[axis])) > 25)));
});

test("a basket survives JSON", () => {
  const baskets = new Baskets(N);
  baskets.setMembers(baskets.activeId, membersOf([4, 20], N));
  const again = unpackedBasket("x", JSON.parse(JSON.stringify(packedBasket(baskets.active))), N);
  assert.deepEqual([...rowsOfMembers(again.members)], [4, 20]);
  assert.deepEqual([again.name, again.colour], [baskets.active.name, baskets.active.colour]);
});

/** CIELAB of sRGB, as in ISO 11664-4. */
function labOf(channels) {
  const linear = channels.map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  const rows = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
    [0.0193339, 0.119192, 0.9503041]];
  const white = [0.95047, 1, 1.08883];
  const [x, y, z] = rows
    .map((row, index) => row.reduce((sum, one, k) => sum + one * linear[k], 0) / white[index])
    .map((value) => (value > 216 / 24389 ? Math.cbrt(value) : ((24389 / 27) * value + 16) / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
