import assert from "node:assert/strict";
import { test } from "node:test";

import {
  groupOfCategory, makeCategories, promoteCategory, setPromoted,
} from "../../../gem_plugin/explorer/page/category_column.js";
import { asAxis, ParticleColumns } from "../../../gem_plugin/explorer/page/columns.js";
import { histogramOf, showOnly } from "../../../gem_plugin/explorer/page/filters.js";
import { SHOWN } from "../../../gem_plugin/reports/page/point_style.js";

const name = (number) => ({ number, name: `<b>${number}</b>.mrc`, count: 100 - number });

function columnOf(nCategories, nNamed = Math.min(29, nCategories)) {
  const column = { name: "rlnMicrographName" };
  const codes = Float32Array.from({ length: nCategories + 1 }, (_, number) => number); // one particle each
  const categories = Array.from({ length: nNamed }, (_, index) => name(index + 1));
  makeCategories(column, codes, { categories, nCategories });
  return column;
}

test("few texts have a group each and there are no others", () => {
  const column = columnOf(3);
  assert.deepEqual([...column.values], [0, 1, 2, 3]);
  assert.deepEqual(column.groupNames.slice(1), ["<b>1</b>.mrc", "<b>2</b>.mrc", "<b>3</b>.mrc"]);
  assert.equal(column.groupOfOthers, 0);
  assert.equal(column.highest, 3);
});

test("of 5,000 the commonest have a group each, the rest one; one that is searched for its own", () => {
  const column = columnOf(5000);
  assert.equal(new Set(column.values).size, 31); // none, 29, others
  assert.equal(column.groupNames[30], "others (4,971)");
  promoteCategory(column, name(4321));
  assert.equal(column.values[4321], 31);
  assert.equal(column.groupNames[31], "<b>4321</b>.mrc");
  assert.equal(column.groupNames[30], "others (4,970)");
  promoteCategory(column, name(4321));
  promoteCategory(column, name(2));
  assert.equal(column.promoted.length, 1, "the same and a common one have their groups already");
  assert.equal(groupOfCategory(column, 2), 2);
  setPromoted(column, []);
  assert.equal(column.values[4321], 30);
});

test("50,000 texts are as quick as few", () => {
  const start = performance.now();
  const column = columnOf(50000);
  assert.equal(column.values[50000], 30);
  assert.ok(performance.now() - start < 500);
});

test("hidden groups of a text column are not shown, together with ranges", () => {
  const column = columnOf(3);
  const flags = new Uint8Array(4);
  const range = { values: Float32Array.of(0, 1, 2, 3), range: [0, 2], isWhole: false };
  showOnly({ flags }, [range, { values: column.values, hidden: new Set([1]) }], null, new Set());
  assert.deepEqual([...flags], [SHOWN, 0, SHOWN, 0]);
});

test("a range over everything leaves out nothing, not even what has no value", () => {
  const flags = new Uint8Array(2);
  const values = Float32Array.of(NaN, NaN);
  showOnly({ flags }, [{ values, range: [0, 0], isWhole: true }], null, new Set());
  assert.deepEqual([...flags], [SHOWN, SHOWN]);
  assert.equal(histogramOf({ values, lowest: 0, highest: 0 }).reduce((sum, one) => sum + one), 0);
});

test("the columns of the particle file are named at once and do not take the place of the run's", () => {
  const columns = new ParticleColumns([{ name: "state", label: "state", isGroup: true }]);
  const names = ["rlnDefocusU", "state", "rlnImageName"];
  columns.addOfFile({ file: "run_data.star", columns: names, missing: "" });
  assert.deepEqual(columns.all().map((column) => column.name), ["state", "rlnDefocusU", "rlnImageName"]);
  assert.ok(!columns.byName.get("state").isOfFile);
  assert.ok(columns.byName.get("rlnImageName").isText && !columns.byName.get("rlnDefocusU").isText);
});

test("a column of texts is no axis, and says so", () => {
  assert.throws(() => asAxis({ name: "rlnGroupName", isText: true }), /rlnGroupName holds text.*colour/);
  const numbers = { name: "rlnDefocusU", isText: false };
  assert.equal(asAxis(numbers), numbers);
});
