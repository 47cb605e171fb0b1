// Colours of groups and of numbers (viridis). Of the 32 of groups the first eight are those of Okabe and Ito;
// the others were searched so that all differ by 0.11 or more in OKLab, and those of one shape (every eighth)
// by 0.16 also for readers who see no red or no green (as simulated by Machado et al. 2009).

import { seenOnPaper } from "./house_theme.js";

export const GROUP_COLOURS = [
  "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
  "#660000", "#220088", "#8811FF", "#22FF11", "#775500", "#884488", "#FF55FF", "#11EECC",
  "#11CC55", "#0033FF", "#004422", "#CC00BB", "#660066", "#998855", "#117700", "#8877FF",
  "#CC0044", "#FF99EE", "#224488", "#443344", "#AACC77", "#991100", "#5500BB", "#FF3388",
];
const NO_GROUP_COLOUR = "#B0B7BE";
const VIRIDIS_STOPS = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37],
];
const LEVELS = 256; // colours along the range of a column of numbers

/** Red, green, blue (0 to 255) of a fraction between 0 and 1. */
export function colourOfFraction(fraction) {
  const position = Math.min(Math.max(fraction, 0), 1) * (VIRIDIS_STOPS.length - 1);
  const below = Math.min(Math.floor(position), VIRIDIS_STOPS.length - 2);
  const [from, to] = [VIRIDIS_STOPS[below], VIRIDIS_STOPS[below + 1]];
  return from.map((low, channel) => Math.round(low + (position - below) * (to[channel] - low)));
}

/** Colour of a group counted from 1; 0 means none. Groups beyond the 32nd differ by their shapes. */
export function colourOfGroup(number) {
  const colour = number < 1 ? NO_GROUP_COLOUR : GROUP_COLOURS[(number - 1) % GROUP_COLOURS.length];
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

export function cssColour(channels) {
  return `rgb(${seenOnPaper(channels).join(",")})`;
}

/** The colour bar of numbers, as a CSS background. */
export function colourBarCss() {
  return `linear-gradient(to right,${VIRIDIS_STOPS.map(cssColour).join(",")})`;
}

/** Red, green, blue (0 to 255) in four bytes, as pixels lie in memory. */
export function packedColour(channels) {
  const [red, green, blue] = seenOnPaper(channels);
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * One packed colour for each particle: of its group, or along the column's range; grey without a value.
 * groupColours: of each group, where the column has its own.
 */
export function packedColoursOf({ values, lowest, highest, isGroup, groupColours }) {
  const palette = isGroup
    ? Array.from({ length: Math.round(highest) + 1 }, (_, one) => groupColours?.[one] ?? colourOfGroup(one))
    : Array.from({ length: LEVELS }, (_, level) => colourOfFraction(level / (LEVELS - 1)));
  const table = Uint32Array.from(palette, packedColour);
  const unknown = packedColour(colourOfGroup(0));
  const scale = isGroup ? 1 : (LEVELS - 1) / (highest - lowest || 1);
  const offset = isGroup ? 0 : lowest;
  const packed = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const index = Math.round((values[i] - offset) * scale); // not a number where the particle has no value
    packed[i] = index >= 0 ? table[Math.min(index, table.length - 1)] : unknown;
  }
  return packed;
}
