"use strict";
// The page: joins the plot, the selection, the filters, the states, the paths and the molecule.

class Page {
  constructor(run) {
    this.run = run;
    this.columns = new Map(run.columns.map((column) => [column.name, { ...column }]));
    this.cloud = new PointCloud(byId("points"), run.nParticles);
    this.filters = [];
    this.hiddenGroups = new Set();
    this.tool = "click";
    this.mode = "new";
    this.clicked = -1;
    this.chosen = {};
  }

  async start() {
    byId("run-name").textContent = this.run.name;
    document.title = `GEM: ${this.run.name}`;
    byId("counts").textContent = `${this.run.nParticles.toLocaleString("en")} particles`;
    const { training } = this.run;
    if (!training.isFinished) byId("training").textContent = `still training: ${training.epochs} of ${training.of ?? "?"} epochs`;
    this.fillSelects();
    const names = [...this.columns.keys()].filter((name) => !this.columns.get(name).isGroup);
    await this.setAxes(names[0], names[1] ?? names[0], this.columns.has("state") ? "state" : names[2] ?? names[0]);
    this.listen();
    this.drawNow();
    window.gemFirstPaint = performance.now();
    this.travel = new Travel(this);
    this.sessions = new Sessions(this);
    await this.openModel();
  }

  /** The decoder and the states: opened by the server while the particles are already drawn. */
  async openModel() {
    byId("molecule-title").textContent = "opening the model ...";
    const [{ model, landscape, cryosparc }] = await Promise.all([askJson("/api/model"), loadLibrary("ngl.js")]);
    this.run.model = model;
    this.offerCryosparc(cryosparc);
    byId("molecule-title").textContent = model.missing ?? "Click a particle";
    if (!model.missing) this.molecule = new Molecule(model);
    if (landscape.missing || model.missing) {
      byId("states-controls").hidden = true;
      byId("states-missing").textContent = landscape.missing ?? "";
    } else {
      this.grouping = new Grouping(this, landscape);
      await this.grouping.group(false);
    }
    if (this.molecule) await this.showParticle(0, "particle row 0: click any other");
    this.draw();
  }

  /** Fields and button for runs whose particles came from there. */
  offerCryosparc(fields) {
    byId("cryosparc").hidden = !fields;
    if (!fields) return;
    byId("cryosparc-project").value = fields.project;
    byId("cryosparc-workspace").value = fields.workspace;
    byId("cryosparc-particles").value = fields.sources[0] ?? "";
    byId("cryosparc-sources").replaceChildren(...fields.sources.map((name) => new Option(name)));
    byId("cryosparc-send").onclick = () => this.sendToCryosparc();
  }

  async sendToCryosparc() {
    const name = byId("selection-name").value, button = byId("cryosparc-send");
    const fields = new URLSearchParams(["project", "workspace", "particles"].map((field) => [field, byId(`cryosparc-${field}`).value.trim()]));
    button.disabled = true;
    say("sending to CryoSPARC ...");
    const answer = await attempt(() => askJson(`/api/save/cryosparc/${encodeURIComponent(name)}?${fields}`, selectedRows(this.cloud)));
    button.disabled = false;
    if (answer) say(`${answer.particles.toLocaleString("en")} particles are now the output of ${answer.job} in ${fields.get("project")}, ${fields.get("workspace")}: connect it to any job.`);
  }

  fillSelects() {
    for (const id of ["axis-x", "axis-y", "axis-colour", "filter-column"]) {
      const select = byId(id), before = select.value;
      select.replaceChildren(...(id === "filter-column" ? [new Option("a column ...", "")] : []));
      for (const column of this.columns.values()) select.add(new Option(column.label, column.name));
      if (before) select.value = before;
    }
  }

  async values(name) {
    const column = this.columns.get(name);
    if (!column) throw new Error(`This run has no column ${name}.`);
    column.values ??= new Float32Array(await (await ask(`/api/column/${encodeURIComponent(name)}`)).arrayBuffer());
    return column.values;
  }

  async addColumn(description, values) {
    this.columns.set(description.name, { ...description, values });
    this.fillSelects();
    await this.setAxes(this.chosen.x.name, this.chosen.y.name, description.name);
  }

  async setAxes(x, y, colour) {
    const hasMoved = !this.chosen.x || this.chosen.x.name !== x || this.chosen.y.name !== y;
    const [xs, ys] = await Promise.all([x, y, colour].map((name) => this.values(name)));
    this.chosen = { x: this.columns.get(x), y: this.columns.get(y), colour: this.columns.get(colour) };
    byId("axis-x").value = x;
    byId("axis-y").value = y;
    byId("axis-colour").value = colour;
    if (hasMoved) { this.cloud.setPlaces(xs, ys); this.cloud.showAll(); }
    this.hiddenGroups.clear();
    this.paint();
    this.refilter();
  }

  paint() {
    const { colour } = this.chosen, { values, lowest } = colour, { n } = this.cloud, packed = new Uint32Array(n);
    const palette = colour.isGroup
      ? Array.from({ length: colour.highest + 1 }, (_, group) => colourOfGroup(group))
      : Array.from({ length: 256 }, (_, step) => colourOfFraction(step / 255));
    const table = Uint32Array.from(palette, packedColour), unknown = packedColour(colourOfGroup(0));
    const scale = colour.isGroup ? 1 : 255 / (colour.highest - lowest || 1), offset = colour.isGroup ? 0 : lowest;
    for (let i = 0; i < n; i++) {
      const value = values[i]; // NaN where the particle has none
      packed[i] = value >= lowest ? table[Math.round((value - offset) * scale)] : unknown;
    }
    this.cloud.upload("colour", new Uint8Array(packed.buffer));
    this.drawLegend();
  }

  drawLegend() {
    const { colour } = this.chosen, legend = byId("legend");
    legend.replaceChildren();
    if (!colour.isGroup) {
      const bar = document.createElement("span");
      bar.style.cssText = `flex:1;height:10px;margin-top:5px;background:linear-gradient(to right,${VIRIDIS_STOPS.map(cssColour).join(",")})`;
      legend.append(tickText(colour.lowest), bar, tickText(colour.highest));
      return;
    }
    for (const group of [...new Set(colour.values)].sort((a, b) => a - b).slice(0, 100)) {
      const button = document.createElement("button"), swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = cssColour(colourOfGroup(group));
      button.append(swatch, String(group));
      button.dataset.group = group;
      button.classList.toggle("hidden", this.hiddenGroups.has(group));
      button.onclick = () => {
        if (!this.hiddenGroups.delete(group)) this.hiddenGroups.add(group);
        this.drawLegend();
        this.refilter();
      };
      legend.append(button);
    }
  }

  async addFilter(name) {
    const values = await this.values(name);
    const filter = new RangeFilter(this.columns.get(name), values, () => this.refilter(), (gone) => { this.filters = this.filters.filter((one) => one !== gone); this.refilter(); });
    this.filters.push(filter);
    byId("filters").append(filter.element);
    filter.draw();
    return filter;
  }

  refilter() {
    const { flags, n } = this.cloud, { colour } = this.chosen, groups = colour.isGroup && this.hiddenGroups.size ? this.hiddenGroups : null;
    for (let i = 0; i < n; i++) {
      let isShown = !groups || !groups.has(colour.values[i]);
      for (let k = 0; isShown && k < this.filters.length; k++) isShown = this.filters[k].keeps(i);
      flags[i] = isShown ? flags[i] | SHOWN : flags[i] & ~SHOWN;
    }
    this.flagsChanged();
  }

  flagsChanged() {
    const { flags } = this.cloud;
    let shown = 0, selected = 0;
    this.cloud.hasSelection = false;
    for (let i = 0; i < flags.length; i++) {
      if (flags[i] & SHOWN) shown++;
      if (flags[i] & SELECTED) { this.cloud.hasSelection = true; if (flags[i] & SHOWN) selected++; }
    }
    this.cloud.upload("flags", flags);
    const total = this.run.nParticles.toLocaleString("en");
    byId("counts").textContent = shown === flags.length ? `${total} particles` : `${shown.toLocaleString("en")} of ${total} particles shown`;
    byId("selected-count").textContent = selected ? `${selected.toLocaleString("en")} selected` : "nothing selected";
    this.draw();
  }

  select(rows, mode) {
    applyToSelection(this.cloud, rows, mode);
    this.flagsChanged();
  }

  /** Draw soon; the points only where they changed, not for an outline or a mark. */
  draw(onlyMarks = false) {
    this.arePointsStale ||= !onlyMarks;
    if (this.isDrawWanted) return;
    this.isDrawWanted = true;
    requestAnimationFrame(() => { this.isDrawWanted = false; this.drawNow(); });
  }

  drawNow() {
    if (this.arePointsStale) this.cloud.draw();
    this.arePointsStale = false;
    const canvas = byId("overlay"), ratio = window.devicePixelRatio || 1, context = canvas.getContext("2d");
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    context.scale(ratio, ratio);
    drawAxes(context, this.cloud, PLOT_MARGIN, this.chosen.x.label, this.chosen.y.label);
    this.travel?.draw(context, this.cloud);
    if (this.clicked >= 0) drawMark(context, this.cloud, this.clicked, "#1d2733");
    if (this.outline) {
      context.beginPath();
      this.outline.forEach(([px, py], index) => { if (index) context.lineTo(px, py); else context.moveTo(px, py); });
      context.closePath();
      context.fillStyle = "rgba(0, 114, 178, 0.12)";
      context.fill();
      context.strokeStyle = "#0072B2";
      context.stroke();
    }
  }

  async click(px, py) {
    const row = this.cloud.nearest(px, py);
    if (row < 0) return;
    this.clicked = row;
    this.draw(true);
    if (this.travel.isPicking) this.travel.addAnchor(row);
    if (this.molecule) await this.showParticle(row, `particle row ${row}`);
  }

  /** Its molecule, then its image and what is known of it. */
  async showParticle(row, title) {
    await this.molecule.decode({ row }, title);
    if (this.run.model.hasImages) await this.molecule.showParticle(row);
    const facts = [...this.columns.values()].filter((column) => column.values).map((column) => `${column.label}: ${tickText(column.values[row])}`);
    byId("particle-facts").textContent = facts.join(" · ");
  }

  listen() {
    for (const [id, role] of [["axis-x", "x"], ["axis-y", "y"], ["axis-colour", "colour"]])
      byId(id).onchange = () => attempt(() => { const names = Object.fromEntries(Object.entries(this.chosen).map(([key, column]) => [key, column.name])); names[role] = byId(id).value; return this.setAxes(names.x, names.y, names.colour); });
    byId("filter-column").onchange = (event) => { const name = event.target.value; event.target.value = ""; if (name) attempt(() => this.addFilter(name)); };
    for (const [group, key] of [["tools", "tool"], ["modes", "mode"]]) for (const button of byId(group).children)
      button.onclick = () => { this[key] = button.dataset[key]; for (const other of byId(group).children) other.classList.toggle("on", other === button); };
    byId("select-shown").onclick = () => { const { flags } = this.cloud; for (let i = 0; i < flags.length; i++) flags[i] = flags[i] & SHOWN ? flags[i] | SELECTED : flags[i] & ~SELECTED; this.flagsChanged(); };
    byId("select-invert").onclick = () => { const { flags } = this.cloud; for (let i = 0; i < flags.length; i++) flags[i] ^= SELECTED; this.flagsChanged(); };
    byId("select-none").onclick = () => this.select([], "new");
    byId("save-particles").onclick = () => this.saveSelection("particles");
    byId("save-relion").onclick = () => this.saveSelection("relion-job");
    listenToMouse(this, byId("overlay"));
    new ResizeObserver(() => this.draw()).observe(byId("scatter"));
  }

  async saveSelection(kind) {
    const name = byId("selection-name").value;
    const answer = await attempt(() => ask(`/api/save/selection/${kind}/${encodeURIComponent(name)}`, selectedRows(this.cloud)));
    if (answer) { const { files, particles } = await answer.json(); say(`${particles.toLocaleString("en")} particles saved: ${files.join(", ")}`); }
  }
}

(async () => {
  const run = await attempt(() => askJson("/api/run"));
  if (!run) return;
  window.gem = new Page(run);
  await attempt(() => window.gem.start());
  window.gemIsReady = true;
})();
