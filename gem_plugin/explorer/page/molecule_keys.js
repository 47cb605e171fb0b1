// The molecule by keyboard: rotate, pan, zoom, views along the axes.

import { ARROWS } from "./arrow_keys.js";

const ANGLE_OF_KEY = Math.PI / 12; // of an arrow key
const PAN_STEP = 24; // CSS pixels
const NEARER = 0.12; // of the distance

export const MOLECULE_SHORTCUTS = [
  ["arrows", "rotate by 15 degrees"],
  [", and .", "rotate in the plane of the screen"],
  ["Shift + arrows", "pan"],
  ["+ and -", "zoom"],
  ["x, y, z", "look along an axis"],
  ["r", "reset the view"],
];

export class MoleculeKeys {
  /** element: what has the focus; molecule(): the panel, undefined without a model. */
  constructor(element, molecule) {
    element.addEventListener("keydown", (event) => {
      const panel = molecule();
      if (!panel || event.ctrlKey || event.metaKey || event.altKey) return;
      if (!this.press(event, panel)) return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Gives whether the key has a meaning here. */
  press({ key, shiftKey }, { view, controls }) {
    if (key in ARROWS) {
      const [toRight, down] = ARROWS[key];
      if (shiftKey) view.pan(toRight * PAN_STEP, down * PAN_STEP);
      else view.rotate(toRight * ANGLE_OF_KEY, down * ANGLE_OF_KEY, 0);
      return true;
    }
    const work = {
      ",": () => view.rotate(0, 0, ANGLE_OF_KEY),
      ".": () => view.rotate(0, 0, -ANGLE_OF_KEY),
      "+": () => view.zoom(NEARER),
      "=": () => view.zoom(NEARER),
      "-": () => view.zoom(-NEARER),
      x: () => view.lookAlong("x"),
      y: () => view.lookAlong("y"),
      z: () => view.lookAlong("z"),
      r: () => controls.reset(),
    }[key];
    work?.();
    return Boolean(work);
  }
}
