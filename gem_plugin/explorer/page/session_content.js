// What a saved session holds, and how those of earlier versions are read.

const VERSION = 2;
const EARLIER_KINDS = { "least energy": "minimum energy" };

/**
 * As it is written.
 * parts: madeFrom, axes, view, filters, hiddenGroups, selected, markedRow, trajectory, molecule, states, and
 * baskets with activeBasket, which GEM 0.3 added: selected are the rows of the active one.
 */
export function sessionContent(parts) {
  return { version: VERSION, ...parts };
}

/** The content of a saved session in today's words; the first version (GEM 0.1.0) had other ones. */
export function upgradedSession(content) {
  if (content.version > VERSION)
    throw new Error("This session was saved by a newer version of GEM, which is needed to open it.");
  if (content.version === VERSION) return content;
  const { anchors, path, pathKind, place, molecule, clicked, grouping, ...same } = content;
  return sessionContent({
    ...same,
    markedRow: clicked ?? -1,
    trajectory: {
      waypoints: anchors ?? [],
      path: path ?? null,
      kind: EARLIER_KINDS[pathKind] ?? pathKind,
      fraction: place ?? 0,
    },
    molecule: molecule ? upgradedMolecule(molecule) : null,
    states: grouping ?? null,
  });
}

/** Latents were also kept while the map of a state was shown, which is not theirs: the title counts. */
function upgradedMolecule({ latents, title, level, section, orientation }) {
  const row = /^particle row (\d+)/.exec(title)?.[1];
  const ofState = stateMapNamed(title);
  const isOfPath = title.startsWith("path, ");
  const shown = row ? { row: Number(row) } : ofState ?? (isOfPath && latents ? { latents } : null);
  const same = { shown, level, slice: section, orientation };
  if (row) return { ...same, title: `particle row ${row}` };
  return { ...same, title: ofState ? titleOfStateMap(ofState) : title.replace(/^path, /, "trajectory, ") };
}

/** The map of a state that a title of the first version names; its states are those of the session. */
function stateMapNamed(title) {
  const [, number, other] = /^state (\d+) minus state (\d+)$/.exec(title) ?? [];
  if (number) return { number: Number(number), kind: "difference", other: Number(other) };
  const [, word, ofState] = /^(mean of|spread within) state (\d+)$/.exec(title) ?? [];
  return word ? { number: Number(ofState), kind: word === "mean of" ? "mean" : "variability" } : null;
}

export function titleOfStateMap({ number, kind, other }) {
  if (kind === "difference") return `state ${number} minus state ${other}`;
  return kind === "variability" ? `variability within state ${number}` : `mean of state ${number}`;
}

/** Throws a sentence where a session names particles or columns that this run does not have. */
export function checkSession(content, run) {
  const { madeFrom, selected, markedRow, trajectory, axes, filters, states, look } = content;
  const rows = [markedRow, ...trajectory.waypoints, ...(trajectory.path?.rows ?? [])];
  const highest = selected.reduce((one, other) => Math.max(one, other), Math.max(...rows));
  const isOfOthers = madeFrom && madeFrom.nParticles !== run.nParticles;
  if (isOfOthers || highest >= run.nParticles)
    throw new Error(
      `This session was saved with ${isOfOthers ? madeFrom.nParticles : "more"} particles, the run has ` +
      `${run.nParticles}: it is of another run, or the particles were prepared again. Nothing was opened.`);
  const { kind, file } = states?.mask ?? {};
  if (kind === "file" && !run.hasMask(file))
    throw new Error(
      `The mask ${file}, inside which this session made its states, is not in this run any more. ` +
      "Put it back and load the page again. Nothing was opened.");
  const names = [axes.x, axes.y, axes.colour, ...filters.map(({ column }) => column)];
  if (look?.second) names.push(look.second.x, look.second.y);
  const missing = names.find((name) => !run.hasColumn(name) && !(states && name === run.columnOfStates));
  if (missing)
    throw new Error(
      `This session shows the column ${missing}, which the page does not have: run the step that makes it, ` +
      "or open the page with --table again. Nothing was opened.");
}

/** What of a session cannot be shown because the run was made again since. now: fingerprints of the run. */
export function outdatedParts({ madeFrom, molecule, trajectory }, now) {
  const isOtherModel = Boolean(madeFrom) && madeFrom.latents !== now.latents;
  const isOtherSketch = Boolean(madeFrom) && madeFrom.sketch !== now.sketch;
  const { shown } = molecule ?? {};
  return {
    path: isOtherModel && Boolean(trajectory.path),
    molecule: Boolean(shown) && ((isOtherModel && "latents" in shown) ||
      ((isOtherModel || isOtherSketch) && "mapStates" in shown)),
  };
}
