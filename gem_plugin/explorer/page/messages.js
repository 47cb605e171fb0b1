// Talking to the reader: the line below the plot, and numbers with their units.

import { clearBeside, controlOf, sayBeside } from "./errors_beside.js";

export const byId = (id) => document.getElementById(id);

let dropQuestion = null; // of the question in the line: nobody will answer it any more

export function say(text, isError = false) {
  const drop = dropQuestion;
  dropQuestion = null;
  drop?.();
  const line = byId("message");
  line.textContent = text;
  line.classList.toggle("error", isError);
}

/** Something takes a while; an open question stays. */
export function sayMeanwhile(text) {
  if (!dropQuestion) say(text);
}

/** It has ended: what it said goes, other news and questions stay. */
export function unsay(text) {
  if (byId("message").textContent === text) say("");
}

/** A sentence with a button for each label. Gives the index of the one pressed, null after other news. */
export function choose(text, labels) {
  say(text, true);
  return new Promise((resolve) => {
    dropQuestion = () => resolve(null);
    byId("message").append(...labels.map((label, index) => {
      const button = document.createElement("button");
      button.textContent = label;
      button.onclick = () => {
        resolve(index);
        say("");
      };
      return button;
    }));
  });
}

/** Run something that may fail; the reader sees why, also beside the control that asked for it. */
export async function attempt(work) {
  const control = controlOf(globalThis.event);
  clearBeside(control);
  try {
    return await work();
  } catch (error) {
    say(error.message, true);
    sayBeside(control, error.message);
    return null;
  }
}

/** "1 waypoint", "1,234 particles". */
export function counted(number, unit) {
  return `${number.toLocaleString("en")} ${unit}${number === 1 ? "" : "s"}`;
}
