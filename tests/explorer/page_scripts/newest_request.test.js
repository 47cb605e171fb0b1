import assert from "node:assert/strict";
import { test } from "node:test";

import { NewestRequest } from "../../../gem_plugin/explorer/page/newest_request.js";

/** A server whose answers arrive when the test says so. */
function makeServer() {
  const arrivals = new Map();
  return {
    asked: [],
    ask(name) {
      this.asked.push(name);
      return new Promise((resolve, reject) => arrivals.set(name, { resolve, reject }));
    },
    answer(name) {
      arrivals.get(name).resolve(name);
      return new Promise((resolve) => setImmediate(resolve));
    },
    fail(name) {
      arrivals.get(name).reject(new Error(`no ${name}`));
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function makePage() {
  const page = { server: makeServer(), requests: new NewestRequest(), shown: [] };
  page.load = (name) => async (signal) => {
    const answer = await page.server.ask(name);
    if (signal.aborted) return;
    page.shown.push(answer);
  };
  page.click = (name) => page.requests.run(page.load(name));
  page.slide = (name) => page.requests.follow(page.load(name));
  return page;
}

test("the last click is shown, in whatever order the answers arrive", async () => {
  for (const order of [["A", "B"], ["B", "A"]]) {
    const page = makePage();
    const clicks = [page.click("A"), page.click("B")];
    for (const name of order) await page.server.answer(name);
    await Promise.all(clicks);
    assert.deepEqual(page.shown, ["B"]);
  }
});

test("the request of a stale click is given up, and gives nothing", async () => {
  const requests = new NewestRequest();
  let signalOfFirst;
  const first = requests.run(async (signal) => {
    signalOfFirst = signal;
    await new Promise((resolve) => setImmediate(resolve));
    return "first";
  });
  assert.equal(await requests.run(async () => "second"), "second");
  assert.ok(signalOfFirst.aborted);
  assert.equal(await first, null);
});

test("errors of the last request are passed on, those of stale ones are not", async () => {
  const page = makePage();
  const first = page.click("A");
  const second = page.click("B");
  await page.server.fail("A");
  assert.equal(await first, null);
  const failing = assert.rejects(second, /no B/);
  await page.server.fail("B");
  await failing;
});

test("a slider shows what is under way, then the newest; what lies between is left out", async () => {
  const page = makePage();
  const moves = ["0 %", "10 %", "20 %", "30 %"].map(page.slide);
  await page.server.answer("0 %");
  await page.server.answer("30 %");
  assert.deepEqual(await Promise.all(moves), [true, true, true, true]);
  assert.deepEqual(page.server.asked, ["0 %", "30 %"]);
  assert.deepEqual(page.shown, ["0 %", "30 %"]);
});

test("a slider that moves is newer than a click, and a click than a slider", async () => {
  const page = makePage();
  const click = page.click("A");
  const move = page.slide("10 %");
  page.slide("20 %");
  await page.server.answer("A");
  assert.deepEqual(page.shown, []);
  page.click("B");
  await page.server.answer("10 %");
  await page.server.answer("B");
  await click;
  assert.equal(await move, false);
  assert.deepEqual(page.shown, ["B"]);
  assert.deepEqual(page.server.asked, ["A", "10 %", "B"], "20 % is never asked for");
});

test("after a click the slider works again", async () => {
  const page = makePage();
  page.slide("10 %");
  page.click("A");
  const move = page.slide("20 %");
  await page.server.answer("20 %");
  assert.equal(await move, true);
  assert.deepEqual(page.shown, ["20 %"]);
});

test("cancelled is what is on its way", async () => {
  const page = makePage();
  const click = page.click("A");
  const { signal } = page.requests;
  page.requests.cancel();
  assert.ok(signal.aborted);
  await page.server.answer("A");
  await click;
  assert.deepEqual(page.shown, []);
});
