// The walk-through for newcomers: a card that goes from control to control of the page. The page can be used
// meanwhile; it opens by itself only the first time, later from the help.

import { keepSetting, keptSetting } from "../../reports/page/kept_settings.js";
import { byId } from "./messages.js";

const GAP_OF_CARD = 12; // CSS pixels between the card and what it speaks of
const WALK_OFF = "walk=off"; // in the address: a page that is opened by a program

export const WALK_STEPS = [
  {
    at: "scatter",
    title: "Every point is a particle",
    text:
      "Particles that look alike lie close together. Click one to see its molecule. Scroll to zoom, " +
      "drag with the right button to pan, double-click to see everything again.",
  },
  {
    at: "stage",
    title: "The molecule of that particle",
    text:
      "Drag to rotate it, scroll to zoom. It is what the model expects for this particle; its image " +
      "and the projection of the model are below it.",
  },
  {
    at: "level-row",
    title: "Level and cut",
    text:
      "The level decides where the surface is, in density or in sigma. The cut takes away what is " +
      "nearer to you.",
  },
  {
    at: "panel-look",
    tab: "look",
    title: "Look: other axes, other colours",
    text:
      "Choose any columns as axes and colour, and filter by a range of a column. Below is the " +
      "legend; click a group to hide it.",
  },
  {
    at: "tools",
    title: "Draw around particles",
    text:
      "With lasso or box you select particles. Their mean molecule, its difference from the rest, " +
      "and their images are shown when you let go.",
  },
  {
    at: "panel-select",
    tab: "select",
    title: "Select: baskets",
    text:
      "Selections are kept in baskets with names and colours, and can be combined and saved for " +
      "RELION or CryoSPARC. Undo takes back every step.",
  },
  {
    at: "panel-states",
    tab: "states",
    title: "States: groups of similar maps",
    text:
      "Choose how many states there are. Badges say which of them the images support; do not " +
      "interpret the others.",
  },
  {
    at: "panel-path",
    tab: "path",
    title: "Path: from one conformation to another",
    text:
      "Switch waypoints on, click particles, create a path, and move along it with the slider below " +
      "the plot.",
  },
  {
    at: "details",
    tab: "compare",
    title: "Compare",
    text:
      "States, baskets and points of a path can be seen together, in one view or side by side, and " +
      "opened in ChimeraX.",
  },
  {
    at: "help-open",
    title: "That was all",
    text:
      "This button, or the key ?, shows all shortcuts, the terms, and this walk-through again.",
  },
];

export class WalkThrough {
  /** layout: the PageLayout, whose tabs are shown. */
  constructor(layout) {
    this.layout = layout;
    this.card = byId("walk");
    this.index = -1; // of the step that is shown
    byId("walk-start").onclick = () => {
      byId("help").close();
      this.start();
    };
    byId("walk-next").onclick = () => this.go(1);
    byId("walk-back").onclick = () => this.go(-1);
    byId("walk-skip").onclick = () => this.end();
    this.card.addEventListener("keydown", (event) => this.press(event));
    window.addEventListener("resize", () => this.place());
  }

  /** Only where it was never seen or skipped in this browser. */
  startFirstTime() {
    if (location.search.includes(WALK_OFF) || keptSetting("walk") === "seen") return;
    this.start();
  }

  start() {
    this.before = document.activeElement;
    this.index = -1;
    this.go(1);
    byId("walk-next").focus();
  }

  press(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") this.end();
    else if (step) this.go(step);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  go(step) {
    const next = this.index + step;
    if (next < 0) return;
    if (next >= WALK_STEPS.length) {
      this.end();
      return;
    }
    this.index = next;
    this.show(WALK_STEPS[next]);
  }

  show({ at, tab, title, text }) {
    if (tab) byId(`tab-${tab}`).click();
    byId("walk-title").textContent = title;
    byId("walk-text").textContent = text;
    byId("walk-count").textContent = `${this.index + 1} of ${WALK_STEPS.length}`;
    byId("walk-back").disabled = this.index === 0;
    byId("walk-next").textContent = this.index === WALK_STEPS.length - 1 ? "done" : "next";
    this.card.hidden = false;
    this.mark(byId(at));
    this.place();
  }

  mark(element) {
    document.querySelector(".walked")?.classList.remove("walked");
    element?.classList.add("walked");
    element?.scrollIntoView({ block: "nearest" });
    this.subject = element;
  }

  /** Beside what it speaks of where there is room, and always inside the window. */
  place() {
    if (this.card.hidden) return;
    const subject = this.subject.getBoundingClientRect();
    const size = [this.card.offsetWidth, this.card.offsetHeight];
    const [left, top] = positionOfCard(subject, size, [innerWidth, innerHeight]);
    Object.assign(this.card.style, { left: `${left}px`, top: `${top}px` });
  }

  end() {
    this.mark(null);
    this.card.hidden = true;
    keepSetting("walk", "seen");
    const focus = this.before?.isConnected ? this.before : null;
    (focus ?? byId("overlay")).focus();
  }
}

/** Left and top of a card: right of its subject, else left, below or above it, else in the corner below. */
export function positionOfCard({ left, right, top, bottom }, [width, height], [windowWidth, windowHeight]) {
  const edge = GAP_OF_CARD / 2;
  const inside = (position, size, whole) => Math.max(edge, Math.min(position, whole - size - edge));
  const across = inside(left, width, windowWidth);
  const down = inside(top, height, windowHeight);
  if (right + GAP_OF_CARD + width <= windowWidth) return [right + GAP_OF_CARD, down];
  if (left - GAP_OF_CARD - width >= 0) return [left - GAP_OF_CARD - width, down];
  if (bottom + GAP_OF_CARD + height <= windowHeight) return [across, bottom + GAP_OF_CARD];
  if (top - GAP_OF_CARD - height >= 0) return [across, top - GAP_OF_CARD - height];
  return [inside(windowWidth, width, windowWidth), inside(windowHeight, height, windowHeight)];
}
