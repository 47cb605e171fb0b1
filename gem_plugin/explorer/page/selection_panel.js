// The selection: tools, buttons, and what is saved of it.

import { SELECTED } from "../../reports/page/point_style.js";
import { attempt, byId, counted, say } from "./messages.js";
import { listenToTools } from "./plot_tools.js";
import { saveUnderName } from "./saving.js";
import {
  applyToSelection, countFlags, invertSelection, rowsInPolygon, selectedRows, selectShown,
} from "./selection.js";

const WORDS = { new: "replace", add: "add", remove: "subtract", intersect: "intersect" };

export class SelectionPanel {
  /** plot: the PlotPanel; onClick(px, py): a click on the plot with the tool for that; gives the row. */
  constructor(plot, onClick) {
    this.plot = plot;
    this.changed = () => {}; // (what): the selection was changed here, and by what
    this.drawn = () => {}; // a lasso or box was released
    this.tool = "click";
    this.mode = "new";
    for (const kind of ["tool", "mode"]) for (const button of byId(`${kind}s`).children)
      button.onclick = () => this.choose(kind, button);
    byId("select-shown").onclick = () => this.change(selectShown, "all shown");
    byId("select-invert").onclick = () => this.change(invertSelection, "invert");
    byId("select-none").onclick = () => this.select([], "new", "none");
    byId("save-particles").onclick = () => attempt(() => this.save("particles"));
    byId("save-relion").onclick = () => attempt(() => this.save("relion-job"));
    byId("cryosparc-send").onclick = () => attempt(() => this.sendToCryosparc());
    const { second } = plot;
    const listen = (overlay, plane) => listenToTools(overlay, plane, {
      tool: () => this.tool,
      onClick: (px, py, event) => this.click(onClick(px, py, plane.scatter), this.modeOf(event)),
      onOutline: (corners, event) => {
        this.selectInside(corners, this.modeOf(event), plane.scatter);
        this.drawn();
      },
    });
    listen(byId("overlay"), plot);
    listen(byId("second-overlay"), second);
  }

  choose(kind, button) {
    this[kind] = button.dataset[kind];
    for (const other of byId(`${kind}s`).children) other.classList.toggle("on", other === button);
  }

  modeOf({ shiftKey, altKey }) {
    if (shiftKey) return "add";
    return altKey ? "remove" : this.mode;
  }

  /** A click shows a particle; it also adds or removes it where that is the mode. */
  click(row, mode) {
    if (row < 0 || !["add", "remove"].includes(mode)) return;
    this.select([row], mode, `${WORDS[mode]} particle ${row}`);
  }

  select(rows, mode, what = "selection") {
    this.change((scatter) => applyToSelection(scatter, rows, mode), what);
  }

  /** corners of a polygon, in data coordinates of a plane */
  selectInside(corners, mode, scatter = this.plot.scatter) {
    this.select(rowsInPolygon(scatter, corners), mode, `${this.tool}: ${WORDS[mode]}`);
  }

  change(work, what) {
    work(this.plot.scatter);
    this.update();
    this.changed(what);
  }

  /** To be called after flags were changed: counts and drawing. */
  update() {
    const { scatter } = this.plot;
    const { shown, selected, selectedAndShown } = countFlags(scatter);
    const hasSelection = selected > 0 && !this.plot.chosen.colour?.isOfBaskets; // there all keep theirs
    for (const plane of this.plot.planes()) {
      plane.hasSelection = hasSelection;
      plane.flagsChanged();
      plane.drawSoon();
    }
    this.plot.look.showUnder();
    const all = counted(scatter.nPoints, "particle");
    byId("counts").textContent =
      shown === scatter.nPoints ? all : `${shown.toLocaleString("en")} of ${all} shown`;
    byId("selected-count").textContent = selectedAndShown
      ? `${counted(selectedAndShown, "particle")} selected`
      : "no particles selected";
    const nHidden = selected - selectedAndShown;
    byId("selected-hidden").textContent =
      nHidden ? `${nHidden.toLocaleString("en")} more of this basket are hidden by filters` : "";
  }

  /** Selected and shown. */
  rows() {
    return selectedRows(this.plot.scatter);
  }

  /** Selected, shown or not: as a saved session has them. */
  settings() {
    const { flags } = this.plot.scatter;
    return Array.from(flags.keys()).filter((row) => flags[row] & SELECTED);
  }

  async save(kind) {
    const field = byId("selection-name");
    const answer = await saveUnderName(field, (name) => `/api/save/selection/${kind}/${name}`, this.rows());
    if (!answer) return;
    const target = answer.job || answer.files.join(", ");
    const what = `${counted(answer.particles, "particle")} saved: ${target}`;
    const saved = [what, answer.where ?? ""].join(". ");
    say([saved, ...answer.notices].join(" "));
  }

  /** Fields and button for runs whose particles came from CryoSPARC. */
  offerCryosparc(fields) {
    byId("cryosparc").hidden = !fields;
    if (!fields) return;
    byId("cryosparc-project").value = fields.project;
    byId("cryosparc-workspace").value = fields.workspace;
    byId("cryosparc-particles").value = fields.sources[0] ?? "";
    byId("cryosparc-sources").replaceChildren(...fields.sources.map((name) => new Option(name)));
  }

  async sendToCryosparc() {
    const button = byId("cryosparc-send");
    const names = ["project", "workspace", "particles"];
    const fields = new URLSearchParams(names.map((name) => [name, byId(`cryosparc-${name}`).value.trim()]));
    button.disabled = true;
    say("sending to CryoSPARC ...");
    try {
      const address = (name) => `/api/save/cryosparc/${name}?${fields}`;
      const answer = await saveUnderName(byId("selection-name"), address, this.rows());
      if (!answer) return;
      const workspace = `${fields.get("project")}, ${fields.get("workspace")}`;
      const sent = `${counted(answer.particles, "particle")} sent`;
      say(`${sent}: they are the output of ${answer.job} in ${workspace}.`);
    } finally {
      button.disabled = false;
    }
  }
}
