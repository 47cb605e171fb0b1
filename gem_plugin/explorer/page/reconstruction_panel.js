// Reconstruct what is selected from its images: a job of the server with progress, and what came out of it.

import { drawFsc } from "./fsc_plot.js";
import { attempt, byId, counted, say } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { saveUnderName } from "./saving.js";
import { askJson, askPacked } from "./server.js";

const MILLISECONDS_BETWEEN_STATES = 400;

export class ReconstructionPanel {
  /** rows(): what is selected and shown; molecule(): the panel, undefined without a model. */
  constructor({ rows, molecule }) {
    Object.assign(this, { rows, molecule });
    this.requests = new NewestRequest();
    byId("reconstruct").onclick = () => attempt(() => this.start());
    byId("reconstruct-stop").onclick = () => attempt(() => askJson("/api/reconstruction/stop", {}));
    byId("reconstructions").onchange = (event) => attempt(() => this.show(event.target.value));
  }

  /** At the start of the page: what runs, and what is there. */
  async open() {
    const state = await askJson("/api/reconstruction");
    this.fillNames(state.names);
    if (state.state === "running") await this.follow(state);
  }

  async start() {
    const rows = this.rows();
    if (!rows.length) throw new Error("Nothing is selected: draw a lasso or a box, then reconstruct it.");
    const field = byId("selection-name");
    const state = await saveUnderName(field, (name) => `/api/reconstruction/start/${name}`, rows);
    if (state) await this.follow(state);
  }

  /** Until it has ended; then what came out. */
  async follow(first) {
    let state = first;
    this.showProgress(state);
    while (state.state === "running") {
      await new Promise((resolve) => setTimeout(resolve, MILLISECONDS_BETWEEN_STATES));
      state = await askJson("/api/reconstruction").catch(() => state); // the WorkKeeper says that it is gone
      this.showProgress(state);
    }
    this.fillNames(state.names);
    if (state.state === "failed") throw new Error(`The reconstruction ${state.name} failed: ${state.words}`);
    if (state.state === "stopped")
      say(`The reconstruction ${state.name} was stopped; nothing of it was kept.`);
    if (state.state === "done") await this.show(state.name);
  }

  showProgress({ state, name, particles, fraction, words }) {
    const isRunning = state === "running";
    byId("reconstruct").disabled = isRunning;
    byId("reconstruction-progress").hidden = !isRunning;
    byId("reconstruction-bar").value = fraction ?? 0;
    byId("reconstruction-words").textContent =
      isRunning ? `${name}: ${counted(particles, "particle")}, ${words || "starting"} ...` : "";
  }

  fillNames(names) {
    const select = byId("reconstructions");
    const options = names.map((name) => new Option(name));
    select.replaceChildren(new Option("earlier reconstructions ...", ""), ...options);
    select.hidden = !names.length;
  }

  drawCurves() {
    if (this.shown) drawFsc(byId("fsc"), this.shown.frequencies, this.shown.curves);
  }

  /** Surface, curve and numbers of a finished one. */
  async show(name) {
    if (!name) return;
    const address = `/api/reconstruction/result/${encodeURIComponent(name)}`;
    const answer = await this.requests.run((signal) => askPacked(address, undefined, signal));
    if (!answer) return;
    const { head, parts: [volume] } = answer;
    byId("reconstructions").value = name;
    byId("reconstruction-result").hidden = false;
    byId("reconstruction-numbers").textContent = numbersInWords(head);
    this.shown = head;
    this.drawCurves();
    if (!volume || !this.molecule()) return;
    const { densityOf255, mapSigma } = head;
    const title = `reconstruction ${name}`;
    await this.molecule().showOther(async () => ({ title, volume, densityOf255, mapSigma }));
  }
}

/** Resolution, halves and where the files are. */
export function numbersInWords({ name, numbers, folder }) {
  const { particles, half_1: first, half_2: second } = numbers;
  const limit = numbers.is_limited_by_pixel_size ? " (as fine as the pixels of the working box allow)" : "";
  const dealt = numbers.half_sets_given ? "" : "; half-sets dealt at random, as the input has none";
  return `${name}: ${numbers.resolution_in_angstroms} Å at FSC 0.143${limit}, ` +
    `${numbers.resolution_unmasked_in_angstroms} Å without mask. ` +
    `${counted(particles, "particle")} (${first} and ${second} in the halves${dealt}). Files: ${folder}`;
}
