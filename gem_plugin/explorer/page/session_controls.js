// Sessions: everything that the page shows is saved under a name, and comes back.

import { packedBasket } from "./baskets.js";
import { attempt, byId, say } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { checkedName } from "./names.js";
import { saveUnderName } from "./saving.js";
import { askJson } from "./server.js";
import { checkSession, outdatedParts, sessionContent, upgradedSession } from "./session_content.js";
import { COLUMN_NAME } from "./states_panel.js";

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

  async save() {
    const field = byId("session-name");
    const answer = await saveUnderName(field, (name) => `/api/session/${name}`, this.content());
    if (!answer) return;
    this.fillNames(answer.sessions);
    say(`session saved: ${answer.files[0]}`);
  }

  content() {
    const { plot, selection, trajectory, molecule, states, run, fingerprints } = this.page;
    const { x, y, colour } = plot.chosen;
    return sessionContent({
      madeFrom: { nParticles: run.nParticles, ...fingerprints },
      axes: { x: x.name, y: y.name, colour: colour.name },
      view: plot.scatter.view.limits,
      filters: plot.filters.map((filter) => filter.settings()),
      hiddenGroups: [...plot.hiddenGroups],
      promoted: plot.chosen.colour.promoted ?? [],
      look: plot.look.settings(),
      selected: selection.settings(),
      baskets: this.page.baskets.list().map(packedBasket),
      activeBasket: this.page.baskets.list().indexOf(this.page.baskets.active),
      markedRow: plot.markedRow,
      trajectory: trajectory.settings(),
      molecule: molecule?.settings() ?? null,
      states: states?.mapStates ? states.settings() : null,
    });
  }

  /** A molecule that is asked for while the session opens is newer than the session's. */
  open() {
    const address = `/api/session/${checkedName(byId("session-name").value)}`;
    return this.requests.run((signal) =>
      this.page.requests.run(async (moleculeSignal) => {
        const content = upgradedSession(await askJson(address));
        const { run, columns, plot } = this.page;
        if (!columns.file) await attempt(() => plot.offerFileColumns());
        if (signal.aborted) return;
        checkSession(content, {
          nParticles: run.nParticles,
          hasColumn: (name) => columns.byName.has(name) && name !== COLUMN_NAME,
          hasMask: (file) => !this.page.states || this.page.states.masks.hasFile(file),
          columnOfStates: this.page.states && COLUMN_NAME,
        });
        const outdated = outdatedParts(content, this.page.fingerprints ?? {});
        if (outdated.path) content.trajectory = { ...content.trajectory, path: null, fraction: 0 };
        await this.page.asOneStep("open session", () => this.restore(content, signal));
        if (signal.aborted) return;
        const isMolecule = await this.restoreMolecule(content, outdated.molecule, moleculeSignal);
        if (!isMolecule && !moleculeSignal.aborted) plot.mark(this.page.molecule?.subject?.row ?? -1);
        say(messageOf(outdated, isMolecule));
      }));
  }

  /** Gives false where the session's molecule cannot be shown; the one that is there stays with its title. */
  async restoreMolecule({ molecule, markedRow }, isOutdated, signal) {
    const panel = this.page.molecule;
    if (!molecule || !panel) {
      if (!signal.aborted) this.page.plot.mark(markedRow);
      return true;
    }
    const shown = isOutdated ? null : this.completed(molecule.shown);
    if (shown && !signal.aborted) this.page.plot.mark(markedRow);
    await panel.restore({ ...molecule, shown }, signal);
    return Boolean(shown) || !molecule.shown;
  }

  /** What is to be asked for; the map of a state of the first version gets the states that were restored. */
  completed(shown) {
    if (!shown || !("number" in shown) || "mapStates" in shown) return shown;
    const mapStates = this.page.states?.mapStates;
    const { number, other = number } = shown;
    const isThere = mapStates?.includes(number) && mapStates.includes(other);
    return isThere ? { ...shown, mapStates } : null;
  }

  /** Everything but the molecule. */
  async restore(content, signal) {
    const { plot, selection, trajectory, states } = this.page;
    if (content.states) await states?.restore(content.states);
    if (signal.aborted) return;
    await plot.setAxes(content.axes.x, content.axes.y, content.axes.colour);
    if (signal.aborted) return;
    plot.removeFilters();
    for (const filter of content.filters) (await plot.addFilter(filter.column)).restore(filter);
    if (content.look) await plot.look.restore(content.look);
    if (signal.aborted) return;
    plot.setGroups(content);
    plot.scatter.view.limits = content.view;
    plot.refilter();
    if (content.baskets) this.page.basketPanel.exchange(content.baskets, content.activeBasket);
    else selection.select(content.selected, "new");
    trajectory.restore(content.trajectory);
  }
}

function messageOf(outdated, isMolecule) {
  const missing = [outdated.path ? "path" : "", isMolecule ? "" : "molecule"].filter(Boolean).join(" and ");
  if (!missing) return "session opened";
  return `session opened without its ${missing}: the run was trained or its landscape made again since, ` +
    "so they would be others under the same name";
}
