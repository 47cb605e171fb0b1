import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { WorkKeeper } from "../../../gem_plugin/explorer/page/work_keeper.js";

const line = { textContent: "", classList: { toggle() {} }, append() {} };
let asked;
let answers;

beforeEach(() => {
  asked = [];
  answers = [];
  globalThis.location = { search: "?token=t" };
  globalThis.document = { getElementById: () => line };
  globalThis.fetch = async (path, options) => {
    asked.push([path, options.body ? JSON.parse(options.body) : null]);
    const answer = answers.shift() ?? { version: 1, replaced: [], parts: {}, notices: [], failure: "" };
    if (answer instanceof Error) throw answer;
    if (answer.error) {
      const { status = 400, ...refusal } = answer;
      return { ok: false, status, text: async () => JSON.stringify(refusal) };
    }
    return { ok: true, text: async () => JSON.stringify(answer) };
  };
  line.textContent = "";
});

afterEach(() => {
  for (const name of ["location", "document", "fetch"]) delete globalThis[name];
});

function makeKeeper() {
  const restored = [];
  const work = {
    restore: async (parts) => restored.push(parts),
    capture: () => ({}),
    packed: (parts) => parts,
    unpacked: (parts) => parts,
    inWords: (parts) => Object.keys(parts).join(", "),
  };
  const keeper = new WorkKeeper({ work, history: { state: {} }, isBusy: () => false });
  keeper.isLoaded = true;
  return { keeper, restored };
}

test("what changes while a request is under way is sent together after it", async () => {
  const { keeper } = makeKeeper();
  const first = keeper.send({ axes: 1 });
  keeper.send({ axes: 2 });
  keeper.send({ axes: 3, filters: [] });
  await first;
  assert.deepEqual(asked.map(([, body]) => body.parts), [{ axes: 1 }, { axes: 3, filters: [] }]);
});

test("a server that is gone loses nothing: it is sent with the next look", async () => {
  const { keeper } = makeKeeper();
  answers.push(new TypeError("Failed to fetch"));
  await keeper.send({ axes: 1 });
  assert.deepEqual(keeper.unsent, { axes: 1 });
  answers.push(new TypeError("gone"), new TypeError("gone"));
  await keeper.look();
  await keeper.look();
  assert.match(line.textContent, /does not answer/);
  await keeper.look();
  assert.match(line.textContent, /answers again/);
  assert.deepEqual(asked.at(-1)[1].parts, { axes: 1 });
  assert.deepEqual(keeper.unsent, {});
});

test("what is under way counts as not kept until the server answers", async () => {
  const { keeper } = makeKeeper();
  const sending = keeper.send({ axes: 1, filters: [] });
  keeper.send({ axes: 2 });
  assert.deepEqual(keeper.notKept(), { axes: 2, filters: [] });
  await sending;
  assert.deepEqual(keeper.notKept(), {});
  answers.push(new TypeError("Failed to fetch"));
  await keeper.send({ axes: 3 });
  assert.deepEqual(keeper.notKept(), { axes: 3 });
});

test("changes of another tab are taken and named; its active basket is not", async () => {
  const { keeper, restored } = makeKeeper();
  await keeper.take({ version: 7, parts: { axes: { x: "b" }, active: "k" } });
  assert.deepEqual(restored, [{ axes: { x: "b" } }]);
  assert.equal(keeper.version, 7);
  assert.match(line.textContent, /Another tab changed: axes/);
});

test("an older answer does not undo what was sent meanwhile", async () => {
  const { keeper, restored } = makeKeeper();
  answers.push({ version: 5, parts: { axes: "old" }, notices: [], failure: "" });
  const looking = keeper.look();
  await keeper.send({ axes: "new" });
  await looking;
  assert.deepEqual(restored, []);
  assert.equal(keeper.version, 0);
});

test("a newer change that replaced another tab's says so", async () => {
  const { keeper } = makeKeeper();
  answers.push({ version: 3, replaced: ["axes"], failure: "" });
  await keeper.send({ axes: 1 });
  assert.match(line.textContent, /Another tab had changed the same meanwhile \(axes\)/);
});

test("what was kept is asked for again where that failed, and then changes are sent", async () => {
  const { keeper, restored } = makeKeeper();
  keeper.isLoaded = false;
  keeper.history.steps = [];
  keeper.lookAgain = () => {};
  keeper.work.page = { baskets: { byId: new Map() } };
  keeper.send({ axes: 1 });
  assert.equal(asked.length, 0, "nothing is sent before it is known what is there");
  const kept = { version: 4, parts: { filters: [1] }, notices: ["dropped"], failure: "" };
  answers.push(new TypeError("gone"), kept);
  await assert.rejects(keeper.load(), /does not answer/);
  await new Promise((resolve) => setTimeout(resolve, 1700));
  assert.deepEqual(restored, [{ filters: [1] }]);
  assert.equal(keeper.isLoaded, true);
});

test("that the work could not be written is said once", async () => {
  const { keeper } = makeKeeper();
  answers.push({ version: 3, replaced: [], failure: "The disk is full." });
  await keeper.send({ axes: 1 });
  assert.equal(line.textContent, "The disk is full.");
});

test("a refusal is said once for every change, and nothing is loaded again until it is mended", async () => {
  const { keeper } = makeKeeper();
  const refusal = { error: "Delete baskets that are no longer needed." };
  answers.push(refusal);
  await keeper.send({ axes: 1 });
  assert.equal(line.textContent, refusal.error);
  line.textContent = "";
  answers.push(refusal);
  await assert.rejects(keeper.keepAll(), /would lose them\. Delete baskets/);
  assert.equal(line.textContent, "", "the same was said before");
  answers.push(refusal);
  await keeper.send({ axes: 2 });
  assert.equal(line.textContent, refusal.error);
  await keeper.send({ filters: [] });
  assert.deepEqual(asked.at(-1)[1].parts, { axes: 2, filters: [] });
  assert.equal(keeper.refusal, "");
  await keeper.keepAll();
});

test("nothing is loaded again while the server is gone", async () => {
  const { keeper } = makeKeeper();
  answers.push(new TypeError("Failed to fetch"), new TypeError("Failed to fetch"));
  await keeper.send({ axes: 1 });
  await assert.rejects(keeper.keepAll(), /Try again in a moment/);
  assert.equal(line.textContent, "", "the looks say it");
});

test("a wrong token is left to the banner, and the change stays", async () => {
  const { keeper } = makeKeeper();
  answers.push({ error: "This address has another token.", status: 401 });
  await keeper.send({ axes: 1 });
  assert.equal(line.textContent, "");
  assert.deepEqual(keeper.notKept(), { axes: 1 });
});
