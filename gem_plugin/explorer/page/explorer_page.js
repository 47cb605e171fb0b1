// The page: makes its parts and joins them.

import { listenToTheme, onThemeChange } from "../../reports/page/house_theme.js";
import { BasketPanel } from "./basket_panel.js";
import { Baskets } from "./baskets.js";
import { ParticleColumns } from "./columns.js";
import { ComparePanel } from "./compare_panel.js";
import { Connection, partsHandedOver } from "./connection.js";
import { FollowMouse } from "./follow_mouse.js";
import { JobsPanel } from "./jobs_panel.js";
import { attempt, byId, say } from "./messages.js";
import { MoleculeKeys } from "./molecule_keys.js";
import { MoleculePanel } from "./molecule_panel.js";
import { NewestRequest } from "./newest_request.js";
import { PageLayout } from "./page_layout.js";
import { PageWork } from "./page_work.js";
import { ParticleTip } from "./particle_tip.js";
import { PlotKeys } from "./plot_keys.js";
import { PlotPanel, valueText } from "./plot_panel.js";
import { listenToPlotSaving } from "./plot_saving.js";
import { keepPressedStates } from "./pressed_states.js";
import { PositionsPanel } from "./positions_panel.js";
import { ReconstructionPanel } from "./reconstruction_panel.js";
import { SamplesPanel } from "./samples_panel.js";
import { SelectionPanel } from "./selection_panel.js";
import { SelectionReport } from "./selection_report.js";
import { askJson, runLibrary } from "./server.js";
import { SessionControls } from "./session_controls.js";
import { Shortcuts } from "./shortcuts.js";
import { StatesPanel } from "./states_panel.js";
import { TrajectoryPanel } from "./trajectory_panel.js";
import { UndoControls } from "./undo_controls.js";
import { WalkThrough } from "./walk_through.js";
import { WaypointEditing } from "./waypoint_editing.js";
import { WorkHistory } from "./work_history.js";
import { WorkKeeper } from "./work_keeper.js";

const REACH_OF_CLICK = 12; // CSS pixels

export class ExplorerPage {
  /** run: what the server says of it at once; model, landscape and images follow. */
  constructor(run) {
    this.run = run;
    this.layout = new PageLayout();
    listenToTheme(byId("theme"));
    onThemeChange(() => this.redraw());
    this.shortcuts = new Shortcuts(this.layout);
    this.walkThrough = new WalkThrough(this.layout);
    this.say = say; // for the tests
    this.requests = new NewestRequest(); // of what the right side shows
    this.columns = new ParticleColumns(run.columns);
    this.plot = new PlotPanel(this.columns, run.nParticles, () => this.selection.update());
    this.selection = new SelectionPanel(this.plot, (px, py, scatter) => {
      attempt(() => this.click(px, py, scatter));
      return this.rowAt(px, py, scatter);
    });
    this.tip = new ParticleTip(this.plot);
    const axes = () => [this.plot.chosen.x.name, this.plot.chosen.y.name];
    this.trajectory = new TrajectoryPanel({
      kinds: run.trajectoryKinds,
      molecule: () => this.molecule,
      axes,
      redraw: () => this.plot.drawSoon(),
    });
    this.plot.drawTrajectory = (context, plot) => {
      const shown = [plot.xColumn.name, plot.yColumn.name];
      this.trajectory.draw(context, plot, shown);
      this.compare.draw(context, plot, shown, this.trajectory.latentAxes);
    };
    listenToPlotSaving(this.plot);
    const { plot: { scatter }, selection, trajectory } = this;
    const isOn = () => selection.tool === "click";
    this.waypointEditing = new WaypointEditing({ overlay: byId("overlay"), scatter, trajectory, isOn });
    const colourBy = (name) => this.plot.setAxes(...this.plot.names().slice(0, 2), name);
    this.samples = new SamplesPanel(run.samples, colourBy);
    this.positions = new PositionsPanel(run.positions, run.name, (...of) => this.showTomogram(...of));
    this.sessions = new SessionControls(this, run.sessions);
    this.baskets = new Baskets(run.nParticles);
    this.compare = new ComparePanel(this);
    this.keepWork();
    this.showSelections();
    this.listenToKeys();
    keepPressedStates(document.body);
  }

  /** The particles of a tomogram (number from 1) where they are in it, in the colours of a column. */
  async showTomogram(number, column) {
    const { plot } = this;
    await this.asOneStep(`tomogram ${number}`, async () => {
      await plot.setAxes("position_x", "position_y", column);
      const filter =
        plot.filters.find((one) => one.column.name === "tomogram") ?? (await plot.addFilter("tomogram"));
      filter.setRange(number, number);
    });
  }

  /** Plot and molecule by keyboard. */
  listenToKeys() {
    const { plot, selection } = this;
    const show = (row) => attempt(() => this.show(row));
    this.plotKeys = new PlotKeys({ overlay: byId("overlay"), plot, selection, show, say });
    for (const id of ["surface", "linked-views"]) new MoleculeKeys(byId(id), () => this.molecule);
  }

  /** Baskets, undo and redo, and what is kept on the server. */
  keepWork() {
    const { baskets, plot, selection, trajectory } = this;
    const changed = (what) => this.record(what);
    const chosen = () => this.history.amend();
    this.basketPanel = new BasketPanel({ baskets, plot, selection, changed, chosen });
    plot.changed = trajectory.changed = changed;
    this.work = new PageWork(this);
    this.history = new WorkHistory({
      capture: () => this.work.capture(),
      restore: (parts) => this.work.restore(parts),
      onChange: (parts) => {
        this.keeper.send(parts);
        this.undoControls.update();
      },
    });
    this.undoControls = new UndoControls(this.history);
    const isBusy = () => Boolean(plot.outline || this.work.isRestoring || this.history.restoring);
    this.keeper = new WorkKeeper({ work: this.work, history: this.history, isBusy });
  }

  /** What a selection is: its molecule, images and states, and its reconstruction. */
  showSelections() {
    const molecule = () => this.molecule;
    this.report = new SelectionReport({
      selection: this.selection,
      molecule,
      nameOf: () => this.baskets.active.name,
      showParticle: (row) => this.molecule?.showParticle(row),
    });
    this.selection.drawn = () => {
      if (this.selection.rows().length) attempt(() => this.report.show());
    };
    this.reconstruction = new ReconstructionPanel({ rows: () => this.selection.rows(), molecule });
    this.showJobs(molecule);
  }

  /** Jobs, whether the explorer still answers, and the molecule under the mouse. */
  showJobs(molecule) {
    const { plot } = this;
    const planes = [
      { overlay: byId("overlay"), rowAt: (...pixel) => plot.scatter.nearest(...pixel) },
      { overlay: byId("second-overlay"), rowAt: (...pixel) => plot.second.scatter.nearest(...pixel) },
    ];
    this.followMouse = new FollowMouse({ planes, molecule, markedRow: () => plot.markedRow });
    this.connection = new Connection({
      run: this.run,
      hear: (news) => this.jobs.take(news),
      notKept: () => this.keeper.notKept(),
      beforeLoading: () => this.keeper.keepAll(),
    });
    this.jobs = new JobsPanel({
      rows: () => this.selection.rows(),
      atoms: () => molecule()?.atoms.key,
      showReconstruction: (name) => this.showReconstruction(name),
      openAgain: () => this.connection.openAgain(),
    });
  }

  /** Its numbers stand in the report of the selection. */
  async showReconstruction(name) {
    byId("selection-report").hidden = false;
    await this.reconstruction.show(name);
  }

  /** Keep a step of the history, unless it is one of them that is shown. */
  record(what) {
    if (!this.work.isRestoring) this.history.record(what);
    this.compare.update();
  }

  /** Whatever a function changes is one step. */
  async asOneStep(what, change) {
    this.work.isRestoring = true;
    try {
      await change();
    } finally {
      this.work.isRestoring = false;
      this.record(what);
    }
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
    this.walkThrough.startFirstTime();
    const notices = await attempt(() => this.keeper.load());
    if (notices?.length) say(notices.join(" "));
    const handedOver = partsHandedOver();
    if (handedOver) await attempt(() => this.takeHandedOver(handedOver));
    attempt(() => this.reconstruction.open());
    attempt(() => this.jobs.open());
    this.connection.start();
    await this.openModel();
  }

  /** What a page at another address had not saved yet. */
  async takeHandedOver(parts) {
    await this.asOneStep("work of the page before", () => this.work.restore(this.work.unpacked(parts)));
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
    if (model.missing) return void attempt(() => this.plot.offerFileColumns());
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
        removeColumn: (name) => this.plot.removeColumn(name),
      });
      this.states.changed = (what) => this.record(what);
      await this.states.recluster(false);
    }
    byId("compare").hidden = false;
    this.compare.fillChoice();
    await this.work.restoreWaiting();
    this.history.amend();
    attempt(() => this.plot.offerFileColumns());
    if (!this.molecule.subject && !this.molecule.isBusy) // else the reader was faster
      await this.molecule.showParticle(0, "particle row 0. Click another particle to see it");
  }

  /** Everything on canvases, in other colours. */
  redraw() {
    const { plot, molecule, states, reconstruction } = this;
    if (plot.chosen.colour) plot.inOtherColours();
    for (const filter of plot.filters) filter.draw();
    molecule?.levels.show();
    states?.drawTree();
    reconstruction.drawCurves();
  }

  rowAt(px, py, scatter = this.plot.scatter) {
    return scatter.nearest(px, py, REACH_OF_CLICK);
  }

  /** Show the particle at a pixel of the plot, and make it a waypoint where those are picked. */
  async click(px, py, scatter) {
    await this.show(this.rowAt(px, py, scatter));
  }

  /** The molecule of a particle, which becomes a waypoint where those are picked. */
  async show(row) {
    if (row < 0) return;
    this.plot.mark(row);
    if (this.trajectory.isPicking) this.trajectory.addWaypoint(row);
    await this.molecule?.showParticle(row);
  }

  /** What is known of a particle, from the columns that were looked at. */
  factsOf(row) {
    const known = this.columns.loaded().filter((column) => !column.isOfBaskets);
    const baskets = this.basketPanel.namesAt(row);
    const facts = known.map((column) => `${column.label}: ${valueText(column, row)}`);
    if (baskets.length) facts.push(`in ${baskets.join(", ")}`);
    return facts.join(" · ");
  }
}
