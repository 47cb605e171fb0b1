// A trajectory that moves: frames of one picture below each other, played there and back.

const MILLISECONDS_PER_FRAME = 160;

export function startAnimation(card) {
  const [frame, slider, button] = [".frame", "input", "button"].map((part) => card.querySelector(part));
  const nFrames = Number(card.dataset.frames);
  const height = Number(card.dataset.height);
  let step = 0;
  let isPlaying = false;
  const show = (index) => {
    frame.style.backgroundPositionY = `${-index * height}px`;
    slider.value = index;
    card.querySelector("output").textContent = `${index + 1} / ${nFrames}`;
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
  setPlaying(!window.matchMedia("(prefers-reduced-motion: reduce)").matches);
  setInterval(advance, MILLISECONDS_PER_FRAME);
}

/** Frame of a step on the way there and back again. */
export function frameOfStep(step, nFrames) {
  return step < nFrames ? step : 2 * nFrames - 2 - step;
}
