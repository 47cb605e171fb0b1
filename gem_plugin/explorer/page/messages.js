// Talking to the reader: the line below the plot, and numbers with their units.

export const byId = (id) => document.getElementById(id);

export function say(text, isError = false) {
  const line = byId("message");
  line.textContent = text;
  line.classList.toggle("error", isError);
}

/** Run something that may fail; the reader sees why. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    say(error.message, true);
    return null;
  }
}

/** "1 waypoint", "1,234 particles". */
export function counted(number, unit) {
  return `${number.toLocaleString("en")} ${unit}${number === 1 ? "" : "s"}`;
}
