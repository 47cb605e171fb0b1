// Where things are: tabs, sizes of controls, plot, molecule and details, what is folded, and full screen.

import { keepSetting, keptSetting } from "../../reports/page/kept_settings.js";
import { byId } from "./messages.js";
import { Splitter } from "./splitters.js";
import { TabList } from "./tabs.js";

const NARROW = "(max-width: 859px)"; // as explore.css has it
const CONTROLS_LIMITS = [220, 480]; // CSS pixels
const SMALLEST_WIDTH = 200; // of plot and molecule
const SMALLEST_HEIGHT = 90; // of the details
const SMALLEST_STAGE = 130;

export class PageLayout {
  constructor() {
    this.main = document.querySelector("main");
    this.sizes = keptSizes(); // controls: CSS pixels; molecule, details: fractions of what they share
    this.controls = new TabList(byId("left-tabs"), () => this.foldControls(false));
    this.details = new TabList(byId("details-tabs"), () => this.foldDetails(false));
    byId("fold-left").onclick = () => this.foldControls(!this.areControlsFolded, true);
    byId("fold-details").onclick = () => this.foldDetails(!byId("right").classList.contains("folded"), true);
    byId("view-full").onclick = () => this.toggleFullScreen();
    document.addEventListener("fullscreenchange", () => {
      if (!document.fullscreenElement) this.showFullScreen(false);
    });
    this.makeSplitters();
    this.takeSizes();
    const narrow = matchMedia(NARROW);
    narrow.addEventListener("change", () => this.foldControls(narrow.matches));
    this.foldControls(narrow.matches || this.sizes.isControlsFolded === true);
    this.foldDetails(this.sizes.isDetailsFolded === true);
    this.watchSelection();
    new ResizeObserver(() => this.showValues()).observe(this.main);
  }

  get areControlsFolded() {
    return this.main.classList.contains("folded");
  }

  get isFullScreen() {
    return document.body.classList.contains("molecule-full");
  }

  makeSplitters() {
    const [left, middle, right, details, stage] =
      ["left", "middle", "right", "details", "stage"].map(byId);
    const onEnd = () => this.keep();
    const shared = () => middle.offsetWidth + right.offsetWidth;
    const above = () => stage.offsetHeight + details.offsetHeight;
    const change = (name, value) => {
      this.sizes[name] = value;
      this.takeSizes();
    };
    this.splitters = [
      new Splitter(byId("split-left"), {
        size: () => left.offsetWidth,
        limits: () => CONTROLS_LIMITS,
        resize: (size) => change("controls", size),
        sign: 1,
        onEnd,
      }),
      new Splitter(byId("split-molecule"), {
        size: () => right.offsetWidth,
        limits: () => [SMALLEST_WIDTH, Math.max(SMALLEST_WIDTH, shared() - SMALLEST_WIDTH)],
        resize: (size) => change("molecule", size / shared()),
        sign: -1,
        onEnd,
      }),
      new Splitter(byId("split-details"), {
        size: () => details.offsetHeight,
        limits: () => [SMALLEST_HEIGHT, Math.max(SMALLEST_HEIGHT, above() - SMALLEST_STAGE)],
        resize: (size) => change("details", size / right.offsetHeight),
        sign: -1,
        onEnd,
      }),
    ];
  }

  takeSizes() {
    const { style } = this.main;
    const { controls, molecule, details } = this.sizes;
    if (controls) style.setProperty("--controls-width", `${controls}px`);
    if (molecule) {
      style.setProperty("--plot-width", `${1 - molecule}fr`);
      style.setProperty("--molecule-width", `${molecule}fr`);
    }
    if (details) style.setProperty("--details-height", `${100 * details}%`);
  }

  showValues() {
    for (const splitter of this.splitters) splitter.showValue();
  }

  keep() {
    keepSetting("sizes", JSON.stringify(this.sizes));
  }

  /** isChoice: the reader's, which is kept; else the page did it because it is narrow. */
  foldControls(isFolded, isChoice = false) {
    this.main.classList.toggle("folded", isFolded);
    showFold(byId("fold-left"), isFolded, "the controls");
    if (!isChoice) return;
    this.sizes.isControlsFolded = isFolded;
    this.keep();
  }

  foldDetails(isFolded, isChoice = false) {
    byId("right").classList.toggle("folded", isFolded);
    showFold(byId("fold-details"), isFolded, "the details");
    if (!isChoice) return;
    this.sizes.isDetailsFolded = isFolded;
    this.keep();
  }

  /** The window is filled even where the browser has no full screen, as on some phones. */
  toggleFullScreen() {
    const isOn = !this.isFullScreen;
    this.showFullScreen(isOn);
    if (isOn) document.documentElement.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen();
  }

  showFullScreen(isOn) {
    document.body.classList.toggle("molecule-full", isOn);
    byId("view-full").setAttribute("aria-pressed", String(isOn));
    byId("view-full").lastChild.textContent = isOn ? " leave full screen" : " full screen";
  }

  /** What is shown of a selection comes to the front when it appears; without it, its tab says how. */
  watchSelection() {
    const report = byId("selection-report");
    const follow = () => {
      byId("selection-empty").hidden = !report.hidden;
      if (!report.hidden) this.details.showNamed("selection");
    };
    new MutationObserver(follow).observe(report, { attributeFilter: ["hidden"] });
  }
}

function keptSizes() {
  try {
    return JSON.parse(keptSetting("sizes")) ?? {};
  } catch {
    return {};
  }
}

function showFold(button, isFolded, what) {
  button.setAttribute("aria-expanded", String(!isFolded));
  button.title = `${isFolded ? "unfold" : "fold"} ${what}`;
  button.setAttribute("aria-label", button.title);
}
