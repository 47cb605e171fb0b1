"use strict";
// The molecule panel: asks for a map, makes its surface, draws sections; keeps up while the mouse moves.

const OPACITY_ABOUT_ATOMS = 0.45;

class Molecule {
  constructor(model) {
    this.model = model;
    this.cover = null; // the mask about the molecule, where it is shown
    this.view = new SurfaceView(byId("surface"), model);
    this.sections = ["across z", "across y", "across x"].map((title) => pictureIn(byId("sections"), title));
    this.pictures = (model.hasImages ? ["particle, smoothed", "what the model expects"] : []).map((title) => pictureIn(byId("particle"), title));
    this.level = byId("level");
    this.place = byId("section-place");
    this.level.value = Math.max(1, Math.min(200, Math.round((255 * model.level) / model.densityOf255)));
    this.level.oninput = () => this.drawSurface();
    this.place.oninput = () => this.drawSections();
    byId("atoms-file").onchange = (event) => attempt(() => this.showAtoms(event.target.files[0]));
    this.waiting = null;
    this.isBusy = false;
    this.milliseconds = {}; // what the last molecule took: the answer, its surface, everything; for the benchmark
  }

  /** Decode and show; while one is on its way only the newest further wish is kept. */
  async decode(wish, title) {
    if (this.isBusy) { this.waiting = [wish, title]; return; }
    this.isBusy = true;
    const start = performance.now();
    const answer = await attempt(() => askPacked("/api/molecule", wish));
    if (answer) {
      const arrived = performance.now();
      this.latents = answer.head.latents;
      await this.show(answer.bytes, title);
      this.milliseconds.answer = arrived - start;
      this.milliseconds.all = performance.now() - start;
    }
    this.isBusy = false;
    if (this.waiting) { const next = this.waiting; this.waiting = null; await this.decode(...next); }
  }

  /** A volume: its surface first. */
  async show(bytes, title, isSigned = false) {
    this.volume = new Uint8Array(bytes);
    this.isSigned = isSigned;
    byId("molecule-title").textContent = title;
    await this.drawSurface();
    this.drawSections();
  }

  async drawSurface() {
    if (!this.volume) return;
    const level = Number(this.level.value), half = Math.max(2, level / 2), cover = this.cover ? [this.cover] : [];
    byId("level-text").textContent = ((level / 255) * this.model.densityOf255).toPrecision(3);
    const start = performance.now(), opacity = this.view.atoms ? OPACITY_ABOUT_ATOMS : 1;
    await this.view.show(this.isSigned ? [
      { bytes: this.volume, level: 127.5 + half, tint: SURFACE_TINT, opacity },
      { bytes: this.volume.map((value) => 255 - value), level: 126.5 + half, tint: NEGATIVE_TINT, opacity },
      ...cover,
    ] : [{ bytes: this.volume, level: level - 0.5, tint: SURFACE_TINT, opacity }, ...cover]);
    this.milliseconds.surface = performance.now() - start;
  }

  /** The user's own model inside the surface. */
  async showAtoms(file) {
    if (!file) return;
    const count = await this.view.showAtoms(file);
    await this.drawSurface();
    say(`${count.toLocaleString("en")} atoms of ${file.name}`);
  }

  /** As a saved session has them: which molecule, and from where it is seen. */
  settings() {
    return { latents: this.latents, title: byId("molecule-title").textContent, level: this.level.value, section: this.place.value, orientation: this.view.orientation() };
  }

  async restore({ latents, title, level, section, orientation }) {
    [this.level.value, this.place.value] = [level, section];
    this.view.orient(orientation);
    if (latents) await this.decode({ latents }, title);
  }

  drawSections() {
    const fromCentre = (Math.floor(Number(this.place.value) * this.model.windowSize) - this.model.windowSize / 2) * this.model.pixelSize;
    byId("section-text").textContent = `${fromCentre.toFixed(0)} Å`;
    if (this.volume) drawSections(this.sections, this.volume, this.model.windowSize, Number(this.place.value), this.isSigned);
  }

  async showParticle(row) {
    const answer = await attempt(() => askPacked(`/api/particle/${row}`));
    if (!answer) return;
    const { size } = answer.head, values = new Float32Array(answer.bytes);
    this.pictures[0].nextElementSibling.textContent = `particle row ${row}, smoothed`;
    drawNoisyImage(this.pictures[0], values.subarray(0, size * size), size);
    drawCleanImage(this.pictures[1], values.subarray(size * size), size);
  }
}
