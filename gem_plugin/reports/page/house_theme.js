// Light and dark. Canvases take the colours of house.css by their names, as everything else does; pictures
// that are saved are always on white.

import { keepSetting, keptSetting } from "./kept_settings.js";

/** Those of house.css that canvases use, where there is no such sheet: in a notebook, and in saved pictures. */
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
