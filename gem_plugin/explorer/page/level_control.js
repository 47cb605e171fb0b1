// The level of the surface: the slider, its unit, and a histogram of the map beside it.

import { themeColour } from "../../reports/page/house_theme.js";
import { byId } from "./messages.js";

const BINS = 100;
const HIGHEST = 200; // bytes, as the slider has them
const VALUES_COUNTED = 400_000; // of a large map, so that the histogram is there at once

export class LevelControl {
  /** densityOf255: of the model's maps; level: density at first; onInput(): the level or unit is another. */
  constructor({ densityOf255, level }, onInput) {
    this.densityOf255 = densityOf255;
    this.slider = byId("level");
    this.slider.value = clamped((255 * level) / densityOf255);
    this.unit = byId("level-unit");
    this.histogram = byId("level-histogram");
    this.slider.oninput = () => {
      this.inSigma = null;
      onInput();
    };
    this.unit.onchange = () => {
      this.inSigma = null;
      onInput();
    };
    this.subject = null;
    this.inSigma = null; // the level in sigma that is kept from map to map
  }

  get isInSigma() {
    return this.unit.value === "sigma";
  }

  /** Density of a level in bytes. */
  densityOf(bytes, subject = this.subject) {
    return (bytes / 255) * (subject?.densityOf255 ?? this.densityOf255);
  }

  /** Another map: in sigma the level stays as many sigma, so that the slider moves. */
  follow(subject) {
    if (this.isInSigma && this.subject?.mapSigma && subject.mapSigma) {
      this.inSigma ??= this.densityOf(Number(this.slider.value)) / this.subject.mapSigma;
      this.slider.value = clamped((this.inSigma * subject.mapSigma) / this.densityOf(1, subject));
    }
    this.subject = subject;
  }

  /** Level in bytes of one of several maps that are shown together. */
  bytesFor(mapSigma) {
    return bytesOfSeveral(Number(this.slider.value), this.isInSigma, mapSigma, this.subject?.mapSigma);
  }

  show() {
    const { subject } = this;
    const density = this.densityOf(Number(this.slider.value));
    const sigma = subject?.mapSigma;
    const isKnown = !subject || Boolean(sigma);
    byId("level-text").textContent =
      this.isInSigma && sigma ? `${(density / sigma).toPrecision(3)} σ` : density.toPrecision(3);
    this.unit.title = isKnown
      ? "sigma: standard deviation of the density over all voxels of the map"
      : "the standard deviation of this map is not known: its level is a density";
    if (subject) this.drawHistogram(subject);
  }

  drawHistogram({ volume, isSigned }) {
    if (this.counted !== volume) {
      this.counted = volume;
      this.counts = countsOf(volume, isSigned);
    }
    const ratio = window.devicePixelRatio || 1;
    const { histogram, counts } = this;
    const [width, height] = [histogram.clientWidth, histogram.clientHeight].map((one) => one * ratio);
    if (!width) return;
    [histogram.width, histogram.height] = [width, height];
    const context = histogram.getContext("2d");
    const highest = Math.log1p(Math.max(1, ...counts));
    context.fillStyle = themeColour("bars");
    counts.forEach((count, bin) => {
      const tall = (height * Math.log1p(count)) / highest;
      context.fillRect((bin * width) / BINS, height - tall, width / BINS - 0.3, tall);
    });
    context.fillStyle = themeColour("mark");
    context.fillRect((Number(this.slider.value) / HIGHEST) * width - ratio, 0, 2 * ratio, height);
  }
}

function clamped(bytes) {
  return Math.max(1, Math.min(HIGHEST, Math.round(bytes)));
}

/** In density all maps have one level; in sigma each has the same number of its own sigma. */
export function bytesOfSeveral(bytes, isInSigma, sigma, sigmaOfFirst) {
  return isInSigma && sigma && sigmaOfFirst ? (bytes * sigma) / sigmaOfFirst : bytes;
}

/** How many voxels have each density above zero; of a difference, each distance from zero. */
export function countsOf(volume, isSigned) {
  const counts = new Array(BINS).fill(0);
  const step = Math.max(1, Math.floor(volume.length / VALUES_COUNTED)) | 1; // odd: no plane is left out
  for (let index = 0; index < volume.length; index += step) {
    const value = isSigned ? 2 * Math.abs(volume[index] - 128) : volume[index];
    if (value > 0) counts[Math.min(BINS - 1, Math.floor((value * BINS) / HIGHEST))]++;
  }
  return counts;
}
