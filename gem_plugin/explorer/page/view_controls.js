// Beside the molecule: views along the axes, the first view, a plane that cuts the front away, and a picture.

import { download } from "./downloads.js";
import { attempt, byId, say } from "./messages.js";
import { PICTURE_SIDE } from "./plot_picture.js";

export class ViewControls {
  /** view: the SurfaceView; nameOfPicture(): of the file, without its ending; pictured(): what is saved. */
  constructor(view, nameOfPicture, pictured) {
    this.view = view;
    this.pictured = pictured;
    for (const button of byId("view-buttons").children)
      button.onclick = () => (button.dataset.axis ? view.lookAlong(button.dataset.axis) : this.reset());
    this.clip = byId("clip");
    this.clip.oninput = () => this.cut();
    byId("view-png").onclick = () => attempt(() => this.savePicture(`${nameOfPicture()}.png`));
  }

  cut() {
    const depth = Number(this.clip.value);
    this.view.clip(depth);
    byId("clip-text").textContent = depth ? `${depth} %` : "off";
  }

  reset() {
    this.clip.value = 0;
    this.cut();
    this.view.resetView();
  }

  savePicture(name) {
    download(name, this.pictured().pictureOf(PICTURE_SIDE));
    say(`${name}: ${PICTURE_SIDE.toLocaleString("en")} pixels, sent to the downloads of this browser`);
  }
}
