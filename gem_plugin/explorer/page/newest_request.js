// Keeps what is shown to the last thing that was asked for, in whatever order the answers arrive.

export class NewestRequest {
  /** Whatever was asked for before is stale from now on: its signal is aborted. */
  begin() {
    this.controller?.abort();
    this.controller = new AbortController();
    this.following = null; // or { next, done }: work of a slider, and the promise that all of it is done
    return this.controller.signal;
  }

  /** Of what was asked for last; aborted as soon as there is something newer. */
  get signal() {
    return this.controller?.signal;
  }

  cancel() {
    this.begin();
  }

  /** Run work(signal) at once. Gives its result, or null where something newer was asked for meanwhile. */
  async run(work) {
    return resultUnlessStale(work, this.begin());
  }

  /**
   * The same for a slider: work that is under way is finished first, so that something is shown while the
   * slider moves; of what comes meanwhile only the newest is kept. When all is done, gives false where
   * something other than the slider asked meanwhile.
   */
  follow(work) {
    if (this.following) this.following.next = work;
    else {
      const queue = { next: work };
      const signal = this.begin();
      this.following = queue;
      queue.done = this.workOff(queue, signal);
    }
    return this.following.done;
  }

  async workOff(queue, signal) {
    try {
      while (queue.next && !signal.aborted) {
        const work = queue.next;
        queue.next = null;
        await resultUnlessStale(work, signal);
      }
    } finally {
      if (this.following === queue) this.following = null;
    }
    return !signal.aborted;
  }
}

async function resultUnlessStale(work, signal) {
  try {
    const result = await work(signal);
    return signal.aborted ? null : result;
  } catch (error) {
    if (signal.aborted) return null; // also where the browser gave up the request itself
    throw error;
  }
}
