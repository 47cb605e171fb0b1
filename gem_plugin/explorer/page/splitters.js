// Splitters between the parts of the page: dragged, or moved by arrow keys; the sizes are kept.

const KEY_STEP = 16; // CSS pixels of an arrow key
const WIDE_KEY_STEP = 64; // of Page Up and Page Down

export class Splitter {
  /**
   * element: the line that is dragged. size(): of what it changes, limits(): [smallest, largest], both in CSS
   * pixels; resize(size). sign: -1 where that part is to the right of the line, or below it.
   * onEnd(): the reader let go.
   */
  constructor(element, { size, limits, resize, sign, onEnd }) {
    Object.assign(this, { element, size, limits, resizePart: resize, sign, onEnd });
    this.isVertical = element.getAttribute("aria-orientation") === "vertical";
    element.addEventListener("pointerdown", (event) => this.begin(event));
    element.addEventListener("keydown", (event) => this.press(event));
  }

  begin(event) {
    const { element } = this;
    const positionOf = (one) => (this.isVertical ? one.clientX : one.clientY);
    const [start, size] = [positionOf(event), this.size()];
    element.setPointerCapture(event.pointerId);
    element.classList.add("moving");
    element.onpointermove = (moved) => this.resize(size + this.sign * (positionOf(moved) - start));
    element.onpointerup = element.onpointercancel = () => {
      element.onpointermove = element.onpointerup = element.onpointercancel = null;
      element.classList.remove("moving");
      this.onEnd();
    };
  }

  press(event) {
    const next = sizeAfterKey(event.key, { size: this.size(), limits: this.limits(), sign: this.sign });
    if (next === null) return;
    event.preventDefault();
    this.resize(next);
    this.onEnd();
  }

  resize(size) {
    const [smallest, largest] = this.limits();
    this.resizePart(Math.min(largest, Math.max(smallest, size)));
    this.showValue();
  }

  /** For assistive technology; to be called when the page has another size. */
  showValue() {
    const [smallest, largest] = this.limits();
    const values = { valuemin: smallest, valuemax: largest, valuenow: this.size() };
    for (const [name, value] of Object.entries(values))
      this.element.setAttribute(`aria-${name}`, String(Math.round(value)));
  }
}

/** CSS pixels; null for other keys. */
export function sizeAfterKey(key, { size, limits, sign }) {
  if (key === "Home") return limits[0];
  if (key === "End") return limits[1];
  const steps = { ArrowRight: KEY_STEP, ArrowDown: KEY_STEP, ArrowLeft: -KEY_STEP, ArrowUp: -KEY_STEP };
  if (key in steps) return size + sign * steps[key];
  if (key === "PageUp") return size + WIDE_KEY_STEP;
  return key === "PageDown" ? size - WIDE_KEY_STEP : null;
}
