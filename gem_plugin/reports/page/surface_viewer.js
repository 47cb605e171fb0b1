// The surfaces of the first page, to rotate: unpacked and drawn by NGL when the reader asks for them.

import { SurfaceView } from "../../explorer/page/surface_view.js";
import { orientationOf } from "../../explorer/page/view_axes.js";
import { unpacked } from "./packed_bytes.js";

const FAILED = "The surfaces cannot be shown here; the picture above has them.";

/**
 * block: the element of the viewer; data: grid, voxelSize and centre (Å), view (3 x 3) and maps;
 * library: NGL, packed.
 */
export class SurfaceViewer {
  constructor(block, data, library) {
    this.block = block;
    this.data = data;
    this.library = library;
    this.chosen = new Set([0]);
    block.hidden = !canDraw();
    this.button = block.querySelector(".open");
    this.button.onclick = () => this.open();
  }

  async open() {
    this.button.disabled = true;
    try {
      await this.start();
      this.button.hidden = true;
    } catch (error) {
      this.block.querySelector(".controls").hidden = true;
      this.block.querySelector(".stage").hidden = true;
      const line = this.block.querySelector(".help");
      line.textContent = `${FAILED} (${error.message})`;
      line.hidden = false;
      this.button.hidden = true;
    }
  }

  async start() {
    if (!window.NGL) runScript(new TextDecoder().decode(await unpacked(this.library)));
    const { grid, voxelSize, maps } = this.data;
    for (const map of maps) {
      map.values = await unpacked(map.bytes);
      if (map.change) map.changes = await unpacked(map.change);
    }
    for (const part of [".stage", ".controls", ".help"]) this.block.querySelector(part).hidden = false;
    const stage = this.block.querySelector(".stage");
    stage.insertAdjacentHTML("beforeend", '<div id="scale-bar"></div>');
    this.view = new SurfaceView(stage, { windowFirst: -grid / 2, windowSize: grid, pixelSize: voxelSize });
    this.makeControls();
    await this.show();
    this.faceReader();
  }

  makeControls() {
    const controls = this.block.querySelector(".controls");
    this.data.maps.forEach((map, index) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.checked = this.chosen.has(index);
      box.onchange = () => {
        if (box.checked) this.chosen.add(index);
        else if (this.chosen.size > 1) this.chosen.delete(index);
        else box.checked = true; // an empty stage would lose its view
        this.show();
      };
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = map.colour;
      label.append(box, swatch, map.note ? `${map.title} (${map.note})` : map.title);
      controls.append(label);
    });
  }

  show() {
    const shapes = [...this.chosen].sort((a, b) => a - b).map((index) => this.shapeOf(this.data.maps[index]));
    return this.view.show(shapes, () => {});
  }

  shapeOf(map) {
    const isOneOfSeveral = this.chosen.size > 1;
    const opacity = isOneOfSeveral ? 0.6 : 1;
    const shape = { bytes: map.values, level: map.level, tint: map.colour, opacity };
    if (map.changes) shape.parameters = this.colouredByChange(map);
    return shape;
  }

  /** As NGL colours a surface by another volume. */
  colouredByChange(map) {
    const { grid } = this.data;
    const colorVolume = new NGL.Volume("change", "", map.changes, grid, grid, grid);
    colorVolume.setMatrix(this.view.toAngstroms);
    return { color: "volume", colorVolume, colorScale: map.colours, colorDomain: [0, 255] };
  }

  /** The view of the picture: NGL looks along +z with x to the left. */
  faceReader() {
    const now = this.view.orientation();
    const scale = Math.hypot(now[0], now[1], now[2]);
    const position = this.data.centre.map((one) => -one);
    this.view.orient(orientationOf(this.data.view, scale, position));
    this.view.draw();
  }
}

function canDraw() {
  const canUnpack = typeof DecompressionStream === "function";
  return canUnpack && document.createElement("canvas").getContext("webgl2") !== null;
}

function runScript(text) {
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
  if (!window.NGL) throw new Error("the library did not start");
}

export function surfaceViewerOf(block) {
  const data = JSON.parse(document.getElementById("surface-data").textContent);
  return new SurfaceViewer(block, data, document.getElementById("surface-library").textContent);
}
