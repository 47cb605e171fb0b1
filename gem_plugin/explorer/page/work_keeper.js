// Keeps the work of this page on the server, and takes what other tabs changed. The newer change of a part
// wins; the reader hears of what was replaced, and undo brings back one's own.

import { say } from "./messages.js";
import { OWN_PARTS } from "./page_work.js";
import { askJson, UNAUTHORISED } from "./server.js";

const MILLISECONDS_BETWEEN_LOOKS = 1500;
const FAILURES_BEFORE_IT_IS_SAID = 2;

export class WorkKeeper {
  /** work: the PageWork; history: its WorkHistory; isBusy(): the reader is in the middle of something. */
  constructor({ work, history, isBusy }) {
    this.work = work;
    this.history = history;
    this.isBusy = isBusy;
    this.page = Math.random().toString(36).slice(2, 12);
    this.version = 0;
    this.unsent = {}; // parts by name
    this.underWay = {}; // parts whose request has no answer yet
    this.nFailures = 0;
    this.nSent = 0;
    this.failure = "";
    this.refusal = ""; // of the parts that were sent last
    this.isLoaded = false;
  }

  /** What was kept before; asked for again where that fails. Gives sentences on what does not fit the run. */
  async load() {
    let answer;
    try {
      answer = await this.ask();
    } catch (error) {
      setTimeout(() => this.load().catch(() => {}), MILLISECONDS_BETWEEN_LOOKS);
      throw error;
    }
    const { version, parts, notices } = answer;
    this.version = version;
    const kept = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== null));
    const isEmpty = !Object.keys(kept).length;
    if (!isEmpty) {
      this.dropUnusedBaskets(kept);
      await this.work.restore(this.work.unpacked(kept));
    }
    this.history.state = this.work.capture();
    this.isLoaded = true;
    this.lookAgain();
    return notices;
  }

  /** The empty basket with which a page starts is not one more. */
  dropUnusedBaskets(parts) {
    const hasBaskets = Object.keys(parts).some((name) => name.startsWith("basket."));
    if (hasBaskets && !this.history.steps.length) this.work.page.baskets.byId.clear();
  }

  /** Parts that were changed here, undefined for those that are no more. */
  send(parts) {
    Object.assign(this.unsent, this.work.packed(parts));
    if (Object.keys(parts).length) this.refusal = ""; // said again with every change
    this.sending ??= this.sendAll().finally(() => { this.sending = null; });
    return this.sending;
  }

  async sendAll() {
    while (this.isLoaded && Object.keys(this.unsent).length) {
      const parts = this.unsent;
      [this.underWay, this.unsent] = [parts, {}];
      try {
        this.nSent++;
        const request = { page: this.page, seen: this.version, parts };
        const { replaced, failure } = await askJson("/api/work", request);
        this.sayReplaced(replaced, parts);
        this.sayFailure(failure);
        this.refusal = "";
      } catch (error) {
        this.unsent = this.notKept(); // with the next look
        this.sayRefusal(error);
        return;
      } finally {
        this.underWay = {};
      }
    }
  }

  /** Parts of which no server has said that it has them. */
  notKept() {
    return { ...this.underWay, ...this.unsent };
  }

  /** To be called before the page is loaded again; throws where that would lose something. */
  async keepAll() {
    await this.send({});
    if (!Object.keys(this.notKept()).length) return;
    throw new Error("The newest changes could not be kept, and loading the page again would lose them. " +
      (this.refusal || "Try again in a moment."));
  }

  /** A connection that fails is said by the looks, a wrong token by the banner. */
  sayRefusal({ message, status, cause }) {
    if (cause || status === UNAUTHORISED || message === this.refusal) return;
    say(message, true);
    this.refusal = message;
  }

  sayReplaced(replaced, parts) {
    const names = replaced.filter((name) => !OWN_PARTS.includes(name));
    if (!names.length) return;
    const words = this.work.inWords(Object.fromEntries(names.map((name) => [name, parts[name]])), {});
    say(`Another tab had changed the same meanwhile (${words}): this newer change is kept. ` +
      "Undo in the other tab brings its own back.");
  }

  sayFailure(failure) {
    if (failure && failure !== this.failure) say(failure, true);
    this.failure = failure;
  }

  lookAgain() {
    setTimeout(() => this.look().finally(() => this.lookAgain()), MILLISECONDS_BETWEEN_LOOKS);
  }

  async look() {
    if (this.isBusy()) return;
    const { nSent } = this;
    let answer;
    try {
      answer = await this.ask();
    } catch (error) {
      if (++this.nFailures === FAILURES_BEFORE_IT_IS_SAID) say(error.message, true);
      return;
    }
    if (this.nFailures >= FAILURES_BEFORE_IT_IS_SAID) say("The explorer answers again; nothing was lost.");
    this.nFailures = 0;
    this.sayFailure(answer.failure);
    if (nSent === this.nSent) await this.take(answer); // else it is older than what was sent meanwhile
    if (Object.keys(this.unsent).length) await this.send({});
  }

  /** Changes of other tabs; of parts that were changed here since, the own ones are newer. */
  async take({ version, parts }) {
    if (this.isBusy() || this.sending) return;
    const names = Object.keys(parts).filter((name) => !OWN_PARTS.includes(name) && !(name in this.unsent));
    this.version = version;
    if (!names.length) return;
    const news = this.work.unpacked(Object.fromEntries(names.map((name) => [name, parts[name]])));
    const words = this.work.inWords(news, this.history.state);
    await this.work.restore(news);
    this.history.state = this.work.capture();
    say(`Another tab changed: ${words}. This page shows it now.`);
  }

  ask() {
    return askJson(`/api/work?after=${this.version}&page=${this.page}`);
  }
}
