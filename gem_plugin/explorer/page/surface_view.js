"use strict";
// The molecule in NGL (npm: ngl): surfaces of equal density that turn under the mouse, and the user's own atoms among them.

const SURFACE_TINT = "#579ed9";
const NEGATIVE_TINT = "#d55e00";
const OUTSIDE = "back"; // the triangles that NGL makes of a volume face inwards; to draw one side only halves the time
const CLOSER = 0.78; // than what shows the corners of the window from every side: molecules leave them empty

class SurfaceView {
  /** element: the place of the viewer; model: its grid (voxels, Å). */
  constructor(element, model) {
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("This browser has no WebGL: molecules cannot be shown. Everything else works.");
    this.element = element;
    this.bar = byId("scale-bar");
    this.stage = new NGL.Stage(element, { backgroundColor: "white", cameraType: "orthographic", tooltip: false, sampleLevel: -1, clipDist: 0, clipNear: -100, clipFar: 200, fogNear: 55, fogFar: 120 });
    this.size = model.windowSize;
    this.toAngstroms = new NGL.Matrix4().makeScale(model.pixelSize, model.pixelSize, model.pixelSize)
      .setPosition(...[0, 1, 2].map(() => model.windowFirst * model.pixelSize));
    this.components = [];
    this.hidden = [];
    this.listen();
  }

  /**
   * shapes: surfaces of volumes (bytes, x fastest) with level, tint and opacity. Resolves when they are on the canvas;
   * of wishes that come meanwhile only the newest is kept.
   */
  show(shapes) {
    this.wanted = shapes;
    this.building ??= this.buildWanted().finally(() => { this.building = null; });
    return this.building;
  }

  async buildWanted() {
    while (this.wanted) {
      const shapes = this.wanted, earlier = this.components;
      this.wanted = null;
      for (const component of this.hidden) this.stage.removeComponent(component);
      this.components = shapes.map((shape) => this.add(shape));
      await new Promise((resolve) => this.stage.tasks.onZeroOnce(resolve));
      for (const component of earlier) component.setVisibility(false);
      this.hidden = earlier; // removed next time: their shaders are then in use by their followers, and not made anew
      if (!earlier.length) this.seeEverything();
      this.draw();
    }
  }

  add({ bytes, level, tint, opacity = 1 }) {
    const volume = new NGL.Volume("density", "", bytes, this.size, this.size, this.size);
    volume.setMatrix(this.toAngstroms);
    const component = this.stage.addComponentFromObject(volume);
    component.addRepresentation("surface", { isolevelType: "value", isolevel: level, smooth: 0, color: tint, opacity, side: OUTSIDE, opaqueBack: false, depthWrite: opacity === 1, useWorker: false, disablePicking: true });
    return component;
  }

  /** The user's own atomic model (PDB or mmCIF, in the frame of the map); it stays on this machine. */
  async showAtoms(file) {
    if (this.atoms) this.stage.removeComponent(this.atoms);
    this.atoms = null;
    const extension = file.name.split(".").pop().toLowerCase();
    this.atoms = await this.stage.loadFile(file, { ext: extension, name: file.name });
    if (!this.atoms?.structure?.atomCount) throw new Error(`No atoms were found in ${file.name}; expected a PDB or mmCIF file.`);
    this.atoms.addRepresentation("cartoon", { color: "chainindex", useWorker: false });
    this.atoms.addRepresentation("ball+stick", { sele: "ligand", useWorker: false });
    return this.atoms.structure.atomCount;
  }

  seeEverything() {
    const controls = this.stage.viewerControls;
    this.components[0].autoView(0);
    controls.orient(new NGL.Matrix4().makeRotationX(-Math.PI / 2).multiply(controls.getOrientation()));
    this.components[0].autoView(0);
    controls.distance(controls.getCameraDistance() * CLOSER);
  }

  /** Turn, place and zoom of the view: sixteen numbers. */
  orientation() {
    this.draw(); // NGL's answer is as old as its last drawing
    return this.stage.viewerControls.getOrientation().elements.slice();
  }

  orient(numbers) { this.stage.viewerControls.orient(new NGL.Matrix4().fromArray(numbers)); }

  draw() { this.stage.viewer.render(); }

  drawSoon() {
    this.drawing ??= requestAnimationFrame(() => { this.drawing = null; this.draw(); });
  }

  get canvas() { return this.stage.viewer.renderer.domElement; }

  countTriangles() {
    const buffers = this.components.flatMap((component) => component.reprList.flatMap((one) => one.repr.bufferList));
    return buffers.reduce((sum, buffer) => sum + buffer.geometry.index.count / 3, 0);
  }

  /** The view as a PNG data address, on white. */
  picture() {
    this.draw();
    const copy = document.createElement("canvas"), context = copy.getContext("2d");
    [copy.width, copy.height] = [this.canvas.width, this.canvas.height];
    context.fillStyle = "#fff";
    context.fillRect(0, 0, copy.width, copy.height);
    context.drawImage(this.canvas, 0, 0);
    return copy.toDataURL("image/png");
  }

  listen() {
    const { mouseControls, viewer, viewerControls } = this.stage;
    mouseControls.clear();
    mouseControls.add("drag-left", NGL.MouseActions.rotateDrag);
    mouseControls.add("drag-right", NGL.MouseActions.panDrag);
    mouseControls.add("drag-shift-left", NGL.MouseActions.panDrag);
    mouseControls.add("scroll", NGL.MouseActions.zoomScroll);
    viewer.requestRender = () => {}; // NGL asks for three drawings each time a surface is exchanged; we draw when we know of a change
    viewerControls.signals.changed.add(() => this.drawSoon());
    viewer.signals.rendered.add(() => this.drawScaleBar());
    new ResizeObserver(() => { this.stage.handleResize(); this.drawSoon(); }).observe(this.element);
  }

  /** A round length that takes a fifth to a third of the width. */
  drawScaleBar() {
    const perAngstrom = 1 / this.stage.viewerControls.getCanvasScaleFactor(), wanted = (0.35 * this.element.clientWidth) / perAngstrom;
    const power = 10 ** Math.floor(Math.log10(wanted)), length = [5, 2, 1].find((step) => step * power <= wanted) * power;
    this.bar.style.width = `${length * perAngstrom}px`;
    this.bar.textContent = `${length} Å`;
  }
}
