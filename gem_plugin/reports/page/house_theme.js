// Light and dark. Canvases take the colours of house.css by their names, as everything else does; pictures
// that are saved are always on white.

import { keepSetting, keptSetting } from "./kept_settings.js";

/** Those of house.css that canvases use, where there is no such sheet: in a notebook, in saved pictures. */
export const LIGHT_COLOURS = {
  paper: "#ffffff",
  ink: "#1d2733",
  soft: "#55626f",
  accent: "#0072b2",
  mark: "#b34a00",
  line: "#d7dde3",
  faded: "#e6e6e6",
  bars: "#8b96a1",
};

const LOWEST_CONTRAST = 3; // of points on the page

let isForPrint = false;
let colours = null; // read from the page, until it has another theme
const listeners = [];

/** A colour of house.css (#rrggbb). */
export function themeColour(name) {
  if (isForPrint || typeof document === "undefined") return LIGHT_COLOURS[name];
  colours ??= getComputedStyle(document.documentElement);
  return colours.getPropertyValue(`--${name}`).trim() || LIGHT_COLOURS[name];
}

/** Red, green and blue, each from 0 to 255. */
export function themeChannels(name) {
  const colour = themeColour(name);
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}

/** Four bytes, as pixels lie in memory. */
export function packedThemeColour(name) {
  const [red, green, blue] = themeChannels(name);
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * Red, green and blue that stand out from the page: on dark paper, dark colours are mixed with white until
 * their contrast (WCAG 2, relative luminance) is 3.
 */
export function seenOnPaper(channels) {
  if (luminanceOf(themeChannels("paper")) > 0.5) return channels;
  const lowest = LOWEST_CONTRAST * (luminanceOf(themeChannels("paper")) + 0.05) - 0.05;
  for (let white = 0; white < 1; white += 0.05) {
    const mixed = channels.map((one) => Math.round(one + white * (255 - one)));
    if (luminanceOf(mixed) >= lowest) return mixed;
  }
  return [255, 255, 255];
}

/** From 0 (black) to 1 (white), of sRGB. */
export function luminanceOf(channels) {
  const [red, green, blue] = channels.map((one) => {
    const fraction = one / 255;
    return fraction <= 0.04045 ? fraction / 12.92 : ((fraction + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Give what work() gives, with canvases drawn in the colours for paper. */
export function withPrintColours(work) {
  const before = isForPrint;
  isForPrint = true;
  try {
    return work();
  } finally {
    isForPrint = before;
  }
}

/** redraw(): called when the page became light or dark. */
export function onThemeChange(redraw) {
  listeners.push(redraw);
}

function themeChanged() {
  colours = null;
  for (const redraw of listeners) redraw();
}

/** A button that changes between light and dark. Until it is pressed, the page follows the system. */
export function listenToTheme(button) {
  const { dataset } = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (dataset.theme ? dataset.theme === "dark" : system.matches);
  const showState = () => {
    button.setAttribute("aria-pressed", String(isDark()));
    button.title = isDark() ? "dark; press for light" : "light; press for dark";
  };
  const kept = keptSetting("theme");
  if (kept === "dark" || kept === "light") dataset.theme = kept;
  button.onclick = () => {
    dataset.theme = isDark() ? "light" : "dark";
    keepSetting("theme", dataset.theme);
    showState();
    themeChanged();
  };
  system.addEventListener("change", () => {
    showState();
    themeChanged();
  });
  showState();
}
