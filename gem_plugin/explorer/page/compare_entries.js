// What is compared: maps in a list, each with a name, a colour and an opacity; up to six.

import { colourOfFraction, colourOfGroup } from "../../reports/page/colours.js";
import { packedMembers } from "./members.js";
import { pointAt } from "./trajectory.js";

export const MAXIMUM_COMPARED = 6; // compared_maps.py has the same
const NO_VARIABILITY_COLOUR = "#b0b7be";
const VARIABILITY_STEPS = 5;

/** #rrggbb */
export function hexOf(channels) {
  return `#${channels.map((one) => one.toString(16).padStart(2, "0")).join("")}`;
}

/** source: what the map was of, so that a change of it since can be found. */
export function stateEntry(number, mapStates) {
  const request = { of: "state", mapStates, number };
  return entry(`state ${number}`, hexOf(colourOfGroup(number)), request, String(mapStates));
}

export function basketEntry({ name, colour, members }) {
  const packed = packedMembers(members);
  return entry(name, colour, { of: "basket", members: packed }, packed.data);
}

/** A point of a path, which is also marked in the plot in this colour. */
export function pointEntry(path, fraction) {
  const latents = pointAt(path.latents, fraction);
  const row = path.rows[Math.round(fraction * (path.rows.length - 1))];
  const colour = hexOf(colourOfFraction(fraction));
  return { ...entry(`path ${Math.round(100 * fraction)} %`, colour, { of: "point", latents }, ""), row };
}

function entry(name, colour, request, source) {
  const kind = request.of;
  return { key: `${kind}:${name}`, kind, name, colour, request, source, isShown: true, opacity: 1 };
}

/** A list with one more, in the position of the one with its key; throws where there are too many. */
export function withEntry(entries, added) {
  const index = entries.findIndex((one) => one.key === added.key);
  if (index >= 0) return entries.with(index, added);
  if (entries.length >= MAXIMUM_COMPARED)
    throw new Error(`${MAXIMUM_COMPARED} maps are compared already; remove one of them first.`);
  return [...entries, added];
}

/** Of those that are shown, the standard deviation that has the last colour. */
export function highestStd(entries) {
  return Math.max(0, ...entries.filter((one) => one.isShown).map((one) => one.largestStd ?? 0));
}

/** Colours of NGL from the lowest to the highest value. */
export function variabilityColours() {
  return Array.from({ length: VARIABILITY_STEPS }, (_, step) =>
    hexOf(colourOfFraction(step / (VARIABILITY_STEPS - 1))));
}

/** Surfaces for the view. isByVariability: coloured by the standard deviation over particles. */
export function surfacesOf(entries, isByVariability) {
  const highest = highestStd(entries);
  return entries.filter((one) => one.isShown).map((one) => {
    const { name, colour: tint, mean: bytes, opacity, mapSigma } = one;
    const surface = { name, bytes, tint, opacity, mapSigma };
    if (!isByVariability) return surface;
    if (!one.std || !highest) return { ...surface, tint: NO_VARIABILITY_COLOUR };
    const values = { bytes: one.std, highest: (255 * highest) / one.largestStd };
    return { ...surface, colouredBy: { ...values, colours: variabilityColours() } };
  });
}
