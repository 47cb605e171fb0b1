// Undo and redo as buttons and keys. A text field keeps the keys for itself.

import { attempt, byId, say } from "./messages.js";

const TEXT_FIELDS = ["text", "search", "number", "email", "url", "password", "tel"];

export class UndoControls {
  constructor(history) {
    this.history = history;
    byId("undo").onclick = () => attempt(() => this.undo());
    byId("redo").onclick = () => attempt(() => this.redo());
    window.addEventListener("keydown", (event) => this.press(event));
    this.update();
  }

  press(event) {
    const action = actionOfKey(event);
    if (!action || isTextField(event.target)) return;
    event.preventDefault();
    attempt(() => this[action]());
  }

  async undo() {
    const name = await this.history.undo();
    say(name === null ? "There is nothing to undo." : `undone: ${name}`);
    this.update();
  }

  async redo() {
    const name = await this.history.redo();
    say(name === null ? "There is nothing to redo." : `done again: ${name}`);
    this.update();
  }

  /** The names of what they would do; to be called when the history has changed. */
  update() {
    const { undoName, redoName } = this.history;
    for (const [id, name, keys] of [["undo", undoName, "Ctrl-Z"], ["redo", redoName, "Ctrl-Shift-Z"]]) {
      const button = byId(id);
      button.disabled = name === null;
      button.title = name === null ? `nothing to ${id} (${keys})` : `${id}: ${name} (${keys})`;
      button.setAttribute("aria-label", button.title);
    }
  }
}

/** undo, redo or null. Cmd on a Mac. */
export function actionOfKey({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  if (!(ctrlKey || metaKey) || altKey) return null;
  const letter = key.toLowerCase();
  if (letter === "z") return shiftKey ? "redo" : "undo";
  return letter === "y" && !shiftKey ? "redo" : null;
}

export function isTextField(element) {
  if (element?.tagName === "TEXTAREA" || element?.isContentEditable) return true;
  return element?.tagName === "INPUT" && TEXT_FIELDS.includes(element.type);
}
