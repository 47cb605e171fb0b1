// The right side: one molecule with its title, slices, images and facts. What is there always belongs
// together: all of it comes with one answer, and is exchanged when the new surface is drawn.

import { atomsIn, AtomsPanel } from "./atoms_panel.js";
import { canvasWithCaption, drawCleanImage, drawNoisyImage, drawSlices } from "./grey_images.js";
import { LevelControl } from "./level_control.js";
import { LinkedViews } from "./linked_views.js";
import { byId } from "./messages.js";
import { usableName } from "./names.js";
import { asFloats, askInParts } from "./server.js";
import { SurfaceView } from "./surface_view.js";
import { TiltMontage } from "./tilt_montage.js";
import { ViewControls } from "./view_controls.js";

export const SURFACE_TINT = "#579ed9";
export const NEGATIVE_TINT = "#d55e00";
const TINT_ABOUT_DIFFERENCE = "#9aa4ae";
const OPACITY_ABOUT_DIFFERENCE = 0.3;
const OPACITY_ABOUT_ATOMS = 0.45;
const COARSE_STEP = 2; // voxels of the model along a side of one of a coarse map
const ZERO_OF_SIGNED = 127.5; // bytes of a difference
const LARGEST_SIGNED = 120;
export const OWN_SCALE_PER_LEVEL = 1;

export class MoleculePanel {
  /**
   * requests: a NewestRequest, shared with whatever else decides what is shown here.
   * factsOf(row): what is known of a particle, in words; mark(row): mark it in the plot (-1: none).
   */
  constructor(model, requests, { factsOf, mark }) {
    this.model = model;
    this.requests = requests;
    this.factsOf = factsOf;
    this.mark = mark;
    this.cover = null; // the mask about the molecule, where it is shown
    this.subject = null; // what arrived last, and is or will soon be on the canvas
    this.mapStates = null; // the states that the page shows, one of each sketch map
    this.nLoading = 0;
    this.milliseconds = {}; // the last molecule took: the answer, its surface, everything; for the benchmark
    this.view = new SurfaceView(byId("surface"), model);
    this.slices = ["z slice", "y slice", "x slice"].map((text) => canvasWithCaption(byId("slices"), text));
    const captions = model.hasImages && !model.hasTilts ? ["", ""] : [];
    this.images = captions.map((text) => canvasWithCaption(byId("particle"), text));
    this.tilts = model.hasTilts ? new TiltMontage(byId("particle")) : null;
    this.levels = new LevelControl(model, () => this.drawSurface());
    this.level = this.levels.slider;
    this.linked = new LinkedViews(byId("linked-views"), this.view, model);
    const nameOfPicture = () => usableName(this.subject?.title ?? "", "molecule");
    const pictured = () => (this.linked.isShown ? this.linked : this.view);
    this.controls = new ViewControls(this.view, nameOfPicture, pictured);
    this.position = byId("slice-position");
    this.position.oninput = () => this.drawSlices();
    this.atoms = new AtomsPanel(this.view, () => this.showAgain());
  }

  get isBusy() {
    return this.nLoading > 0;
  }

  /** A particle's molecule, image and facts. */
  showParticle(row, title = `particle row ${row}`) {
    this.mark(row);
    return this.requests.run((signal) => this.load({ row }, title, signal));
  }

  /**
   * A point of the latent space, while a slider moves; gives false where something else was asked for.
   * sureness: { fade, certainty }: how opaque it is drawn, less where few particles are near; and in words.
   */
  followLatents(latents, title, sureness = {}) {
    this.mark(-1);
    return this.requests.follow((signal) => this.load({ latents, ...sureness }, title, signal));
  }

  /** A particle's molecule while the mouse moves over the plot: quick and coarse, without its images. */
  followRow(row, title) {
    this.mark(row);
    return this.requests.follow((signal) => this.load({ row, isCoarse: true }, title, signal));
  }

  /** The molecule that is there, asked for again: with atoms that were loaded meanwhile, or without. */
  async showAgain() {
    const { request, title, latents } = this.subject ?? {};
    if (!latents) return this.drawSurface();
    return this.requests.run((signal) => this.load({ ...request, isCoarse: undefined }, title, signal));
  }

  /** state: { mapStates, number, kind, other, certainty }, the last in words */
  showStateMap(state, title) {
    this.mark(-1);
    return this.requests.run((signal) => this.load(state, title, signal));
  }

  /**
   * A map that another part of the page asks for. ask(signal) gives a title, its volume, and as needed:
   * isSigned; overlay, a difference as bytes, drawn on the volume; hasOwnScale of the difference;
   * densityOf255, where that is not the model's; certainty; mapSigma, the standard deviation of the map;
   * surfaces, where others than that of the volume are drawn, each with bytes, tint, opacity and mapSigma;
   * isSideBySide, where each of them, with its name, has a view of its own.
   */
  showOther(ask) {
    this.mark(-1);
    return this.requests.run(async (signal) => {
      this.nLoading++;
      try {
        const given = await ask(signal);
        if (signal.aborted) return false;
        const nothing = { row: -1, latents: null, isSigned: false, certainty: "", images: null };
        await this.show({ request: {}, ...nothing, ...given });
        return true;
      } finally {
        this.nLoading--;
      }
    });
  }

  /** Ask for what is described and show it; nothing changes where the signal is aborted meanwhile. */
  async load(request, title, signal) {
    const start = performance.now();
    const isState = "mapStates" in request;
    const withImages = this.model.hasImages && "row" in request && !request.isCoarse;
    const body = isState ? request : { ...request, withImages, atoms: this.atoms.key };
    this.nLoading++;
    try {
      const answer = askInParts(isState ? "/api/state-map" : "/api/molecule", body, signal);
      const subject = subjectOf(await next(answer), await next(answer), request, title);
      if (subject.hasAtoms) subject.atoms = atomsIn(asFloats(await next(answer)));
      if (signal.aborted) return false;
      if (subject.hasAtoms === false) this.atoms.sendAgain();
      this.milliseconds.answer = performance.now() - start;
      await Promise.all([this.show(subject), this.addImages(subject, next(answer), signal)]);
      this.milliseconds.all = performance.now() - start;
      return true;
    } catch (error) {
      if (!signal.aborted) this.mark(this.subject?.row ?? -1);
      throw error;
    } finally {
      this.nLoading--;
    }
  }

  /** The images of a particle arrive a moment after its molecule, which is drawn meanwhile. */
  async addImages(subject, part, signal) {
    const bytes = await part;
    if (!bytes || signal.aborted) return;
    subject.images = asFloats(bytes);
    if (this.presented === subject) this.presentImages(subject);
  }

  async show(subject) {
    this.subject = subject;
    this.levels.follow(subject);
    await this.drawSurface();
  }

  async drawSurface() {
    const { subject } = this;
    this.levels.show();
    if (!subject) return;
    const start = performance.now();
    const onShown = () => this.present(subject);
    if (subject.isSideBySide) await this.linked.show(this.mapsOf(subject), onShown);
    else {
      this.linked.hide();
      await this.view.show(this.shapesOf(subject), onShown, () => this.atoms.follow(subject));
    }
    this.milliseconds.surface = performance.now() - start;
  }

  shapesOf({ volume, isSigned, isCoarse, overlay, hasOwnScale, request, surfaces }) {
    const level = Number(this.level.value);
    const opacity = (this.view.atoms.isThere ? OPACITY_ABOUT_ATOMS : 1) * (request.fade ?? 1);
    const cover = this.cover ? [this.cover] : [];
    const half = signedLevelOf(level, hasOwnScale);
    if (surfaces) return [...surfaces.map((one) => this.shapeOf(one, opacity)), ...cover];
    if (isSigned) return [...signedShapes(volume, half, opacity), ...cover];
    const step = isCoarse ? COARSE_STEP : 1;
    if (!overlay) return [{ bytes: volume, level: level - 0.5, tint: SURFACE_TINT, opacity, step }, ...cover];
    const about = { tint: TINT_ABOUT_DIFFERENCE, opacity: OPACITY_ABOUT_DIFFERENCE };
    const mean = { bytes: volume, level: level - 0.5, ...about };
    return [...signedShapes(overlay, half, opacity), mean, ...cover];
  }

  /** Each surface for a view of its own, where nothing is behind it. */
  mapsOf({ surfaces }) {
    const cover = this.cover ? [this.cover] : [];
    return surfaces.map((one) => ({
      name: one.name,
      colour: one.tint,
      shapes: [this.shapeOf({ ...one, opacity: 1 }, 1), ...cover],
    }));
  }

  /** One of several surfaces. opacity: of all of them. */
  shapeOf({ mapSigma, opacity: own, name: _, ...surface }, opacity) {
    return { ...surface, level: this.levels.bytesFor(mapSigma) - 0.5, opacity: own * opacity };
  }

  /** Everything beside the surface, in the moment in which the surface is drawn. */
  present(subject) {
    if (this.presented === subject) return;
    this.presented = subject;
    this.presentTitle();
    byId("particle-certainty").textContent = subject.certainty;
    byId("particle-facts").textContent = subject.row < 0 ? "" : this.factsOf(subject.row);
    this.presentImages(subject);
    this.drawSlices();
  }

  /** A map of states that were clustered in another way is not that of the state with its number now. */
  presentTitle() {
    if (!this.presented) return;
    const { title, request } = this.presented;
    const isOfEarlierStates = request.mapStates && String(request.mapStates) !== String(this.mapStates);
    byId("molecule-title").textContent = isOfEarlierStates ? `${title}, of earlier states` : title;
  }

  /** The page has other states from now on. */
  setStates(mapStates) {
    this.mapStates = mapStates;
    this.presentTitle();
  }

  /** Those of another particle are hidden at once. */
  presentImages({ row, images, imageSize: size, tilts }) {
    byId("particle").classList.toggle("empty", !images);
    if (!images) return;
    if (tilts) return void this.tilts.show(row, tilts, images, size);
    const [image, projection] = this.images;
    image.nextElementSibling.textContent = `image of row ${row}, low-pass filtered`;
    projection.nextElementSibling.textContent = "projection of the model with CTF";
    drawNoisyImage(image, images.subarray(0, size * size), size);
    drawCleanImage(projection, images.subarray(size * size), size);
  }

  drawSlices() {
    const { windowSize, pixelSize } = this.model;
    const fraction = Number(this.position.value);
    const fromCentre = (Math.floor(fraction * windowSize) - windowSize / 2) * pixelSize;
    byId("slice-text").textContent = `${fromCentre.toFixed(0)} Å`;
    if (!this.presented || this.presented.isCoarse) return; // a sharp one follows
    drawSlices(this.slices, this.presented.volume, windowSize, fraction, this.presented.isSigned);
  }

  /** As a saved session has them: which molecule, and from where it is seen. */
  settings() {
    return {
      shown: Object.keys(this.subject?.request ?? {}).length ? this.subject.request : null,
      title: this.subject?.title ?? "",
      level: this.level.value,
      slice: this.position.value,
      orientation: this.view.orientation(),
    };
  }

  async restore({ shown, title, level, slice, orientation }, signal) {
    [this.level.value, this.position.value] = [level, slice];
    this.levels.inSigma = null;
    this.view.orient(orientation);
    if (!shown || signal.aborted) return this.drawSurface();
    this.mark(shown.row ?? -1);
    return this.load(shown, title, signal);
  }
}

/**
 * How far from zero the surfaces of a difference are drawn, in bytes of 127. level: of the slider.
 * hasOwnScale: 127 is the largest difference, not the scale of the maps.
 */
export function signedLevelOf(level, hasOwnScale) {
  return hasOwnScale ? Math.min(LARGEST_SIGNED, OWN_SCALE_PER_LEVEL * level) : Math.max(2, level / 2);
}

/** Surfaces of more and of less density. */
function signedShapes(volume, half, opacity) {
  const negative = volume.map((value) => 255 - value);
  return [
    { bytes: volume, level: ZERO_OF_SIGNED + half, tint: SURFACE_TINT, opacity },
    { bytes: negative, level: ZERO_OF_SIGNED - 1 + half, tint: NEGATIVE_TINT, opacity },
  ];
}

/** What an answer holds, but for the images. request: kept so that a session can ask again. */
function subjectOf(head, volume, request, title) {
  return {
    request,
    title,
    row: request.row ?? -1,
    latents: head.latents ?? null,
    isSigned: Boolean(head.isSigned),
    isCoarse: Boolean(head.isCoarse),
    hasAtoms: head.hasAtoms,
    certainty: head.certainty ?? request.certainty ?? "",
    volume,
    mapSigma: head.mapSigma,
    images: null,
    imageSize: head.imageSize,
    tilts: head.tilts,
  };
}

async function next(parts) {
  return (await parts.next()).value;
}
