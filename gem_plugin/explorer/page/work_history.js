// Undo and redo. The work is an object of parts, which are never changed but exchanged; a step keeps the
// parts that it changed, before and after, so that undoing it leaves everything else as it is.

const MAXIMUM_STEPS = 200;

export class WorkHistory {
  /** capture(): the parts as they are; restore(parts): bring parts back, undefined where there were none. */
  constructor({ capture, restore, onChange = () => {} }) {
    this.capture = capture;
    this.restore = restore;
    this.onChange = onChange;
    this.steps = [];
    this.next = 0; // the step that redo would do
    this.restoring = null; // the promise that all of it is done
    this.state = {};
  }

  /** What is there now is no step: the start, or a choice that is not worth one. Gives the changed parts. */
  amend() {
    const now = this.capture();
    const changed = changedParts(this.state, now);
    this.state = now;
    if (Object.keys(changed).length) this.onChange(changed);
    return changed;
  }

  /** Keep what was changed since the last step under a name; nothing where nothing was. */
  record(name) {
    if (this.restoring) return;
    const now = this.capture();
    const after = changedParts(this.state, now);
    const keys = Object.keys(after);
    if (!keys.length) return;
    const before = Object.fromEntries(keys.map((key) => [key, this.state[key]]));
    this.steps.length = this.next;
    this.steps.push({ name, before, after });
    if (this.steps.length > MAXIMUM_STEPS) this.steps.shift();
    this.next = this.steps.length;
    this.state = now;
    this.onChange(after);
  }

  get undoName() {
    return this.steps[this.next - 1]?.name ?? null;
  }

  get redoName() {
    return this.steps[this.next]?.name ?? null;
  }

  /** Gives the name of what was undone, null where there is nothing. */
  undo() {
    const step = this.steps[this.next - 1];
    if (!step) return Promise.resolve(null);
    this.next--;
    return this.bring(step.before, step.name);
  }

  redo() {
    const step = this.steps[this.next];
    if (!step) return Promise.resolve(null);
    this.next++;
    return this.bring(step.after, step.name);
  }

  /** One after the other, however fast the keys are pressed. */
  async bring(parts, name) {
    const before = this.restoring;
    const work = (async () => {
      await before?.catch(() => {});
      await this.restore(parts);
    })();
    this.restoring = work;
    try {
      await work;
    } finally {
      if (this.restoring === work) {
        this.restoring = null;
        this.amend();
      }
    }
    return name;
  }
}

/** Parts that differ; undefined for those that are no longer there. */
export function changedParts(before, now) {
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
  return Object.fromEntries(
    [...keys].filter((key) => !isSamePart(before[key], now[key])).map((key) => [key, now[key]]));
}

function isSamePart(one, other) {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  if (one?.members !== other?.members) return false; // sets of particles are exchanged, never changed
  return JSON.stringify(withoutMembers(one)) === JSON.stringify(withoutMembers(other));
}

function withoutMembers(part) {
  return part?.members ? { ...part, members: null } : part;
}
