// Filters: ranges of columns, and hidden groups. Particles outside any of them are not shown.

import { SHOWN } from "../../reports/page/point_style.js";

const HISTOGRAM_BINS = 80;

/** How many values fall into each of equal parts of the column's range. */
export function histogramOf({ values, lowest, highest }) {
  const counts = new Uint32Array(HISTOGRAM_BINS);
  const scale = HISTOGRAM_BINS / (highest - lowest || 1);
  for (const value of values) {
    const bin = Math.floor((value - lowest) * scale);
    counts[Math.min(HISTOGRAM_BINS - 1, Math.max(0, bin))]++; // values that are not numbers are left out
  }
  return counts;
}

/** Set the flag of every particle. ranges: { values, range: [low, high] }; groups: one of each particle. */
export function showOnly({ flags }, ranges, groups, hiddenGroups) {
  const hasHidden = groups && hiddenGroups.size > 0;
  for (let i = 0; i < flags.length; i++) {
    let isShown = !hasHidden || !hiddenGroups.has(groups[i]);
    for (let k = 0; isShown && k < ranges.length; k++) {
      const value = ranges[k].values[i];
      isShown = value >= ranges[k].range[0] && value <= ranges[k].range[1];
    }
    if (isShown) flags[i] |= SHOWN;
    else flags[i] &= ~SHOWN;
  }
}
