// Buttons that save the plot as a picture: PNG of print size, and SVG.

import { withPrintColours } from "../../reports/page/house_theme.js";
import { download, downloadText } from "./downloads.js";
import { attempt, byId, say } from "./messages.js";
import { usableName } from "./names.js";
import { plotPng, plotSvg } from "./plot_picture.js";

/** plot: the PlotPanel. */
export function listenToPlotSaving(plot) {
  const nameOf = () => usableName(`${plot.chosen.x.name}_${plot.chosen.y.name}`, "plot");
  byId("plot-png").onclick = () => attempt(() => {
    download(`${nameOf()}.png`, withPrintColours(() => plotPng(plot)));
    say(`${nameOf()}.png: sent to the downloads of this browser`);
  });
  byId("plot-svg").onclick = () => attempt(() => {
    downloadText(`${nameOf()}.svg`, withPrintColours(() => plotSvg(plot)), "image/svg+xml");
    say(`${nameOf()}.svg: axes, text and paths can be edited, the particles are an image; ` +
      "sent to the downloads of this browser");
  });
}
