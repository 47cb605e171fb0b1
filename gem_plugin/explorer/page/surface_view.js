// The molecule in NGL (npm: ngl): surfaces of equal density that the mouse rotates, and the user's own atoms.

import { onThemeChange, themeColour } from "../../reports/page/house_theme.js";
import { byId } from "./messages.js";
import { SurfaceAtoms } from "./surface_atoms.js";
import { orientationAlong } from "./view_axes.js";

const INSIDE_OUT = "back"; // NGL's triangles of a volume face inwards; to draw one side only halves the time
const CLOSER = 0.78; // than what shows the corners of the window from every side: molecules leave them empty
const STAGE_SETTINGS = {
  cameraType: "orthographic",
  tooltip: false,
  sampleLevel: -1,
  clipDist: 0,
  clipNear: -100,
  clipFar: 200,
  fogNear: 55,
  fogFar: 120,
};

export class SurfaceView {
  /** element: where it is drawn; model: its grid (voxels, Å); bar: of the scale, if not the page's. */
  constructor(element, model, bar = null) {
    if (!document.createElement("canvas").getContext("webgl2"))
      throw new Error("This browser has no WebGL: molecules cannot be shown. Everything else works.");
    const { windowFirst, windowSize, pixelSize } = model;
    this.element = element;
    this.bar = bar ?? byId("scale-bar");
    this.isCovered = false; // by other views: then nobody sees it
    this.clipped = () => {}; // (depth)
    const backgroundColor = themeColour("paper");
    this.stage = new NGL.Stage(element, { ...STAGE_SETTINGS, backgroundColor });
    this.size = windowSize;
    this.toAngstroms = new NGL.Matrix4()
      .makeScale(pixelSize, pixelSize, pixelSize)
      .setPosition(...[0, 1, 2].map(() => windowFirst * pixelSize));
    this.components = [];
    this.atoms = new SurfaceAtoms(this.stage);
    this.hidden = [];
    this.depth = 0; // of the plane that cuts the front away, in percent of the window
    this.listen();
  }

  /**
   * shapes: surfaces of volumes (bytes, x fastest) with level, tint, opacity, further parameters of NGL, and
   * colouredBy, another volume. onShown is called when they are on the canvas; of those that come meanwhile
   * only the newest are drawn. beforeDrawn is called just before, for what moves with them. Resolves when
   * all is drawn.
   */
  show(shapes, onShown, beforeDrawn = () => {}) {
    this.next = { shapes, onShown, beforeDrawn };
    this.building ??= this.build().finally(() => { this.building = null; });
    return this.building;
  }

  async build() {
    while (this.next) {
      const { shapes, onShown, beforeDrawn } = this.next;
      const earlier = this.components;
      this.next = null;
      for (const component of this.hidden) this.stage.removeComponent(component);
      this.components = shapes.map((shape) => this.add(shape));
      await new Promise((resolve) => this.stage.tasks.onZeroOnce(resolve));
      for (const component of earlier) component.setVisibility(false);
      this.hidden = earlier; // removed next time: the new ones then use their shaders
      if (!earlier.length) this.seeEverything();
      beforeDrawn();
      this.draw();
      onShown();
    }
  }

  add({ bytes, level, tint, opacity = 1, parameters = {}, colouredBy = null, step = 1 }) {
    const volume = this.volumeOf(bytes, step);
    const component = this.stage.addComponentFromObject(volume);
    component.addRepresentation("surface", {
      isolevelType: "value",
      isolevel: level,
      smooth: 0,
      color: tint,
      opacity,
      side: this.depth ? "double" : INSIDE_OUT,
      opaqueBack: false,
      depthWrite: opacity === 1,
      useWorker: false,
      disablePicking: true,
      ...parameters,
      ...(colouredBy ? this.colouring(colouredBy) : {}),
    });
    return component;
  }

  /** step: voxels of the grid along a side of one of these; 2 for a coarse map. */
  volumeOf(bytes, step = 1) {
    const size = this.size / step;
    const volume = new NGL.Volume("density", "", bytes, size, size, size);
    const larger = new NGL.Matrix4().makeScale(step, step, step);
    volume.setMatrix(this.toAngstroms.clone().multiply(larger));
    return volume;
  }

  /** As NGL colours a surface by another volume. colours: from zero to the highest byte. */
  colouring({ bytes, colours, highest }) {
    const domain = [0, highest];
    return { color: "volume", colorVolume: this.volumeOf(bytes), colorScale: colours, colorDomain: domain };
  }

  seeEverything() {
    const controls = this.stage.viewerControls;
    this.components[0].autoView(0);
    controls.orient(new NGL.Matrix4().makeRotationX(-Math.PI / 2).multiply(controls.getOrientation()));
    this.components[0].autoView(0);
    controls.distance(controls.getCameraDistance() * CLOSER);
    this.firstOrientation = this.orientation();
  }

  resetView() {
    if (this.firstOrientation) this.orient(this.firstOrientation);
    this.draw();
  }

  /** axis: x, y or z, which then points to the reader; size and position stay. */
  lookAlong(axis) {
    this.orient(orientationAlong(axis, this.orientation()));
    this.draw();
  }

  /** Cut away what is nearer than a plane. depth: percent of the window; 0: nothing. */
  clip(depth) {
    const isOtherSide = Boolean(depth) !== Boolean(this.depth);
    this.depth = depth;
    this.stage.setParameters({ clipNear: depth || STAGE_SETTINGS.clipNear });
    const side = depth ? "double" : INSIDE_OUT;
    const representations = this.components.flatMap((component) => component.reprList);
    if (isOtherSide) for (const one of representations) one.setParameters({ side });
    this.clipped(depth);
    this.draw();
  }

  /** Rotation, position and zoom of the view: sixteen numbers. */
  orientation() {
    this.draw(); // NGL's answer is as old as its last drawing
    return this.stage.viewerControls.getOrientation().elements.slice();
  }

  orient(numbers) {
    this.stage.viewerControls.orient(new NGL.Matrix4().fromArray(numbers));
  }

  draw() {
    this.stage.viewer.render();
  }

  /** Angles in radians, as if the surface was dragged to the right, down, and about the line of sight. */
  rotate(toRight, down, about) {
    const { trackballControls } = this.stage;
    const pixels = (angle) => angle / (0.01 * trackballControls.rotateSpeed); // as NGL has them
    if (toRight || down) trackballControls.rotate(-pixels(toRight), -pixels(down)); // NGL: back
    if (about) trackballControls.zRotate(2 * pixels(about), 0);
  }

  /** CSS pixels. */
  pan(toRight, down) {
    this.stage.trackballControls.pan(-toRight, -down); // NGL: back
  }

  /** nearer: by which fraction of the distance. */
  zoom(nearer) {
    this.stage.viewerControls.zoom(nearer);
  }

  drawSoon() {
    if (this.isCovered) return;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  get canvas() {
    return this.stage.viewer.renderer.domElement;
  }

  countTriangles() {
    const representations = this.components.flatMap((component) => component.reprList);
    const buffers = representations.flatMap((one) => one.repr.bufferList);
    return buffers.reduce((sum, buffer) => sum + buffer.geometry.index.count / 3, 0);
  }

  /** The view as a PNG data address, on white. */
  picture() {
    return this.onWhite(() => {
      this.draw();
      return this.copyOnWhite(this.canvas.width, this.canvas.height).toDataURL("image/png");
    });
  }

  /** The view with its scale bar as a PNG data address. side: the longer one, in pixels. */
  pictureOf(side) {
    return this.canvasOf(side).toDataURL("image/png");
  }

  canvasOf(side) {
    const { clientWidth, clientHeight } = this.element;
    const factor = side / Math.max(clientWidth, clientHeight);
    const [width, height] = [clientWidth, clientHeight].map((one) => Math.round(one * factor));
    const { viewer } = this.stage;
    const camera = viewer.orthographicCamera;
    const { zoom } = camera;
    const [{ barLength }, text] = [this, this.bar.textContent];
    try {
      camera.zoom = zoom * factor;
      return this.onWhite(() => {
        viewer.setSize(width, height);
        viewer.render();
        const copy = this.copyOnWhite(width, height);
        drawBar(copy, factor, barLength * factor, text);
        return copy;
      });
    } finally {
      camera.zoom = zoom;
      this.stage.handleResize();
      this.draw();
    }
  }

  /** Give what work() gives while the background is that of a printed page. */
  onWhite(work) {
    this.stage.setParameters({ backgroundColor: "#ffffff" });
    try {
      return work();
    } finally {
      this.takeTheme();
    }
  }

  takeTheme() {
    this.stage.setParameters({ backgroundColor: themeColour("paper") });
    this.draw();
  }

  copyOnWhite(width, height) {
    const copy = document.createElement("canvas");
    const context = copy.getContext("2d");
    [copy.width, copy.height] = [width, height];
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, height);
    context.drawImage(this.canvas, 0, 0, width, height);
    return copy;
  }

  listen() {
    const { mouseControls, viewer, viewerControls } = this.stage;
    mouseControls.clear();
    mouseControls.add("drag-left", NGL.MouseActions.rotateDrag);
    mouseControls.add("drag-right", NGL.MouseActions.panDrag);
    mouseControls.add("drag-shift-left", NGL.MouseActions.panDrag);
    mouseControls.add("scroll", NGL.MouseActions.zoomScroll);
    viewer.requestRender = () => {}; // NGL asks for three drawings for each new surface; we know when to draw
    viewerControls.signals.changed.add(() => this.drawSoon());
    onThemeChange(() => this.takeTheme());
    viewer.signals.rendered.add(() => this.drawScaleBar());
    new ResizeObserver(() => {
      this.stage.handleResize();
      this.drawSoon();
    }).observe(this.element);
  }

  drawScaleBar() {
    const { clientWidth, clientHeight } = this.element;
    const pixelsPerAngstrom = 1 / this.stage.viewerControls.getCanvasScaleFactor();
    const length = roundLength((0.35 * Math.min(clientWidth, clientHeight)) / pixelsPerAngstrom);
    this.barLength = length * pixelsPerAngstrom; // CSS pixels
    this.bar.style.width = `${this.barLength}px`;
    this.bar.textContent = `${length} Å`;
  }
}

/** The scale bar in the corner of a picture that is larger than the view by a factor. */
function drawBar(picture, factor, length, text) {
  const context = picture.getContext("2d");
  const [right, bottom] = [picture.width - 12 * factor, picture.height - 10 * factor];
  context.fillStyle = "#1d2733";
  context.fillRect(right - length, bottom - 2 * factor, length, 2 * factor);
  context.font = `${11 * factor}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.fillText(text, right - length / 2, bottom - 6 * factor);
}

/** The largest of 1, 2, 5, 10, 20 ... that is not above a length. */
export function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  return [5, 2, 1].find((step) => step * power <= longest) * power;
}
