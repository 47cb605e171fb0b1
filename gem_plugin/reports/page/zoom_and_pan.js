// The mouse on a plot, as both pages have it: scroll to zoom, drag to pan, double-click to reset.

const ZOOM_PER_PIXEL_OF_SCROLL = 0.0015;

/** startsPan: whether a pointer event begins a pan; redraw: called after every change. */
export function listenToZoomAndPan(element, plot, { startsPan, redraw }) {
  let last = null;
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    plot.zoom(event.offsetX, event.offsetY, Math.exp(event.deltaY * ZOOM_PER_PIXEL_OF_SCROLL));
    redraw();
  }, { passive: false });
  element.addEventListener("dblclick", () => {
    plot.showAll();
    redraw();
  });
  element.addEventListener("pointerdown", (event) => {
    if (!startsPan(event)) return;
    element.setPointerCapture(event.pointerId);
    last = [event.offsetX, event.offsetY];
  });
  element.addEventListener("pointermove", (event) => {
    if (!last) return;
    const here = [event.offsetX, event.offsetY];
    plot.pan(last, here);
    last = here;
    redraw();
  });
  for (const kind of ["pointerup", "pointercancel"])
    element.addEventListener(kind, () => { last = null; });
}
