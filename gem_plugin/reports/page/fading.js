// Maps of a trajectory fade where few particles are near them: there they are a guess of the model.

export const ENOUGH = 10; // particles, as many as a typical particle has near it
const FAINTEST = 0.2; // opacity of a map without any particle

/** How opaque a map is drawn that has so many particles near it. */
export function opacityOfCount(count) {
  return FAINTEST + (1 - FAINTEST) * Math.min(1, count / ENOUGH);
}

/** "132 particles near" */
export function particlesNear(count) {
  const number = count === 0 ? "no" : count.toLocaleString("en");
  return `${number} ${count === 1 ? "particle" : "particles"} near`;
}
