// The legend of a coloured plot: a colour bar, or one button for each group that hides and shows it.

import { tickText } from "./axes.js";
import { colourBarCss, colourOfGroup, cssColour } from "./colours.js";

const MAXIMUM_GROUPS = 100;

/** hiddenGroups: a set that the buttons change; onToggle is called after that. */
export function fillLegend(legend, column, hiddenGroups, onToggle) {
  if (column.isGroup) {
    const groups = [...new Set(column.values)].sort((a, b) => a - b).slice(0, MAXIMUM_GROUPS);
    const buttonOf = (group) => groupButton(group, column, hiddenGroups, onToggle);
    legend.replaceChildren(...groups.map(buttonOf));
    return;
  }
  const bar = document.createElement("span");
  bar.className = "colour-bar";
  bar.style.background = colourBarCss();
  legend.replaceChildren(tickText(column.lowest), bar, tickText(column.highest));
}

/**
 * column: with badges, what the checks say of a state, shown beside its number; or with groupNames and
 * groupColours, where it has its own.
 */
function groupButton(group, { badges, groupNames, groupColours }, hiddenGroups, onToggle) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = "hide or show this group";
  button.dataset.group = group;
  const badge = badges?.[group];
  const name = groupNames?.[group] ?? (badge ? `${group}: ${badge}` : String(group));
  button.append(swatchOf(group, groupColours?.[group]), group < 1 ? "none" : name);
  button.classList.toggle("hidden", hiddenGroups.has(group));
  button.onclick = () => {
    if (!hiddenGroups.delete(group)) hiddenGroups.add(group);
    button.classList.toggle("hidden", hiddenGroups.has(group));
    onToggle();
  };
  return button;
}

/** A small square in the colour of a group. */
export function swatchOf(group, channels = colourOfGroup(group)) {
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = cssColour(channels);
  return swatch;
}
