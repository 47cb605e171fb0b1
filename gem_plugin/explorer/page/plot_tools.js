// The mouse on the explorer's plot: click, lasso and box, beside zoom and pan.

import { listenToZoomAndPan } from "../../reports/page/zoom_and_pan.js";

const RIGHT_OR_MIDDLE = [1, 2]; // buttons

/** overlay: the upper canvas; panel: holds the scatter and the outline; tool(): click, lasso or box. */
export function listenToTools(overlay, panel, { tool, onClick, onOutline }) {
  let start = null;
  let isSpaceDown = false;
  const startsPan = (event) => RIGHT_OR_MIDDLE.includes(event.button) || isSpaceDown;
  const positionOf = (event) => [event.offsetX, event.offsetY];
  const outlineTo = (here) => {
    if (tool() === "lasso") panel.outline.push(here);
    if (tool() === "box") panel.outline = [start, [here[0], start[1]], here, [start[0], here[1]]];
  };
  window.addEventListener("keydown", (event) => {
    if (event.code !== "Space" || event.target !== document.body) return;
    isSpaceDown = true;
    event.preventDefault();
  });
  window.addEventListener("keyup", (event) => {
    if (event.code === "Space") isSpaceDown = false;
  });
  overlay.oncontextmenu = (event) => event.preventDefault();
  overlay.addEventListener("pointerdown", (event) => {
    if (startsPan(event)) return;
    overlay.setPointerCapture(event.pointerId);
    start = positionOf(event);
    panel.outline = tool() === "click" ? null : [start];
  });
  overlay.addEventListener("pointermove", (event) => {
    if (!start || !panel.outline) return;
    outlineTo(positionOf(event));
    panel.scatter.drawSoon();
  });
  overlay.addEventListener("pointerup", (event) => {
    if (!start) return;
    const { outline } = panel;
    start = panel.outline = null;
    panel.scatter.drawSoon();
    const corners = outline?.map((pixel) => panel.scatter.view.toData(...pixel));
    if (!outline) onClick(...positionOf(event), event);
    else if (outline.length > 2) onOutline(corners, event);
  });
  listenToZoomAndPan(overlay, panel.scatter, { startsPan, redraw: () => panel.scatter.drawSoon() });
}
