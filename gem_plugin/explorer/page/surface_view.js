"use strict";
// Surfaces that turn under the mouse.

const SURFACE_TINT = [0.34, 0.62, 0.85];
const NEGATIVE_TINT = [0.84, 0.37, 0.0];

class SurfaceView {
  constructor(canvas, pixelSize) {
    this.canvas = canvas;
    this.pixelSize = pixelSize; // Å
    this.bar = document.getElementById("scale-bar");
    this.painter = hasGraphicsCard("surface") ? new WebGlSurfaces(canvas) : new PixelSurfaces(canvas);
    this.turn = [1, 0, 0, 0, 0, -1, 0, 1, 0]; // column by column; z of the map points up
    this.zoom = 1;
    this.meshes = [];
    this.size = 1;
    this.listen();
  }

  /** meshes: surfaces of one volume of the given size, each with its tint and opacity; transparent ones last. */
  show(meshes, size) {
    this.meshes = meshes;
    this.size = size;
    this.painter.upload(meshes);
    this.draw();
  }

  draw() {
    const scale = (1.9 * this.zoom) / this.size;
    this.painter.draw(this.turn, scale, this.size / 2);
    this.drawScaleBar((this.canvas.clientWidth / 2) * scale);
  }

  /** A round length that takes a fifth to a third of the width. */
  drawScaleBar(screenPixelsPerVoxel) {
    const perAngstrom = screenPixelsPerVoxel / this.pixelSize, wanted = (0.35 * this.canvas.clientWidth) / perAngstrom;
    const power = 10 ** Math.floor(Math.log10(wanted)), length = [5, 2, 1].find((step) => step * power <= wanted) * power;
    this.bar.style.width = `${length * perAngstrom}px`;
    this.bar.textContent = `${length} Å`;
  }

  listen() {
    let last = null;
    this.canvas.onpointerdown = (event) => { last = [event.clientX, event.clientY]; this.canvas.setPointerCapture(event.pointerId); };
    this.canvas.onpointerup = () => { last = null; };
    this.canvas.onpointermove = (event) => {
      if (!last) return;
      this.turnBy((event.clientX - last[0]) * 0.01, (event.clientY - last[1]) * 0.01);
      last = [event.clientX, event.clientY];
    };
    this.canvas.onwheel = (event) => {
      event.preventDefault();
      this.zoom = Math.min(8, Math.max(0.3, this.zoom * Math.exp(-event.deltaY * 0.0015)));
      this.draw();
    };
  }

  /** Turn about the vertical, then the horizontal axis of the screen (radians). */
  turnBy(across, down) {
    const [ca, sa, cd, sd] = [Math.cos(across), Math.sin(across), Math.cos(down), Math.sin(down)];
    const rows = [[ca, 0, sa], [sd * sa, cd, -sd * ca], [-cd * sa, sd, cd * ca]];
    const old = this.turn, turned = [];
    for (let column = 0; column < 3; column++) for (let row = 0; row < 3; row++)
      turned.push(rows[row][0] * old[3 * column] + rows[row][1] * old[3 * column + 1] + rows[row][2] * old[3 * column + 2]);
    this.turn = turned;
    this.draw();
  }
}
