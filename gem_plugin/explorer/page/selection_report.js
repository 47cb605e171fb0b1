// What is shown of a selection once it is drawn: its mean molecule and the difference from the rest, images
// of eight of its particles, its states with their checks, outliers and micrographs.

import { swatchOf } from "../../reports/page/legend.js";
import { canvasWithCaption, drawNoisyImage } from "./grey_images.js";
import { attempt, byId, counted, say, sayMeanwhile, unsay } from "./messages.js";
import { NEGATIVE_TINT, OWN_SCALE_PER_LEVEL, signedLevelOf, SURFACE_TINT } from "./molecule_panel.js";
import { NewestRequest } from "./newest_request.js";
import { percentOf } from "./samples_panel.js";
import { asFloats, askJson, askPacked } from "./server.js";

const COLUMNS_OF_STATES = ["state", "selected", "of these", "of all", "checks"];

export class SelectionReport {
  /** selection: the SelectionPanel; nameOf(): of the active basket; molecule(): the panel, if any. */
  constructor({ selection, nameOf, molecule, showParticle }) {
    Object.assign(this, { selection, nameOf, molecule, showParticle });
    this.requests = new NewestRequest();
    this.kind = "mean";
    byId("selection-show").onclick = () => attempt(() => this.show());
    for (const button of byId("selection-kinds").children)
      button.onclick = () => attempt(() => this.showKind(button.dataset.kind));
    for (const button of byId("montage-kinds").children)
      button.onclick = () => this.showImages(button.dataset.kind);
    byId("level").addEventListener("input", () => this.drawLegend());
    byId("selection-close").onclick = () => this.close();
  }

  close() {
    this.requests.cancel();
    byId("selection-report").hidden = true;
  }

  /** Everything of what is selected and shown now. */
  async show() {
    const rows = this.selection.rows();
    if (!rows.length)
      throw new Error("Nothing is selected: draw a lasso or a box in the plot, or press `all shown`.");
    const title = `${this.nameOf()}: ${counted(rows.length, "particle")}`;
    byId("selection-report").hidden = false;
    byId("selection-title").textContent = title;
    const ask = (what, signal, how) => how(`/api/selection/${what}`, rows, signal);
    await this.requests.run((signal) => Promise.all([
      attempt(async () => this.takeFacts(await ask("facts", signal, askJson), signal)),
      attempt(async () => this.takeImages(await ask("images", signal, askPacked), signal)),
      this.showMolecule(title, (moleculeSignal) => ask("molecule", moleculeSignal, askPacked)),
    ].map((part) => part.catch((error) => { if (!signal.aborted) say(error.message, true); }))));
  }

  async showMolecule(title, ask) {
    const molecule = this.molecule();
    this.answer = null;
    byId("selection-kinds").hidden = true;
    byId("difference-legend").hidden = true;
    byId("selection-sentence").textContent =
      molecule ? "averaging decoded maps ..." : "There is no model yet, so there is no mean molecule.";
    if (!molecule) return;
    const start = performance.now();
    const waiting = `averaging the maps of ${title} ...`;
    sayMeanwhile(waiting);
    try {
      const isShown = await molecule.showOther(async (signal) => {
        const { head, parts: [mean, difference] } = await ask(signal);
        this.answer = { title, head, mean, difference };
        return this.subject();
      });
      if (!isShown) return;
      this.milliseconds = performance.now() - start;
      this.describe();
    } catch (error) {
      byId("selection-sentence").textContent = error.message;
      throw error;
    } finally {
      unsay(waiting);
    }
  }

  /** Mean, difference from the rest, or both; without a difference the mean. */
  subject() {
    const { title, mean, difference, head } = this.answer;
    const kind = difference ? this.kind : "mean";
    const titled = (text) => ({ title: `${text} of ${title}`, certainty: "", hasOwnScale: true });
    if (kind === "difference") {
      const densityOf255 = (255 * OWN_SCALE_PER_LEVEL * head.largestDifference) / 127;
      const about = { isSigned: true, densityOf255, mapSigma: head.differenceSigma };
      return { ...titled("difference from the rest"), volume: difference, ...about };
    }
    const overlay = kind === "both" ? difference : null;
    return { ...titled("mean"), volume: mean, overlay, mapSigma: head.mapSigma };
  }

  describe() {
    const { head, difference } = this.answer;
    byId("selection-sentence").textContent = head.sentence;
    byId("selection-kinds").hidden = !difference;
    this.markKind();
    this.drawLegend();
  }

  async showKind(kind) {
    this.kind = kind;
    if (!this.answer) return;
    await this.molecule().showOther(async () => this.subject());
    this.describe();
  }

  markKind() {
    for (const button of byId("selection-kinds").children) {
      button.classList.toggle("on", button.dataset.kind === this.kind);
      button.setAttribute("aria-pressed", String(button.dataset.kind === this.kind));
    }
  }

  /** What the two colours mean, and at which difference they are drawn. */
  drawLegend() {
    const legend = byId("difference-legend");
    const isDifference = this.answer?.difference && this.kind !== "mean";
    legend.hidden = !isDifference;
    if (!isDifference) return;
    const { sigma, largestDifference } = this.answer.head;
    const density = (signedLevelOf(Number(byId("level").value), true) / 127) * largestDifference;
    const inDensity = `density ${density.toPrecision(2)}`;
    const size = sigma ? `${(density / sigma).toFixed(2)} sigma (${inDensity})` : inDensity;
    legend.replaceChildren(
      tintSwatch(SURFACE_TINT), "more density than the rest, ",
      tintSwatch(NEGATIVE_TINT), `less; drawn at a difference of ${size}`);
  }

  takeFacts(facts, signal) {
    if (signal.aborted) return;
    this.facts = facts;
    const lines = facts.sentences.filter(Boolean).map((text) => paragraphOf(text));
    byId("selection-facts").replaceChildren(...lines);
    byId("selection-states").replaceChildren(
      facts.statesMissing ? paragraphOf(facts.statesMissing) : statesTable(facts.states));
  }

  takeImages({ head, parts }, signal) {
    if (signal.aborted) return;
    this.montage = { ...head, images: parts.length ? asFloats(parts[0]) : null };
    byId("montage-missing").textContent = head.missing ?? "";
    byId("montage-kinds").hidden = Boolean(head.missing);
    this.showImages(head.nearest ? "nearest" : "random");
  }

  /** kind: nearest to the centre, or random. Of few particles all are among the nearest, and none random. */
  showImages(kind) {
    const { rows, nearest, images, imageSize: size } = this.montage;
    const shown = rows.map((row, index) => [row, index])
      .filter(([, index]) => (index < nearest) === (kind === "nearest"));
    for (const button of byId("montage-kinds").children) {
      button.classList.toggle("on", button.dataset.kind === kind);
      button.disabled = button.dataset.kind === "nearest" ? !nearest : rows.length === nearest;
    }
    byId("montage").replaceChildren();
    for (const [row, index] of shown) {
      const canvas = canvasWithCaption(byId("montage"), String(row));
      canvas.title = `particle row ${row}, low-pass filtered. Click: its molecule`;
      canvas.onclick = () => attempt(() => this.showParticle(row));
      drawNoisyImage(canvas, images.subarray(index * size * size, (index + 1) * size * size), size);
    }
  }
}

function statesTable(states) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const text of COLUMNS_OF_STATES) head.insertCell().textContent = text;
  const body = table.createTBody();
  for (const { number, count, fraction, fractionOfAll, verdict } of states) {
    const row = body.insertRow();
    row.insertCell().append(swatchOf(number), number ? String(number) : "none");
    row.insertCell().textContent = count.toLocaleString("en");
    row.insertCell().textContent = percentOf(fraction);
    row.insertCell().textContent = percentOf(fractionOfAll);
    const badge = row.insertCell();
    badge.textContent = verdict?.badge ?? "";
    badge.title = verdict?.sentence ?? "";
  }
  return table;
}

function tintSwatch(colour) {
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.background = colour;
  return swatch;
}

function paragraphOf(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}
