// Where the states are in the tomograms: neighbours in the same state against chance, distances, the plot of
// one tomogram, and files for other programs.

import { swatchOf } from "../../reports/page/legend.js";
import { downloadText } from "./downloads.js";
import { attempt, byId } from "./messages.js";
import { usableName } from "./names.js";
import { askPlainText } from "./server.js";

const ALL = ""; // tomograms

export class PositionsPanel {
  /**
   * positions: as the server describes them, or undefined; nameOfRun: begins the names of files;
   * showTomogram(number, column): plot the particles of a tomogram, from 1, in the colours of a column.
   */
  constructor(positions, nameOfRun, showTomogram) {
    byId("positions-section").hidden = !positions;
    if (!positions) return;
    Object.assign(this, { positions, nameOfRun, showTomogram });
    this.source = byId("positions-source");
    this.tomogram = byId("positions-tomogram");
    positions.sources.forEach(({ column }, index) => this.source.add(new Option(column, index)));
    this.source.parentElement.hidden = positions.sources.length === 1;
    this.tomogram.add(new Option("all", ALL));
    for (const { name, particles } of positions.tomograms)
      this.tomogram.add(new Option(`${name} (${particles.toLocaleString("en")})`, name));
    this.source.onchange = () => this.show();
    byId("positions-plot").onclick = () => attempt(() => this.plot());
    byId("positions-star").onclick = () => attempt(() => this.save("star"));
    byId("positions-csv").onclick = () => attempt(() => this.save("csv"));
    this.show();
  }

  get chosen() {
    return this.positions.sources[Number(this.source.value)];
  }

  show() {
    const { sentence, method } = this.chosen;
    byId("positions-sentence").textContent = sentence;
    byId("positions-sentence").title = method;
    byId("positions-table").replaceChildren(neighboursTable(this.chosen));
    byId("positions-distances").replaceChildren(distancesTable(this.chosen));
  }

  /** The chosen tomogram; of all of them the one with most particles. */
  plot() {
    const { tomograms } = this.positions;
    const fullest = tomograms.reduce((one, other) => (other.particles > one.particles ? other : one));
    const chosen = tomograms.find(({ name }) => name === this.tomogram.value) ?? fullest;
    return this.showTomogram(tomograms.indexOf(chosen) + 1, this.chosen.column);
  }

  async save(kind) {
    const name = this.tomogram.value;
    const query = name === ALL ? "" : `?${new URLSearchParams({ tomogram: name })}`;
    const text = await askPlainText(`/api/positions/${this.chosen.source}/${kind}${query}`);
    const parts = [this.nameOfRun, this.chosen.column, name || "positions"];
    downloadText(`${usableName(parts.join("_"), "positions")}.${kind}`, text, "text/plain");
  }
}

function neighboursTable({ neighbours, states }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const text of ["state", "same state", "by chance", ""]) head.insertCell().textContent = text;
  head.title = `of the ${neighbours} nearest particles in the same tomogram`;
  const body = table.createTBody();
  for (const state of states) {
    const row = body.insertRow();
    row.insertCell().append(swatchOf(state.number), String(state.number));
    row.insertCell().textContent = percentWithError(state.fraction, state.error);
    row.insertCell().textContent = percentWithError(state.chance, state.chanceError);
    row.insertCell().textContent = ["together", "apart"].includes(state.verdict) ? state.verdict : "";
    row.title = `${state.particles.toLocaleString("en")} particles: ${state.verdict}`;
  }
  return table;
}

/** From the particles of each state to the nearest other one of each. */
function distancesTable({ states }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  head.insertCell().textContent = "from \\ to";
  for (const { number } of states) head.insertCell().append(swatchOf(number), String(number));
  const body = table.createTBody();
  for (const { number, distances, chanceDistances } of states) {
    const row = body.insertRow();
    row.insertCell().append(swatchOf(number), String(number));
    distances.forEach((distance, index) => {
      const cell = row.insertCell();
      cell.textContent = distanceText(distance);
      cell.title = `by chance ${distanceText(chanceDistances[index])} Å`;
    });
  }
  return table;
}

export function percentWithError(fraction, error) {
  const percent = (100 * fraction).toFixed(1);
  return error === null ? `${percent} %` : `${percent} ± ${(100 * error).toFixed(1)} %`;
}

/** In Angstrom; a line where no tomogram holds both states. */
export function distanceText(distance) {
  return distance === null ? "–" : Math.round(distance).toLocaleString("en");
}
