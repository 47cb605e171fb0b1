// Tabs: a list of buttons of which one is chosen, by mouse or arrow keys, and the panel that belongs to it.

import { byId } from "./messages.js";

export class TabList {
  /** element: with role tablist. onChoose(): the reader chose a tab, perhaps the one that is shown. */
  constructor(element, onChoose = () => {}) {
    this.element = element;
    this.tabs = [...element.querySelectorAll("[role=tab]")];
    this.onChoose = onChoose;
    for (const tab of this.tabs) tab.onclick = () => this.choose(tab);
    element.addEventListener("keydown", (event) => this.press(event));
  }

  choose(tab) {
    this.show(tab);
    this.onChoose();
  }

  /** id: of the tab without "tab-" */
  showNamed(id) {
    this.show(byId(`tab-${id}`));
  }

  show(chosen) {
    for (const tab of this.tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).classList.toggle("shown", isChosen);
    }
  }

  press(event) {
    const index = this.tabs.indexOf(event.target);
    const next = indexAfterKey(event.key, index, this.tabs.length);
    if (index < 0 || next === null) return;
    event.preventDefault();
    this.tabs[next].focus();
    this.choose(this.tabs[next]);
  }
}

/** The tab that a key goes to, round the ends; null for other keys. */
export function indexAfterKey(key, index, length) {
  if (key === "ArrowRight" || key === "ArrowDown") return (index + 1) % length;
  if (key === "ArrowLeft" || key === "ArrowUp") return (index - 1 + length) % length;
  if (key === "Home") return 0;
  return key === "End" ? length - 1 : null;
}
