// The user's atomic model: loaded, moved with every molecule that is shown, its legend, and removed.

import { attempt, byId, counted, say, sayMeanwhile, unsay } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { askJson } from "./server.js";
import { colourOfDisplacement } from "./surface_atoms.js";

const MAXIMUM_BYTES_OF_ATOMS = 40_000_000; // atoms.py has the same
const N_STEPS_OF_LEGEND = 9;

export class AtomsPanel {
  /** view: the SurfaceView; redraw(): the molecule that is shown, with its atoms. */
  constructor(view, redraw) {
    Object.assign(this, { view, redraw });
    this.requests = new NewestRequest();
    this.model = null; // { key, name, content }
    byId("atoms-file").onchange = (event) => attempt(() => this.load(event.target.files[0]));
    byId("atoms-remove").onclick = () => attempt(() => this.remove());
  }

  /** What requests for a molecule name, undefined without a model. */
  get key() {
    return this.model?.key;
  }

  async load(file) {
    if (!file) return;
    byId("atoms-file").value = ""; // so that the same file can be chosen again
    if (file.size > MAXIMUM_BYTES_OF_ATOMS) {
      const megabytes = Math.round(file.size / 1e6);
      throw new Error(
        `${file.name} has ${megabytes} MB; expected at most ${MAXIMUM_BYTES_OF_ATOMS / 1e6} MB. ` +
        "Load a part of the model.");
    }
    await this.take(file.name, await file.arrayBuffer());
  }

  /** The server finds the conformation that the model shows. */
  async take(name, content) {
    const waiting = `reading ${name}, and finding the conformation that it shows ...`;
    sayMeanwhile(waiting);
    const address = `/api/atoms/${encodeURIComponent(name)}`;
    const answer = await this.requests.run((signal) => askJson(address, content, signal));
    if (!answer) return;
    const nAtoms = await this.view.atoms.show(answer.text, answer.name, answer.scale);
    if (nAtoms !== answer.atoms || !this.view.atoms.isInOrderOf(answer.order)) {
      this.view.atoms.remove();
      throw new Error(
        `${name}: the viewer reads its atoms in another order than the explorer, so they cannot be ` +
        `moved (${counted(nAtoms, "atom")} of ${answer.atoms}). Save it as mmCIF from ChimeraX, ` +
        "and load it again.");
    }
    this.model = { key: answer.key, name, content };
    unsay(waiting);
    this.showLegend(answer);
    await this.redraw();
    const where = answer.isCentred ? " Its origin is the centre of the box." : "";
    say(`${counted(nAtoms, "atom")} of ${name}, moved with each molecule.${where}`);
  }

  /** The explorer was started again and no longer has the model: it gets it once more. */
  sendAgain() {
    if (!this.model || this.isSending) return;
    this.isSending = true;
    const { name, content } = this.model;
    attempt(() => this.take(name, content)).finally(() => { this.isSending = false; });
  }

  async remove() {
    this.requests.cancel();
    this.model = null;
    this.view.atoms.remove();
    byId("atoms-shown").hidden = true;
    await this.redraw();
  }

  showLegend({ name, scale }) {
    byId("atoms-shown").hidden = false;
    byId("atoms-name").textContent = name;
    byId("atoms-scale").textContent = `${scale.toFixed(1)} Å`;
    const steps = Array.from({ length: N_STEPS_OF_LEGEND }, (_, index) =>
      `#${colourOfDisplacement(index / (N_STEPS_OF_LEGEND - 1)).toString(16).padStart(6, "0")}`);
    byId("atoms-bar").style.background = `linear-gradient(to right, ${steps.join(", ")})`;
  }

  /** As the surface of a molecule is drawn. subject: with atoms, where it has one conformation. */
  follow({ atoms }) {
    if (!this.model) return;
    if (atoms) this.view.atoms.move(atoms.positions, atoms.displacement);
    else this.view.atoms.moveBack();
    byId("atoms-note").textContent = noteOnAtoms(atoms);
  }
}

function noteOnAtoms(atoms) {
  if (!atoms) return "The atoms are as in the file: this map is not that of one conformation.";
  const { displacement } = atoms;
  let sum = 0;
  let largest = 0;
  for (const one of displacement) {
    sum += one * one;
    if (one > largest) largest = one;
  }
  const mean = Math.sqrt(sum / displacement.length);
  return `moved by ${mean.toFixed(1)} Å (root mean square), at most ${largest.toFixed(1)} Å`;
}

/** The bytes of an answer: positions (3 n), then displacement (n), float32. */
export function atomsIn(numbers) {
  const nAtoms = numbers.length / 4;
  return { positions: numbers.subarray(0, 3 * nAtoms), displacement: numbers.subarray(3 * nAtoms) };
}
