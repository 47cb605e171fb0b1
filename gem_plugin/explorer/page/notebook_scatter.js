// The scatter plot of a notebook: two columns, coloured by a third; drawing around particles selects them.
// model: of anywidget. Python sends columns as float32 bytes and receives the selected rows as uint32 bytes.

import { PixelPoints } from "../../reports/page/points_pixels.js";
import { ScatterPlot } from "../../reports/page/scatter_plot.js";
import { listenToZoomAndPan } from "../../reports/page/zoom_and_pan.js";
import { applyToSelection, countFlags, rowsInPolygon, selectedRows } from "./selection.js";

const HEIGHT_OF_NOTEBOOK_PLOT = 460; // CSS pixels
const ROLES_IN_NOTEBOOK = ["x", "y", "colour"];
const HELP_OF_NOTEBOOK_PLOT =
  "Drag: draw around particles (Ctrl: add them). Shift-drag: pan. Scroll: zoom. Double-click: show all.";
const LASSO_COLOUR = "#D55E00";

/** A column as the plot wants it; bytes: DataView of float32. */
export function columnFromBytes(bytes, label, isGroup) {
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  let [lowest, highest] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (lowest > highest) [lowest, highest] = [0, 1]; // no particle has a value
  return { values, lowest, highest, label, isGroup };
}

export function renderNotebookScatter({ model, el }) {
  const controls = document.createElement("div");
  const frame = document.createElement("div");
  const status = document.createElement("div");
  frame.style.cssText = `position:relative;height:${HEIGHT_OF_NOTEBOOK_PLOT}px;background:white`;
  const [points, overlay] = [0, 1].map(() => document.createElement("canvas"));
  for (const canvas of [points, overlay]) {
    canvas.style.cssText = "position:absolute;left:0;top:0;width:100%;height:100%";
    frame.append(canvas);
  }
  overlay.style.touchAction = "none";
  el.append(controls, frame, status);
  let outline = []; // CSS pixels
  const plot = new ScatterPlot({
    points,
    overlay,
    painter: new PixelPoints(points),
    nPoints: model.get("n_particles"),
    drawAbove: (context) => drawOutline(context, outline),
  });
  const columnOf = (role) => {
    const name = model.get(`${role}_name`);
    return columnFromBytes(model.get(role), name, model.get("group_names").includes(name));
  };
  const sayHowMany = () => {
    const { selected } = countFlags(plot);
    status.textContent = `${selected.toLocaleString("en")} selected. ${HELP_OF_NOTEBOOK_PLOT}`;
  };
  const setAxes = () => {
    if (model.get("x").byteLength !== model.get("y").byteLength) return; // the other one is on its way
    plot.setAxes(columnOf("x"), columnOf("y"));
    plot.draw();
  };
  const setColours = () => {
    plot.setColours(columnOf("colour"));
    plot.draw();
  };
  for (const role of ROLES_IN_NOTEBOOK) controls.append(chooserOf(model, role));
  model.on("change:x", setAxes);
  model.on("change:y", setAxes);
  model.on("change:colour", setColours);
  listenToZoomAndPan(overlay, plot, { startsPan: (event) => event.shiftKey, redraw: () => plot.draw() });
  overlay.addEventListener("pointerdown", (event) => {
    if (event.shiftKey) return;
    overlay.setPointerCapture(event.pointerId);
    outline = [[event.offsetX, event.offsetY]];
  });
  overlay.addEventListener("pointermove", (event) => {
    if (!outline.length) return;
    outline.push([event.offsetX, event.offsetY]);
    plot.drawSoon();
  });
  overlay.addEventListener("pointerup", (event) => {
    if (!outline.length) return;
    const corners = outline.map(([px, py]) => plot.view.toData(px, py));
    outline = [];
    if (corners.length > 2) {
      applyToSelection(plot, rowsInPolygon(plot, corners), event.ctrlKey || event.metaKey ? "add" : "new");
      plot.hasSelection = countFlags(plot).selected > 0;
      plot.flagsChanged();
      model.set("selected", new DataView(selectedRows(plot).buffer));
      model.save_changes();
    }
    plot.draw();
    sayHowMany();
  });
  new ResizeObserver(() => plot.draw()).observe(frame);
  setColours();
  setAxes();
  sayHowMany();
}

function chooserOf(model, role) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  for (const name of model.get("names")) select.add(new Option(name, name));
  select.value = model.get(`${role}_name`);
  select.onchange = () => {
    model.set(`${role}_name`, select.value);
    model.save_changes();
  };
  label.append(`${role} `, select, " ");
  return label;
}

function drawOutline(context, outline) {
  if (outline.length < 2) return;
  context.beginPath();
  outline.forEach(([px, py], index) => (index ? context.lineTo(px, py) : context.moveTo(px, py)));
  context.closePath();
  context.strokeStyle = LASSO_COLOUR;
  context.lineWidth = 1.5;
  context.stroke();
}
