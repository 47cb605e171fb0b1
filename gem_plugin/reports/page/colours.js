"use strict";
// Colours that colour-blind readers can tell apart: eight for groups, viridis for numbers.

const GROUP_COLOURS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000"];
const NO_GROUP_COLOUR = "#B0B7BE";
const VIRIDIS_STOPS = [
  [68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142],
  [31, 158, 137], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37],
];

/** Red, green, blue (0 to 255) of a fraction between 0 and 1. */
function colourOfFraction(fraction) {
  const place = Math.min(Math.max(fraction, 0), 1) * (VIRIDIS_STOPS.length - 1);
  const below = Math.min(Math.floor(place), VIRIDIS_STOPS.length - 2);
  return VIRIDIS_STOPS[below].map((low, channel) => Math.round(low + (place - below) * (VIRIDIS_STOPS[below + 1][channel] - low)));
}

/** Colour of a group counted from 1; 0 means none. Rounds after the first are lighter. */
function colourOfGroup(number) {
  const base = number < 1 ? NO_GROUP_COLOUR : GROUP_COLOURS[(number - 1) % GROUP_COLOURS.length];
  const round = number < 1 ? 0 : Math.floor((number - 1) / GROUP_COLOURS.length) % 2;
  const channels = [1, 3, 5].map((start) => parseInt(base.slice(start, start + 2), 16));
  return channels.map((value) => Math.round(value + (255 - value) * 0.45 * round));
}

function cssColour(channels) {
  return `rgb(${channels.join(",")})`;
}
