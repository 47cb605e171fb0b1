// Sessions: everything that the page shows is saved under a name, and comes back.

import { attempt, byId, say } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { askJson } from "./server.js";
import { sessionContent, upgradedSession } from "./session_content.js";

export class SessionControls {
  constructor(page, names) {
    this.page = page;
    this.requests = new NewestRequest();
    this.fillNames(names);
    byId("session-save").onclick = () => attempt(() => this.save());
    byId("session-open").onclick = () => attempt(() => this.open());
  }

  fillNames(names) {
    byId("session-names").replaceChildren(...names.map((name) => new Option(name)));
  }

  address() {
    return `/api/session/${encodeURIComponent(byId("session-name").value)}`;
  }

  async save() {
    const { plot, selection, trajectory, molecule, states } = this.page;
    const { x, y, colour } = plot.chosen;
    const content = sessionContent({
      axes: { x: x.name, y: y.name, colour: colour.name },
      view: plot.scatter.view.limits,
      filters: plot.filters.map(({ column, range }) => ({ column: column.name, range })),
      hiddenGroups: [...plot.hiddenGroups],
      selected: selection.settings(),
      markedRow: plot.markedRow,
      trajectory: trajectory.settings(),
      molecule: molecule?.settings() ?? null,
      states: states?.mapStates ? states.settings() : null,
    });
    const { sessions, files } = await askJson(this.address(), content);
    this.fillNames(sessions);
    say(`session saved: ${files[0]}`);
  }

  /** A molecule that is asked for while the session opens is newer than the session's. */
  open() {
    return this.requests.run((signal) =>
      this.page.requests.run(async (moleculeSignal) => {
        const content = upgradedSession(await askJson(this.address()));
        if (signal.aborted) return;
        await this.restore(content, signal);
        if (signal.aborted) return;
        if (!moleculeSignal.aborted) this.page.plot.mark(content.markedRow);
        if (content.molecule) await this.page.molecule?.restore(content.molecule, moleculeSignal);
        say("session opened");
      }));
  }

  /** Everything but the molecule. */
  async restore(content, signal) {
    const { plot, selection, trajectory, states } = this.page;
    if (content.states) await states?.restore(content.states);
    if (signal.aborted) return;
    await plot.setAxes(content.axes.x, content.axes.y, content.axes.colour);
    if (signal.aborted) return;
    plot.removeFilters();
    for (const { column, range } of content.filters) (await plot.addFilter(column)).setRange(...range);
    if (signal.aborted) return;
    plot.hiddenGroups.clear();
    for (const group of content.hiddenGroups) plot.hiddenGroups.add(group);
    plot.drawLegend();
    plot.scatter.view.limits = content.view;
    plot.refilter();
    selection.select(content.selected, "new");
    trajectory.restore(content.trajectory);
  }
}
