// Shortcuts of the whole page, and the dialog that lists all of them.

import { byId } from "./messages.js";
import { MOLECULE_SHORTCUTS } from "./molecule_keys.js";
import { PLOT_SHORTCUTS } from "./plot_keys.js";
import { isTextField } from "./undo_controls.js";

const PAGE_SHORTCUTS = [
  ["?", "this help"],
  ["1 to 5", "Look, Select, States, Path, Jobs"],
  ["6 to 9", "Particle, Selection, Compare, Atoms"],
  ["p", "to the plot"],
  ["m", "to the molecule"],
  ["f", "the molecule alone, in full screen"],
  ["c, l, b", "click, lasso, box (outside the plot)"],
  ["Ctrl-Z, Ctrl-Shift-Z", "undo, redo"],
];
const MORE_SHORTCUTS = [
  ["arrows", "tabs, sliders, splitters and ranges of filters (with Shift: the lower end)"],
  ["arrows, Delete", "move a waypoint of the list along the particles, remove it"],
];
const SHORTCUT_LISTS = [
  ["everywhere", PAGE_SHORTCUTS],
  ["in the plot", PLOT_SHORTCUTS],
  ["at the molecule", MOLECULE_SHORTCUTS],
  ["at other controls", MORE_SHORTCUTS],
];
const TAB_KEYS = [
  "look", "select", "states", "path", "jobs", "particle", "selection", "compare", "atoms",
];
const TOOL_KEYS = { c: "click", l: "lasso", b: "box" };

export class Shortcuts {
  /** layout: the PageLayout. */
  constructor(layout) {
    this.layout = layout;
    this.dialog = byId("help");
    const lines = SHORTCUT_LISTS.flatMap(([title, keys]) => [titleOf(title), ...keys.map(lineOf)]);
    byId("shortcuts").replaceChildren(...lines);
    byId("help-open").onclick = () => this.dialog.showModal();
    byId("help-close").onclick = () => this.dialog.close();
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close(); // beside it
    });
    window.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const { key, ctrlKey, metaKey, altKey, target } = event;
    if (event.defaultPrevented || ctrlKey || metaKey || altKey || this.dialog.open) return;
    if (isTextField(target) || target.tagName === "SELECT") return;
    const { layout } = this;
    const tab = TAB_KEYS[Number(key) - 1];
    const work = {
      "?": () => this.dialog.showModal(),
      p: () => byId("overlay").focus(),
      m: () => byId("surface").focus(),
      f: () => layout.toggleFullScreen(),
    }[key];
    if (work) work();
    else if (key === "Escape" && layout.isFullScreen) layout.toggleFullScreen();
    else if (tab) byId(`tab-${tab}`).click();
    else if (key in TOOL_KEYS) document.querySelector(`[data-tool=${TOOL_KEYS[key]}]`).click();
    else return;
    event.preventDefault();
  }
}

function titleOf(text) {
  const title = document.createElement("h4");
  title.textContent = text;
  return title;
}

function lineOf([keys, meaning]) {
  const line = document.createElement("p");
  const names = document.createElement("span");
  names.className = "keys";
  const key = document.createElement("kbd");
  key.textContent = keys;
  names.append(key);
  line.append(names, meaning);
  return line;
}
