// What moves in the report: the plot of the particles, trajectories, surfaces, buttons that copy commands.

import { startAnimation } from "./animation.js";
import { copyCommand } from "./copy_command.js";
import { listenToTheme } from "./house_theme.js";
import { ParticlePlot } from "./particle_plot.js";
import { surfaceViewerOf } from "./surface_viewer.js";

listenToTheme(document.getElementById("theme"));
const plotData = document.getElementById("scatter-data");
if (plotData)
  window.particlePlot = new ParticlePlot(
    document.getElementById("scatter"),
    JSON.parse(plotData.textContent),
  );
document.querySelectorAll(".animation").forEach(startAnimation);
document.querySelectorAll(".command").forEach((block) => {
  block.querySelector("button").onclick = () => copyCommand(block);
});
const surfaces = document.querySelector(".surfaces");
if (surfaces) window.surfaceViewer = surfaceViewerOf(surfaces);
