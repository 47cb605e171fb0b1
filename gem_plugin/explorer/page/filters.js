// Filters: ranges of columns, and hidden groups. Particles outside any of them are not shown.

import { SHOWN } from "../../reports/page/point_style.js";

const HISTOGRAM_BINS = 80;

/** How many values fall into each of equal parts of the column's range. */
export function histogramOf({ values, lowest, highest }) {
  const counts = new Uint32Array(HISTOGRAM_BINS);
  const scale = HISTOGRAM_BINS / (highest - lowest || 1);
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    const bin = Math.floor((value - lowest) * scale);
    counts[Math.min(HISTOGRAM_BINS - 1, Math.max(0, bin))]++;
  }
  return counts;
}

/**
 * Set the flag of every particle. filters: { values, range: [low, high], isWhole: nothing is left out }, or
 * { values, hidden: a set }; groups: one of each particle.
 */
export function showOnly({ flags }, filters, groups, hiddenGroups) {
  const all = hiddenGroups.size && groups ? [...filters, { values: groups, hidden: hiddenGroups }] : filters;
  const ranges = all.filter(({ range, isWhole }) => range && !isWhole);
  const hiding = all.filter(({ hidden }) => hidden?.size);
  for (let i = 0; i < flags.length; i++) {
    let isShown = true;
    for (let k = 0; isShown && k < ranges.length; k++) {
      const value = ranges[k].values[i];
      isShown = value >= ranges[k].range[0] && value <= ranges[k].range[1];
    }
    for (let k = 0; isShown && k < hiding.length; k++) isShown = !hiding[k].hidden.has(hiding[k].values[i]);
    if (isShown) flags[i] |= SHOWN;
    else flags[i] &= ~SHOWN;
  }
}
