// Whether the explorer still answers, and whether the run is still the one that the page shows. A banner says
// what happened and what to do; the page continues by itself when the explorer is back.

import { attempt, byId } from "./messages.js";
import { askJson, exchangeToken, UNAUTHORISED } from "./server.js";

const MILLISECONDS_BETWEEN_NEWS = 2000;
const PATIENCE_IN_MILLISECONDS = 8000; // with a connection that neither answers nor breaks
const FAILURES_BEFORE_THE_BANNER = 2;
const MAXIMUM_HASH = 1_500_000; // characters that browsers take in an address

export class Connection {
  /**
   * run: name, stamp and command; hear(news): the latest; notKept(): parts of the work;
   * beforeLoading(): keep all, or say why not.
   */
  constructor({ run, hear, notKept, beforeLoading }) {
    Object.assign(this, { run, hear, notKept, beforeLoading });
    this.nFailures = 0;
    this.state = ""; // of the banner: "", gone, token, news
  }

  start() {
    setTimeout(() => this.look().finally(() => this.start()), MILLISECONDS_BETWEEN_NEWS);
  }

  async look() {
    try {
      const news = await askJson("/api/news", undefined, AbortSignal.timeout(PATIENCE_IN_MILLISECONDS));
      this.nFailures = 0;
      this.showNews(news);
      this.hear(news);
    } catch (error) {
      this.nFailures++;
      if (error.status === UNAUTHORISED) this.showToken();
      else if (this.nFailures >= FAILURES_BEFORE_THE_BANNER) this.showGone();
    }
  }

  showGone() {
    const command = `${this.run.command} --port ${location.port || 80}`;
    this.show("gone", "gone", (banner) => {
      banner.append(
        "The explorer does not answer: it was stopped, or the connection was lost. This page tries again " +
        "and continues by itself; nothing that you did is lost. To start it again: ", codeOf(command));
    });
  }

  /** It was started again, and has another token than this page. */
  showToken() {
    this.show("token", "token", (banner) => {
      const field = document.createElement("input");
      field.id = "connection-address";
      field.placeholder = "http://127.0.0.1:.../?token=...";
      field.setAttribute("aria-label", "the address that gem-em explore printed");
      const button = document.createElement("button");
      button.textContent = "continue";
      button.onclick = () => attempt(() => this.goOn(field.value));
      field.onkeydown = ({ key }) => key === "Enter" && button.click();
      banner.append(
        "The explorer was started again, and this page has the token of before. Paste the address that it " +
        "printed, and this page continues where it is: ", field, button);
    });
  }

  /** The same server: its token is taken. Another one: its page is opened, with what was not saved yet. */
  async goOn(text) {
    const address = addressIn(text);
    if (address.origin === location.origin) {
      exchangeToken(address.searchParams.get("token"));
      await this.look();
      return;
    }
    const unsent = encodeURIComponent(JSON.stringify(this.notKept()));
    if (unsent.length > 2 && unsent.length < MAXIMUM_HASH) address.hash = `unsent=${unsent}`;
    location.assign(address);
  }

  showNews({ stamp, isGone, words }) {
    const isOther = stamp !== this.run.stamp;
    const text = isOther && !isGone
      ? "The explorer has opened newer results of this run than this page shows." : words;
    document.body.classList.toggle("run-changed", Boolean(text));
    if (!text) return this.hide();
    this.show("news", text, (banner) => {
      banner.append(text);
      if (isGone) return;
      const button = document.createElement("button");
      button.textContent = "show the new results";
      button.id = "connection-reopen";
      button.onclick = () => attempt(() => this.openAgain());
      banner.append(button);
    });
  }

  /** The results that are on the disk now; baskets and all else that fits them stay. */
  async openAgain() {
    await this.beforeLoading();
    await askJson("/api/reopen", {});
    location.reload();
  }

  /** key: the banner is filled again only where this is another one. */
  show(state, key, fill) {
    const banner = byId("connection");
    if (this.shown === key && !banner.hidden) return;
    [this.state, this.shown] = [state, key];
    banner.replaceChildren();
    banner.className = state;
    fill(banner);
    banner.hidden = false;
  }

  hide() {
    [this.state, this.shown] = ["", ""];
    byId("connection").hidden = true;
  }
}

function codeOf(text) {
  const element = document.createElement("code");
  element.textContent = text;
  return element;
}

/** The address in a pasted text, such as a whole line of the terminal. */
export function addressIn(text) {
  const found = /https?:\/\/[^\s"'<>]+/.exec(text)?.[0];
  const address = found && URL.canParse(found) ? new URL(found) : null;
  const isLocal = address && ["127.0.0.1", "localhost", "[::1]"].includes(address.hostname);
  if (!isLocal || !address.searchParams.get("token"))
    throw new Error(
      "Expected the address that `gem-em explore` printed, all of it, such as " +
      "http://127.0.0.1:40000/?token=...");
  return address;
}

/** Parts of the work that another page handed over in its address; they are taken out of it. */
export function partsHandedOver() {
  const text = /^#unsent=(.*)$/s.exec(location.hash)?.[1];
  if (!text) return null;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    return JSON.parse(decodeURIComponent(text));
  } catch {
    return null;
  }
}
