// Where the number of a group is written in a plot: at a particle in its middle.

const MAXIMUM_GROUPS_NUMBERED = 60;
const ROWS_OF_GROUP = 4000; // of larger groups every so many-th row, which moves the median by little

/** For each group, the row nearest to the medians of both columns: inside the group even where it is bent. */
export function middlesOfGroups(x, y, groups) {
  const counts = new Map();
  for (const group of groups.values) counts.set(group, (counts.get(group) ?? 0) + 1);
  if (counts.size > MAXIMUM_GROUPS_NUMBERED) return [];
  const members = new Map([...counts.keys()].map((group) => [group, { rows: [], seen: 0 }]));
  groups.values.forEach((group, row) => {
    const one = members.get(group);
    const step = Math.ceil(counts.get(group) / ROWS_OF_GROUP);
    if (one.seen++ % step === 0 && Number.isFinite(x.values[row] + y.values[row])) one.rows.push(row);
  });
  return [...members].filter(([, { rows }]) => rows.length)
    .map(([group, { rows }]) => [group, middleOf(rows, x, y)]);
}

function middleOf(rows, x, y) {
  const xMedian = medianOf(rows, x.values);
  const yMedian = medianOf(rows, y.values);
  const xSpan = x.highest - x.lowest || 1;
  const ySpan = y.highest - y.lowest || 1;
  const distance = (row) =>
    ((x.values[row] - xMedian) / xSpan) ** 2 + ((y.values[row] - yMedian) / ySpan) ** 2;
  return rows.reduce((best, row) => (distance(row) < distance(best) ? row : best));
}

function medianOf(rows, values) {
  const sorted = Float32Array.from(rows, (row) => values[row]).sort();
  return sorted[sorted.length >> 1];
}
