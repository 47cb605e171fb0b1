// Names under which something is saved: checked before anything is sent, as the server checks them again.

const MAXIMUM_LENGTH = 60;
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$/; // saved_names.py has the same
const SHOWN_LENGTH = 40; // of a wrong name

/** The name without blanks around it; throws a sentence where it cannot be used. */
export function checkedName(text) {
  const name = text.trim();
  if (!name) throw new Error(`Give a name first: ${rule("open_state")}`);
  if (NAME_PATTERN.test(name)) return name;
  const shown = name.length > SHOWN_LENGTH ? `${name.slice(0, SHOWN_LENGTH)}...` : name;
  throw new Error(`The name ${JSON.stringify(shown)} cannot be used; expected ${rule(usableName(name))}`);
}

/** A name that can be used, as like the given one as possible. */
export function usableName(text, otherwise = "open_state") {
  const letters = text.replace(/[^A-Za-z0-9_-]+/g, "_");
  return letters.replace(/^[^A-Za-z0-9]+|[_-]+$/g, "").slice(0, MAXIMUM_LENGTH) || otherwise;
}

function rule(example) {
  return `letters, digits, - and _ (at most ${MAXIMUM_LENGTH}), such as ${example}.`;
}
