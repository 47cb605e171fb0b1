// The page: makes its parts and joins them.

import { tickText } from "../../reports/page/axes.js";
import { ParticleColumns } from "./columns.js";
import { attempt, byId, say } from "./messages.js";
import { MoleculePanel } from "./molecule_panel.js";
import { NewestRequest } from "./newest_request.js";
import { PlotPanel } from "./plot_panel.js";
import { SamplesPanel } from "./samples_panel.js";
import { SelectionPanel } from "./selection_panel.js";
import { askJson, runLibrary } from "./server.js";
import { SessionControls } from "./session_controls.js";
import { StatesPanel } from "./states_panel.js";
import { TrajectoryPanel } from "./trajectory_panel.js";

const REACH_OF_CLICK = 12; // CSS pixels

export class ExplorerPage {
  /** run: what the server says of it at once; model, landscape and images follow. */
  constructor(run) {
    this.run = run;
    this.say = say; // for the tests
    this.requests = new NewestRequest(); // of what the right side shows
    this.columns = new ParticleColumns(run.columns);
    this.plot = new PlotPanel(this.columns, run.nParticles, () => this.selection.update());
    this.selection = new SelectionPanel(this.plot, (px, py) => attempt(() => this.click(px, py)));
    const axes = () => [this.plot.chosen.x.name, this.plot.chosen.y.name];
    this.trajectory = new TrajectoryPanel({
      kinds: run.trajectoryKinds,
      molecule: () => this.molecule,
      axes,
      redraw: () => this.plot.scatter.drawSoon(),
    });
    this.plot.drawTrajectory = (context, plot) => this.trajectory.draw(context, plot, axes());
    const colourBy = (name) => this.plot.setAxes(...this.plot.names().slice(0, 2), name);
    this.samples = new SamplesPanel(run.samples, colourBy);
    this.sessions = new SessionControls(this, run.sessions);
  }

  async start() {
    const { name, training } = this.run;
    byId("run-name").textContent = name;
    document.title = `GEM: ${name}`;
    if (!training.isFinished)
      byId("training").textContent = `still training: ${training.epochs} of ${training.of ?? "?"} epochs`;
    await this.plot.setAxes(...this.columns.firstChoice());
    this.plot.scatter.draw();
    window.gemFirstPaint = performance.now();
    await this.openModel();
  }

  /** The decoder and the states: opened by the server while the particles are already drawn. */
  async openModel() {
    byId("molecule-title").textContent = "loading the model ...";
    try {
      const [answer] = await Promise.all([askJson("/api/model"), runLibrary("ngl.js")]);
      await this.takeModel(answer);
    } catch (error) {
      if (!this.molecule) byId("molecule-title").textContent = "The model could not be loaded";
      throw error;
    }
  }

  async takeModel({ model, landscape, cryosparc }) {
    this.selection.offerCryosparc(cryosparc);
    byId("molecule-title").textContent = model.missing ?? "Click a particle";
    byId("states-controls").hidden = Boolean(landscape.missing || model.missing);
    byId("states-missing").textContent = landscape.missing ?? "";
    this.fingerprints = { latents: model.fingerprint, sketch: landscape.fingerprint };
    if (model.missing) return;
    this.trajectory.latentAxes = model.latentAxes;
    this.molecule = new MoleculePanel(model, this.requests, {
      factsOf: (row) => this.factsOf(row),
      mark: (row) => this.plot.mark(row),
    });
    if (!landscape.missing) {
      this.states = new StatesPanel({
        landscape,
        linkages: this.run.linkages,
        nParticles: this.run.nParticles,
        molecule: this.molecule,
        addColumn: (column) => this.plot.addColumn(column),
      });
      await this.states.recluster(false);
    }
    if (!this.molecule.subject && !this.molecule.isBusy) // else the reader was faster
      await this.molecule.showParticle(0, "particle row 0. Click another particle to see it");
  }

  /** Show the particle at a pixel of the plot, and make it a waypoint where those are picked. */
  async click(px, py) {
    const row = this.plot.scatter.nearest(px, py, REACH_OF_CLICK);
    if (row < 0) return;
    this.plot.mark(row);
    if (this.trajectory.isPicking) this.trajectory.addWaypoint(row);
    await this.molecule?.showParticle(row);
  }

  /** What is known of a particle, from the columns that were looked at. */
  factsOf(row) {
    const facts = this.columns.loaded().map(({ label, values }) => `${label}: ${tickText(values[row])}`);
    return facts.join(" · ");
  }
}
