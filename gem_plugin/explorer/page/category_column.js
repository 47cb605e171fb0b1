// A column of texts as groups: the commonest have a group each, the rest is one group, "others"; any of the
// others gets a group of its own when the reader asks for it.

const OTHERS_COLOUR = [150, 156, 163];

/**
 * column: its description; codes (float32): the category of each particle, 1 the commonest, 0 none.
 * categories: { number, name, count } of the commonest; nCategories: of all.
 */
export function makeCategories(column, codes, { categories, nCategories }) {
  Object.assign(column, { codes, categories, nCategories, isGroup: true, isText: true, promoted: [] });
  column.values = new Float32Array(codes.length);
  fillGroups(column);
}

/** Group of the categories without one of their own; 0 where each has one. */
function numberOfOthers({ categories, nCategories }) {
  return nCategories > categories.length ? categories.length + 1 : 0;
}

/** Give a category a group of its own; it has the same number afterwards as before where it had one. */
export function promoteCategory(column, category) {
  const known = [...column.categories, ...column.promoted];
  if (known.some(({ number }) => number === category.number)) return;
  column.promoted = [...column.promoted, category];
  fillGroups(column);
}

/** Categories with groups of their own, as they were saved. */
export function setPromoted(column, promoted) {
  column.promoted = promoted;
  fillGroups(column);
}

/** The group of a category; that of the others where it has none of its own. */
export function groupOfCategory(column, number) {
  if (number <= column.categories.length) return number;
  const index = column.promoted.findIndex((one) => one.number === number);
  const others = numberOfOthers(column);
  return index < 0 ? others : others + 1 + index;
}

function fillGroups(column) {
  const { codes, categories, promoted, nCategories } = column;
  const others = numberOfOthers(column);
  const groups = Float32Array.from({ length: nCategories + 1 }, (_, number) =>
    (number <= categories.length ? number : others));
  for (const { number } of promoted) groups[number] = groupOfCategory(column, number);
  for (let i = 0; i < codes.length; i++) column.values[i] = groups[codes[i]];
  const nOthers = nCategories - categories.length - promoted.length;
  const named = categories.map(({ name }) => name);
  column.groupNames = ["none", ...named];
  column.isNumbered = true;
  column.groupOfOthers = others;
  column.groupColours = [];
  if (others) {
    column.groupNames[others] = `others (${nOthers.toLocaleString("en")})`;
    column.groupColours[others] = OTHERS_COLOUR;
  }
  promoted.forEach(({ number, name }) => { column.groupNames[groupOfCategory(column, number)] = name; });
  column.lowest = 0;
  column.highest = column.groupNames.length - 1;
}
