// The number or name of each group in the middle of its particles, for readers who cannot tell colours apart.

import { middlesOfGroups } from "./group_middles.js";
import { themeColour } from "./house_theme.js";

const LONGEST_NAME = 18; // letters

export class GroupNumbers {
  constructor() {
    this.isOn = true;
    this.stale();
  }

  /** Axes or colours are others. */
  stale() {
    this.middles = null; // worked out when they are drawn
  }

  draw(context, plot, column, hiddenGroups) {
    if (!this.isOn || !column?.isGroup) return;
    this.middles ??= middlesOfGroups(plot.xColumn, plot.yColumn, column);
    context.font = "bold 13px system-ui, sans-serif";
    context.textAlign = "center";
    context.lineWidth = 3;
    context.strokeStyle = themeColour("paper");
    context.fillStyle = themeColour("ink");
    for (const [group, row] of this.middles) {
      const [px, py] = plot.pixelOf(row);
      const isNamed = group >= 1 && group !== column.groupOfOthers && !hiddenGroups.has(group);
      if (!isNamed || !plot.view.isInside(px, py)) continue;
      const text = shortName((!column.isNumbered && column.groupNames?.[group]) || String(group));
      context.strokeText(text, px, py + 4);
      context.fillText(text, px, py + 4);
    }
    context.lineWidth = 1;
  }
}

export function shortName(text) {
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 3)}...` : text;
}
