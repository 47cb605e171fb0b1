// Compared samples: what differs, and the fraction of every state in each of them.

import { swatchOf } from "../../reports/page/legend.js";
import { attempt, byId } from "./messages.js";

const COLUMN = "sample";

export class SamplesPanel {
  /** samples: as the server describes them, or null; showColumn(name): colour the particles by a column. */
  constructor(samples, showColumn) {
    byId("samples-section").hidden = !samples;
    if (!samples) return;
    byId("samples-verdict").replaceChildren(...samples.verdicts.map(paragraph));
    byId("samples-verdict").title = samples.method;
    byId("samples-table").replaceChildren(tableOf(samples));
    byId("samples-colour").onclick = () => attempt(() => showColumn(COLUMN));
  }
}

function paragraph(text) {
  const element = document.createElement("p");
  element.textContent = text;
  return element;
}

/** A row for each state, a column for each sample; states that differ are marked. */
function tableOf({ names, states }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  head.insertCell().textContent = "state";
  names.forEach((name, index) => head.insertCell().append(swatchOf(index + 1), name));
  const body = table.createTBody();
  for (const state of states) {
    const row = body.insertRow();
    row.className = state.differs ? "differs" : "";
    row.insertCell().textContent = state.differs ? `${state.number} differs` : String(state.number);
    state.fractions.forEach((fraction, index) => {
      const cell = row.insertCell();
      cell.textContent = percentOf(fraction);
      cell.title = intervalText(state.lower[index], state.upper[index]);
    });
  }
  return table;
}

export function percentOf(fraction) {
  return `${(100 * fraction).toFixed(1)} %`;
}

export function intervalText(lower, upper) {
  return `90 % interval: ${percentOf(lower)} to ${percentOf(upper)}`;
}
