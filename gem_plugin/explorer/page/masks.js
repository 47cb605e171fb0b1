"use strict";
// Which part of the space the states look at: the landscape's mask, one made here, or a file; shown about the molecule.

const MASK_TINT = "#8c8c8c", MASK_OPACITY = 0.3;

class MaskChooser {
  constructor(page, landscape, onChange) {
    this.page = page;
    this.onChange = onChange;
    [this.kind, this.level, this.dilate, this.edge] = ["mask-kind", "mask-level", "mask-dilate", "mask-edge"].map(byId);
    this.level.value = landscape.maskLevel;
    this.fillKinds(landscape.masks);
    this.kind.onchange = () => this.choose();
    for (const input of [this.level, this.dilate, this.edge]) input.onchange = () => this.changed();
    this.level.oninput = () => { byId("mask-level-text").textContent = Number(this.level.value).toFixed(2); };
    byId("mask-show").onclick = () => { this.isShown = !this.isShown; byId("mask-show").classList.toggle("on", this.isShown); attempt(() => this.look()); };
    byId("mask-save").onclick = () => this.save();
    byId("mask-file").onchange = (event) => { this.send(event.target.files[0]); event.target.value = ""; };
    this.level.oninput();
    attempt(() => this.look());
  }

  fillKinds(files) {
    const options = [new Option("of the landscape", "landscape"), new Option("made here", "made"), ...files.map((name) => new Option(name, `file:${name}`)), new Option("from a file ...", "send")];
    this.kind.replaceChildren(...options);
  }

  /** As the server wants it. */
  wish() {
    const { value } = this.kind;
    if (value === "made") return { kind: "made", level: Number(this.level.value), dilate: Number(this.dilate.value), edge: Number(this.edge.value) };
    return value.startsWith("file:") ? { kind: "file", file: value.slice(5) } : { kind: "landscape" };
  }

  /** Fields as a saved session has them. */
  restore(wish) {
    this.kind.value = wish.kind === "file" ? `file:${wish.file}` : wish.kind;
    if (!this.kind.value) { say(`The mask ${wish.file} is no longer there; the landscape's is used.`, true); this.kind.value = "landscape"; }
    if (wish.kind === "made") [this.level.value, this.dilate.value, this.edge.value] = [wish.level, wish.dilate, wish.edge];
    this.level.oninput();
    byId("mask-made").hidden = this.kind.value !== "made";
  }

  choose() {
    if (this.kind.value === "send") {
      this.kind.value = this.before ?? "landscape";
      byId("mask-file").click();
      return;
    }
    this.before = this.kind.value;
    this.changed();
  }

  async changed() {
    byId("mask-made").hidden = this.kind.value !== "made";
    await attempt(async () => { await this.look(); await this.onChange(); });
  }

  /** Its size in words, and its surface where that is wanted. */
  async look() {
    const { head, bytes } = await askPacked("/api/mask", this.wish());
    byId("mask-size").textContent = `${head.voxels.toLocaleString("en")} voxels, ${(100 * head.shareOfBox).toPrecision(2)} % of the box, ${head.cubicNanometres.toPrecision(3)} nm³`;
    const { molecule } = this.page;
    molecule.cover = this.isShown ? { bytes: new Uint8Array(bytes), level: 127.5, tint: MASK_TINT, opacity: MASK_OPACITY } : null;
    await molecule.drawSurface();
  }

  async send(file) {
    if (!file) return;
    const name = file.name.replace(/\.\w+$/, "").replace(/[^A-Za-z0-9_-]/g, "_").replace(/^[^A-Za-z0-9]+/, "").slice(0, 60) || "mask";
    const answer = await attempt(async () => askJson(`/api/mask/${name}`, await file.arrayBuffer()));
    if (answer) await this.take(answer);
  }

  async save() {
    const name = byId("mask-name").value;
    const answer = await attempt(() => askJson(`/api/save/mask/${encodeURIComponent(name)}`, this.wish()));
    if (answer) await this.take(answer);
  }

  async take({ file, files, command }) {
    this.fillKinds(files);
    this.kind.value = this.before = `file:${file}`;
    await this.changed();
    say(`mask kept as ${file}; a whole landscape with it: ${command}`);
  }
}
