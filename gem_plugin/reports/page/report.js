"use strict";
// The moving parts of the report: animations of maps, buttons that copy commands, and the scatter plot.

const MILLISECONDS_PER_FRAME = 160;

function startAnimation(card) {
  const frame = card.querySelector(".frame"), slider = card.querySelector("input"), button = card.querySelector("button");
  const output = card.querySelector("output");
  const nFrames = Number(card.dataset.frames), height = Number(card.dataset.height);
  let step = 0, isPlaying = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const show = (number) => {
    frame.style.backgroundPositionY = `${-number * height}px`;
    slider.value = number;
    output.textContent = `${number + 1} / ${nFrames}`;
  };
  const play = (wanted) => { isPlaying = wanted; button.textContent = isPlaying ? "pause" : "play"; };
  const tick = () => { // there and back again
    if (!isPlaying || nFrames < 2) return;
    step = (step + 1) % (2 * nFrames - 2);
    show(step < nFrames ? step : 2 * nFrames - 2 - step);
  };
  button.onclick = () => play(!isPlaying);
  slider.oninput = () => { play(false); step = Number(slider.value); show(step); };
  play(isPlaying);
  setInterval(tick, MILLISECONDS_PER_FRAME);
}

/** A page opened from disk may lack the clipboard; then the command is selected, and copied where that is allowed. */
async function copyCommand(block) {
  const text = block.querySelector("pre"), button = block.querySelector("button");
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = document.execCommand("copy") ? "copied" : "selected";
  }
  setTimeout(() => { button.textContent = "copy"; }, 2000);
}

const scatterData = document.getElementById("scatter-data");
if (scatterData) window.scatter = new Scatter(document.getElementById("scatter"), JSON.parse(scatterData.textContent));
document.querySelectorAll(".animation").forEach(startAnimation);
document.querySelectorAll(".command").forEach((block) => { block.querySelector("button").onclick = () => copyCommand(block); });
