// The legend of a coloured plot: a colour bar, or one button for each group that hides and shows it.

import { tickText } from "./axes.js";
import { colourBarCss, colourOfGroup, cssColour } from "./colours.js";
import { nameOfShape, ringsOfShape, shapeOfGroup } from "./point_shapes.js";

const MAXIMUM_GROUPS = 100;

/** hiddenGroups: a set that the buttons change; onToggle is called then; isShaped: as the points are. */
export function fillLegend(legend, column, hiddenGroups, onToggle, isShaped = true) {
  if (column.isGroup) {
    const groups = groupsOf(column);
    const swatch = isShaped ? shapedSwatchOf : plainSwatchOf;
    const buttonOf = (group) => groupButton(group, column, hiddenGroups, onToggle, swatch);
    const rest = groups.length - MAXIMUM_GROUPS;
    legend.replaceChildren(...groups.slice(0, MAXIMUM_GROUPS).map(buttonOf));
    if (rest > 0) legend.append(`and ${rest} more groups`);
    return;
  }
  if (column.hasNoValues) {
    legend.replaceChildren("no particle has a value here");
    return;
  }
  const bar = document.createElement("span");
  bar.className = "colour-bar";
  bar.style.background = colourBarCss();
  const ends = [tickText(column.lowest), bar, tickText(column.highest)];
  legend.replaceChildren(...(column.lowest === column.highest ? [`all ${tickText(column.lowest)}`] : ends));
}

/** The numbers of the groups that have particles, in order. */
export function groupsOf({ values }) {
  return [...new Set(values)].filter((group) => !Number.isNaN(group)).sort((a, b) => a - b);
}

/**
 * What a group is called. badges: what the checks say of a state, shown beside its number; isNumbered: the
 * number stands in the plot, so that it is shown before the name.
 */
export function nameOfGroup(group, { badges, groupNames, isNumbered }) {
  if (group < 1) return groupNames?.[group] ?? "none";
  const name = groupNames?.[group];
  if (name !== undefined) return isNumbered ? `${group}: ${name}` : name;
  return badges?.[group] ? `${group}: ${badges[group]}` : String(group);
}

/**
 * column: with badges, what the checks say of a state, shown beside its number; or with groupNames and
 * groupColours, where it has its own.
 */
function groupButton(group, column, hiddenGroups, onToggle, swatchFor) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = "hide or show this group";
  button.dataset.group = group;
  button.append(swatchFor(group, column), nameOfGroup(group, column));
  const show = () => {
    const isHidden = hiddenGroups.has(group);
    button.classList.toggle("hidden", isHidden);
    button.setAttribute("aria-pressed", String(!isHidden));
  };
  show();
  button.onclick = () => {
    if (!hiddenGroups.delete(group)) hiddenGroups.add(group);
    show();
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

function plainSwatchOf(group, { groupColours }) {
  return swatchOf(group, groupColours?.[group]);
}

/** The same in the shape of the group's points. */
function shapedSwatchOf(group, { groupColours, groupOfOthers }) {
  const swatch = swatchOf(group, groupColours?.[group]);
  const shape = shapeOfGroup(group, groupOfOthers);
  swatch.classList.add("shaped");
  swatch.dataset.shape = nameOfShape(shape);
  swatch.style.borderRadius = "0";
  swatch.style.clipPath = clipPathOf(shape);
  return swatch;
}

/** A shape as CSS: corners in per cent of a square; of outlines the inner ring is a hole. */
export function clipPathOf(shape) {
  const inPercent = ([x, y]) => `${(50 + 36 * x).toFixed(1)}% ${(50 + 36 * y).toFixed(1)}%`;
  const corners = ringsOfShape(shape).flatMap((ring) => [...ring, ring[0]].map(inPercent));
  return `polygon(evenodd, ${corners.join(", ")})`;
}

/** A shape on a canvas or in SVG. */
export function drawShape(context, shape, x, y, r, colour) {
  context.beginPath();
  for (const ring of ringsOfShape(shape)) {
    ring.forEach(([a, b], index) => {
      if (index) context.lineTo(x + r * a, y + r * b);
      else context.moveTo(x + r * a, y + r * b);
    });
    context.closePath();
  }
  context.fillStyle = colour;
  context.fill("evenodd");
}
