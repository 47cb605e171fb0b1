// The mask inside which maps are compared: the landscape's, one made from a density level, or a file.

import { attempt, byId, counted, say } from "./messages.js";
import { NewestRequest } from "./newest_request.js";
import { usableName } from "./names.js";
import { saveUnderName } from "./saving.js";
import { askPacked } from "./server.js";

const MASK_TINT = "#8c8c8c";
const MASK_OPACITY = 0.3;
const MASK_LEVEL = 127.5; // bytes
const UPLOAD = "upload"; // not a mask: opens the choice of a file

export class MaskChooser {
  /** onChange: the chosen mask is another one. */
  constructor(landscape, molecule, onChange) {
    this.molecule = molecule;
    this.onChange = onChange;
    this.requests = new NewestRequest();
    this.kind = byId("mask-kind");
    [this.level, this.dilate, this.edge] = ["mask-level", "mask-dilate", "mask-edge"].map(byId);
    this.level.value = landscape.maskLevel;
    this.fillKinds(landscape.masks);
    this.kind.onchange = () => this.choose();
    for (const input of [this.level, this.dilate, this.edge]) input.onchange = () => this.changed();
    this.level.oninput = () => { byId("mask-level-text").textContent = Number(this.level.value).toFixed(2); };
    this.level.oninput();
    byId("mask-show").onclick = () => this.toggle();
    byId("mask-save").onclick = () => attempt(() => this.save());
    byId("mask-file").onchange = (event) => {
      attempt(() => this.upload(event.target.files[0]));
      event.target.value = "";
    };
    attempt(() => this.update());
  }

  fillKinds(files) {
    this.kind.replaceChildren(
      new Option("landscape mask", "landscape"),
      new Option("from a density level", "made"),
      ...files.map((name) => new Option(name, `file:${name}`)),
      new Option("upload a file ...", UPLOAD),
    );
  }

  hasFile(name) {
    return [...this.kind.options].some(({ value }) => value === `file:${name}`);
  }

  /** As the server takes it. */
  request() {
    const { value } = this.kind;
    if (value.startsWith("file:")) return { kind: "file", file: value.slice("file:".length) };
    if (value !== "made") return { kind: "landscape" };
    const [level, dilate, edge] = [this.level, this.dilate, this.edge].map((input) => Number(input.value));
    return { kind: "made", level, dilate, edge };
  }

  /** The fields as a saved session has them. */
  restore(request) {
    this.kind.value = request.kind === "file" ? `file:${request.file}` : request.kind;
    if (request.kind === "made")
      [this.level.value, this.dilate.value, this.edge.value] = [request.level, request.dilate, request.edge];
    this.level.oninput();
    byId("mask-made").hidden = this.kind.value !== "made";
  }

  choose() {
    if (this.kind.value === UPLOAD) {
      this.kind.value = this.before ?? "landscape";
      byId("mask-file").click();
      return;
    }
    this.before = this.kind.value;
    this.changed();
  }

  async changed() {
    byId("mask-made").hidden = this.kind.value !== "made";
    await attempt(async () => {
      await this.update();
      await this.onChange();
    });
  }

  toggle() {
    this.isShown = !this.isShown;
    byId("mask-show").classList.toggle("on", this.isShown);
    attempt(() => this.update());
  }

  /** Its size in words, and its surface where that is shown. */
  async update() {
    const answer = await this.requests.run((signal) => askPacked("/api/mask", this.request(), signal));
    if (!answer) return;
    const { voxels, fractionOfBox, cubicNanometres } = answer.head;
    byId("mask-size").textContent =
      `${counted(voxels, "voxel")}, ${(100 * fractionOfBox).toPrecision(2)} % of the box, ` +
      `${cubicNanometres.toPrecision(3)} nm³`;
    const cover = { bytes: answer.parts[0], level: MASK_LEVEL, tint: MASK_TINT, opacity: MASK_OPACITY };
    this.molecule.cover = this.isShown ? cover : null;
    await this.molecule.drawSurface();
  }

  async upload(file) {
    if (!file) return;
    const field = { value: nameOfFile(file.name) };
    await this.keep(field, (name) => `/api/mask/${name}`, await file.arrayBuffer());
  }

  save() {
    return this.keep(byId("mask-name"), (name) => `/api/save/mask/${name}`, this.request());
  }

  async keep(field, address, content) {
    const answer = await saveUnderName(field, address, content);
    if (answer) await this.take(answer);
  }

  async take({ file, files, command, notices }) {
    this.fillKinds(files);
    this.kind.value = this.before = `file:${file}`;
    await this.changed();
    const saved = `mask saved as ${file}; to make a whole landscape with it: ${command}`;
    say([saved, ...notices].join(". "));
  }
}

/** A name that the server takes, of any file name. */
export function nameOfFile(fileName) {
  return usableName(fileName.replace(/\.\w+$/, ""), "mask");
}
