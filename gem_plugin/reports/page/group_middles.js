// Where the number of a group is written in a plot: at a particle in its middle.

const MAXIMUM_GROUPS_NUMBERED = 60;

/** For each group, the row nearest to the medians of both columns: inside the group even where it is bent. */
export function middlesOfGroups(x, y, groups) {
  const members = new Map();
  groups.values.forEach((group, row) => {
    if (members.has(group)) members.get(group).push(row);
    else members.set(group, [row]);
  });
  if (members.size > MAXIMUM_GROUPS_NUMBERED) return [];
  return [...members].map(([group, rows]) => [group, middleOf(rows, x, y)]);
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
