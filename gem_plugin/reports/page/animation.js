// A trajectory that moves: frames of one picture below each other, played there and back.

import { opacityOfCount, particlesNear } from "./fading.js";

const MILLISECONDS_PER_FRAME = 160;

export function startAnimation(card) {
  const [frame, slider, button] = [".frame", "input", "button"].map((part) => card.querySelector(part));
  const nFrames = Number(card.dataset.frames);
  const height = Number(card.dataset.height);
  const near = card.dataset.near ? card.dataset.near.split(" ").map(Number) : null;
  let step = 0;
  let isPlaying = false;
  const show = (index) => {
    frame.style.backgroundPositionY = `${-index * height}px`;
    slider.value = index;
    const count = near ? `, ${particlesNear(near[index])}` : "";
    card.querySelector("output").textContent = `${index + 1} / ${nFrames}${count}`;
    frame.style.opacity = near ? opacityOfCount(near[index]) : 1;
  };
  const setPlaying = (shouldPlay) => {
    isPlaying = shouldPlay;
    button.textContent = isPlaying ? "pause" : "play";
  };
  const advance = () => {
    if (!isPlaying || nFrames < 2) return;
    step = (step + 1) % (2 * nFrames - 2);
    show(frameOfStep(step, nFrames));
  };
  button.onclick = () => setPlaying(!isPlaying);
  slider.oninput = () => {
    setPlaying(false);
    step = Number(slider.value);
    show(step);
  };
  show(0);
  setPlaying(!window.matchMedia("(prefers-reduced-motion: reduce)").matches);
  setInterval(advance, MILLISECONDS_PER_FRAME);
}

/** Frame of a step on the way there and back again. */
export function frameOfStep(step, nFrames) {
  return step < nFrames ? step : 2 * nFrames - 2 - step;
}
