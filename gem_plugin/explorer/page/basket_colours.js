// Colours of baskets: 32 that differ from each other and from the grey of other particles (by 25 or
// more in CIELAB; the first six also for colour-blind readers). Names stand beside them everywhere.

export const BASKET_COLOURS = [
  "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#0000fc", "#00e400",
  "#fc0ce4", "#48300c", "#481890", "#fc0060", "#789c0c", "#840018", "#fca884", "#004848",
  "#c084fc", "#542448", "#0c4800", "#a80084", "#3cd86c", "#a8a86c", "#0054fc", "#fc0018",
  "#9000d8", "#0c78f0", "#906000", "#54d8d8", "#9c6c60", "#c0b4fc", "#0c3078", "#90d800",
];

/** The first colour that no basket has; when all are taken, the one that fewest have. */
export function nextBasketColour(taken) {
  const counts = BASKET_COLOURS.map((colour) => taken.filter((one) => one === colour).length);
  return BASKET_COLOURS[counts.indexOf(Math.min(...counts))];
}

/** Red, green, blue (0 to 255) of "#rrggbb". */
export function channelsOf(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}
