// The tilt images of one particle, each above the projection of the model, with its tilt angle and dose.

import { drawCleanImage, drawNoisyImage } from "./grey_images.js";

export class TiltMontage {
  /** parent: the element that is filled. */
  constructor(parent) {
    parent.classList.add("tilts");
    this.summary = document.createElement("p");
    this.summary.className = "tilt-summary";
    this.grid = document.createElement("div");
    this.grid.className = "tilt-grid";
    parent.append(this.summary, this.grid);
  }

  /** tilts: angles or null, doses, ofParticle; values: all images, then all projections, size by size. */
  show(row, tilts, values, size) {
    const n = tilts.doses.length;
    const picture = (index) => values.subarray(index * size * size, (index + 1) * size * size);
    this.summary.textContent = tiltSummaryOf(row, tilts);
    this.grid.replaceChildren(...tilts.doses.map((_, index) => {
      const figure = document.createElement("figure");
      const [image, projection] = [0, 1].map(() => document.createElement("canvas"));
      const caption = document.createElement("figcaption");
      const label = tiltLabelOf(tilts, index);
      caption.textContent = label.replace(", ", "\n");
      drawNoisyImage(image, picture(index), size);
      drawCleanImage(projection, picture(n + index), size);
      image.title = `tilt image at ${label}`;
      projection.title = `projection of the model at ${label}`;
      figure.append(image, projection, caption);
      return figure;
    }));
  }
}

/** What the pictures are. */
export function tiltSummaryOf(row, { angles, doses, ofParticle }) {
  const order = angles ? "tilt angle" : "dose";
  const number = doses.length < ofParticle ? `${doses.length} of ${ofParticle}` : String(ofParticle);
  const plural = ofParticle === 1 ? "" : "s";
  return `${number} tilt image${plural} of row ${row} by ${order}, low-pass filtered; below each the ` +
    "projection of the model with CTF and dose";
}

/** -30°, 12.5 e/Å²; the dose alone where the angle is not known. */
export function tiltLabelOf({ angles, doses }, index) {
  const dose = `${numberText(doses[index])} e/Å²`;
  return angles ? `${numberText(angles[index])}°, ${dose}` : dose;
}

function numberText(value) {
  const text = value.toFixed(1).replace(/\.0$/, "");
  return text === "-0" ? "0" : text.replace("-", "−");
}
