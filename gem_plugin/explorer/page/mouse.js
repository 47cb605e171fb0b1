"use strict";
// The mouse on the plot: click, lasso, box, moving and zooming.

function listenToMouse(page, canvas) {
  let start = null, last = null, isMoving = false;
  const place = (event) => [event.offsetX, event.offsetY];
  window.addEventListener("keydown", (event) => { if (event.code === "Space" && event.target === document.body) { page.isSpaceDown = true; event.preventDefault(); } });
  window.addEventListener("keyup", (event) => { if (event.code === "Space") page.isSpaceDown = false; });
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.onwheel = (event) => { event.preventDefault(); page.cloud.zoom(...place(event), Math.exp(event.deltaY * 0.0015)); page.draw(); };
  canvas.ondblclick = () => { page.cloud.showAll(); page.draw(); };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    start = last = place(event);
    isMoving = event.button === 2 || event.button === 1 || page.isSpaceDown;
    if (!isMoving && page.tool === "lasso") page.outline = [start];
  };
  canvas.onpointermove = (event) => {
    if (!start) return;
    const here = place(event);
    if (isMoving) page.cloud.move(last, here);
    else if (page.tool === "lasso") page.outline.push(here);
    else if (page.tool === "box") page.outline = [start, [here[0], start[1]], here, [start[0], here[1]]];
    last = here;
    page.draw(!isMoving);
  };
  canvas.onpointerup = (event) => {
    const here = place(event), wasOutline = page.outline;
    if (!isMoving && page.tool === "click") page.click(...here);
    if (!isMoving && wasOutline && wasOutline.length > 2)
      page.select(rowsInPolygon(page.cloud, wasOutline.map(([px, py]) => page.cloud.toData(px, py))), event.shiftKey ? "add" : event.altKey ? "remove" : page.mode);
    start = page.outline = null;
    isMoving = false;
    page.draw(true);
  };
}
