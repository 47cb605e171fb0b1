// A filter on a column of texts: its groups are hidden and shown as in a legend.

import { fillLegend, groupsOf } from "../../reports/page/legend.js";
import { setPromoted } from "./category_column.js";
import { fillCategorySearch } from "./category_search.js";

export class CategoryFilter {
  /** onChange: other groups are hidden; onEnd: for good; onFound: a new group; onRemove: it is gone. */
  constructor(column, { onChange, onEnd, onRemove, onFound }) {
    this.column = column;
    this.hidden = new Set();
    Object.assign(this, { onChange, onEnd, onFound });
    this.element = document.createElement("div");
    this.element.className = "filter category-filter";
    this.element.dataset.column = column.name;
    const header = document.createElement("header");
    const title = document.createElement("span");
    title.textContent = column.label;
    const close = this.button("×", "remove this filter", () => {
      this.element.remove();
      onRemove();
    });
    header.append(title, this.button("all", "show all of them", () => this.hideAll([])),
      this.button("none", "hide all of them, to choose a few", () => this.hideAll(groupsOf(column))), close);
    this.items = document.createElement("div");
    this.items.className = "items";
    this.search = document.createElement("div");
    this.search.className = "category-search";
    this.element.append(header, this.items, this.search);
  }

  button(text, title, onClick) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: text, title, onclick: onClick });
    return button;
  }

  get values() {
    return this.column.values;
  }

  hideAll(groups) {
    this.hidden = new Set(groups);
    this.changed();
  }

  changed() {
    this.draw();
    this.onChange();
    this.onEnd();
  }

  /** As it is saved. */
  settings() {
    const { column, hidden } = this;
    return { column: column.name, hidden: [...hidden].sort((a, b) => a - b), promoted: column.promoted };
  }

  restore({ hidden = [], promoted = [] }) {
    setPromoted(this.column, promoted);
    this.hidden = new Set(hidden);
    this.draw();
    this.onFound(this.column);
    this.onChange();
  }

  draw() {
    fillLegend(this.items, this.column, this.hidden, () => {
      this.onChange();
      this.onEnd();
    });
    fillCategorySearch(this.search, this.column, () => {
      this.draw();
      this.onFound(this.column);
      this.onEnd();
    });
  }
}
