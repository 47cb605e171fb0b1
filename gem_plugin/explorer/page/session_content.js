// What a saved session holds, and how those of earlier versions are read.

const VERSION = 2;
const EARLIER_KINDS = { "least energy": "minimum energy" };

/**
 * As it is written.
 * parts: axes, view, filters, hiddenGroups, selected, markedRow, trajectory, molecule, states.
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

/** Latents were also kept while the map of a state was shown, to which they do not belong. */
function upgradedMolecule({ latents, title, level, section, orientation }) {
  const row = /^particle row (\d+)/.exec(title)?.[1];
  const isOfPath = title.startsWith("path, ");
  const shown = row ? { row: Number(row) } : isOfPath && latents ? { latents } : null;
  const newTitle = row ? `particle row ${row}` : title.replace(/^path, /, "trajectory, ");
  return { shown, title: newTitle, level, slice: section, orientation };
}
