"use strict";
// Paths between anchors: the molecule moves while the slider is dragged; maps and movies of the way.

class Travel {
  constructor(page) {
    this.page = page;
    this.anchors = [];
    this.path = null;
    this.isPicking = false;
    this.slider = byId("path-place");
    this.kind = byId("path-kind");
    for (const kind of page.run.pathKinds) this.kind.add(new Option(kind));
    byId("anchors").onclick = () => { this.isPicking = !this.isPicking; byId("anchors").classList.toggle("on", this.isPicking); };
    byId("path-make").onclick = () => this.make();
    byId("path-clear").onclick = () => { this.anchors = []; this.setPath(null); };
    byId("path-play").onclick = () => this.play();
    byId("save-maps").onclick = () => this.saveMaps();
    byId("save-movie").onclick = () => this.saveMovie();
    this.slider.oninput = () => this.goTo(Number(this.slider.value));
  }

  name() { return byId("path-name").value; }

  /** As a saved session has them. */
  settings() { return { anchors: this.anchors, path: this.path, pathKind: this.kind.value, place: Number(this.slider.value) }; }

  restore({ anchors, path, pathKind, place }) {
    this.anchors = anchors;
    if (pathKind) this.kind.value = pathKind;
    this.setPath(path ?? null);
    this.slider.value = place ?? 0;
  }

  addAnchor(row) {
    this.anchors.push(row);
    this.page.draw(true);
    say(`${this.anchors.length} anchors: rows ${this.anchors.join(", ")}`);
  }

  async make() {
    const { x, y } = this.page.chosen;
    const wanted = { kind: this.kind.value, anchors: this.anchors, nPoints: Number(byId("path-points").value), x: x.name, y: y.name };
    const path = await attempt(() => askJson("/api/path", wanted));
    if (!path) return;
    this.setPath(path);
    await this.goTo(0);
  }

  setPath(path) {
    this.path = path;
    for (const id of ["path-place", "path-play", "save-maps", "save-movie"]) byId(id).disabled = !path;
    this.slider.value = 0;
    this.page.draw(true);
  }

  /** Latents at a fraction of the way, between the path's points. */
  latentsAt(fraction) {
    const points = this.path.latents, at = fraction * (points.length - 1), below = Math.min(Math.floor(at), points.length - 2);
    return points[below].map((value, axis) => value + (at - below) * (points[below + 1][axis] - value));
  }

  goTo(fraction) {
    this.page.draw(true);
    return this.page.molecule.decode({ latents: this.latentsAt(fraction) }, `path, ${Math.round(100 * fraction)} %`);
  }

  async play() {
    const button = byId("path-play");
    if (this.isPlaying) { this.isPlaying = false; return; }
    this.isPlaying = true;
    button.textContent = "stop";
    for (let step = 0; this.isPlaying && this.path; step = (step + 1) % 80) {
      const fraction = step < 40 ? step / 40 : 2 - step / 40;
      this.slider.value = fraction;
      await this.goTo(fraction);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    this.isPlaying = false;
    button.textContent = "play";
  }

  async saveMaps() {
    const answer = await attempt(() => askJson(`/api/save/maps/${encodeURIComponent(this.name())}`, { latents: this.path.latents }));
    if (answer) say(`${answer.files.length - 1} maps saved: ${answer.files[1]} and so on`);
  }

  async saveMovie() {
    const frames = [], n = Math.max(20, this.path.latents.length);
    for (let step = 0; step < n; step++) {
      say(`drawing frame ${step + 1} of ${n}`);
      await this.goTo(step / (n - 1));
      frames.push(this.page.molecule.view.picture());
    }
    const answer = await attempt(() => askJson(`/api/save/movie/${encodeURIComponent(this.name())}`, { frames }));
    if (answer) say(`movie saved: ${answer.files.join(", ")}. ${answer.hint}`);
  }

  /** Anchors and the particles of the path, on the overlay. */
  draw(context, cloud) {
    const rows = this.path ? this.path.rows : [];
    context.strokeStyle = "#1d2733";
    context.lineWidth = 2;
    context.beginPath();
    rows.forEach((row, index) => { const [px, py] = cloud.toPixel(cloud.x[row], cloud.y[row]); if (index) context.lineTo(px, py); else context.moveTo(px, py); });
    context.stroke();
    if (rows.length) {
      const at = Number(this.slider.value) * (rows.length - 1), below = Math.min(Math.floor(at), rows.length - 2), share = at - below;
      const [from, to] = [rows[below], rows[below + 1]].map((row) => cloud.toPixel(cloud.x[row], cloud.y[row]));
      context.beginPath();
      context.arc(from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1]), 5, 0, 2 * Math.PI);
      context.fillStyle = "#1d2733";
      context.fill();
    }
    context.lineWidth = 1;
    this.anchors.forEach((row, index) => drawMark(context, cloud, row, "#D55E00", String(index + 1)));
  }
}

function drawMark(context, cloud, row, colour, text = "") {
  const [px, py] = cloud.toPixel(cloud.x[row], cloud.y[row]);
  context.beginPath();
  context.arc(px, py, 6, 0, 2 * Math.PI);
  context.strokeStyle = "#fff";
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
  context.lineWidth = 1;
  context.fillStyle = colour;
  context.textAlign = "left";
  context.fillText(text, px + 9, py - 6);
}
