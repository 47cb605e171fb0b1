// A range of a column by keyboard: arrows move its upper end, with Shift the lower one.

const STEPS_OF_RANGE = 50; // from the lowest to the highest value

/** filter: a RangeFilter with its canvas. */
export function listenToRangeKeys(filter) {
  const { canvas, column } = filter;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "slider");
  canvas.addEventListener("keydown", (event) => {
    const range = rangeAfterKey(event, filter.range, column);
    if (!range) return;
    event.preventDefault();
    filter.setRange(...range);
    filter.onEnd();
  });
}

/** For assistive technology, after the range was drawn. */
export function describeRange({ canvas, column, range: [low, high] }) {
  const { lowest, highest, label } = column;
  const values = { valuemin: lowest, valuemax: highest, valuenow: high, valuetext: `${low} to ${high}` };
  for (const [name, value] of Object.entries(values)) canvas.setAttribute(`aria-${name}`, String(value));
  canvas.setAttribute("aria-label", `range of ${label}: arrows move the upper end, with Shift the lower end`);
}

/** The range after a key; null for other keys. Home: everything. */
export function rangeAfterKey({ key, shiftKey }, [low, high], { lowest, highest }) {
  if (key === "Home") return [lowest, highest];
  const sign = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[key];
  if (!sign) return null;
  const step = (sign * (highest - lowest)) / STEPS_OF_RANGE;
  if (shiftKey) return [Math.min(high, Math.max(lowest, low + step)), high];
  return [low, Math.max(low, Math.min(highest, high + step))];
}
