import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { askFloats, askInParts, askJson, askPacked } from "../../../gem_plugin/explorer/page/server.js";

const realFetch = globalThis.fetch;

beforeEach(() => { globalThis.location = { search: "?token=t" }; });
afterEach(() => { globalThis.fetch = realFetch; });

/** fetch answers with this status and text from now on. */
function answerWith(status, text) {
  globalThis.fetch = async () => new Response(text, { status });
}

const everyWay = [
  ["JSON", () => askJson("/api/run")],
  ["floats", () => askFloats("/api/column/a")],
  ["packed", () => askPacked("/api/states", {})],
  ["parts", () => askInParts("/api/molecule", {}).next()],
];

test("a server that went away is explained, whatever was asked for", async () => {
  globalThis.fetch = async () => { throw new TypeError("Failed to fetch"); };
  for (const [, ask] of everyWay)
    await assert.rejects(ask, /^Error: The explorer does not answer: `gem-em explore` was stopped/);
});

test("a server that goes away while it answers is explained", async () => {
  const body = () => new ReadableStream({ pull: (stream) => stream.error(new TypeError("network error")) });
  globalThis.fetch = async () => new Response(body(), { status: 200 });
  for (const [, ask] of everyWay) await assert.rejects(ask, /^Error: The explorer broke off its answer/);
});

test("the sentence of the server is what the reader sees", async () => {
  answerWith(400, JSON.stringify({ error: "There is no column 'a'." }));
  for (const [, ask] of everyWay) await assert.rejects(ask, /^Error: There is no column 'a'\.$/);
});

test("answers of another program are not taken for a sentence", async () => {
  const answers = [[404, "Not Found"], [500, "Internal Server Error"], [502, "<html>"], [500, "null"]];
  for (const [status, text] of answers) {
    answerWith(status, text);
    for (const [, ask] of everyWay)
      await assert.rejects(ask, /^Error: Something else than this explorer answered at its address/);
  }
  answerWith(200, "<html>another page</html>");
  await assert.rejects(() => askJson("/api/run"), /Something else than this explorer/);
});

test("a name that is taken comes with the one that is free", async () => {
  answerWith(409, JSON.stringify({ error: "a.star is there already", newName: "a-2" }));
  const error = await askJson("/api/save/selection/particles/a", {}).catch((one) => one);
  assert.deepEqual([error.message, error.newName], ["a.star is there already", "a-2"]);
});

test("what nobody waits for any more is not called a failure of the server", async () => {
  const aborted = new DOMException("aborted", "AbortError");
  globalThis.fetch = async () => { throw aborted; };
  for (const [, ask] of everyWay) assert.equal(await ask().catch((error) => error), aborted);
});

test("too large a request is explained before it is sent", async () => {
  globalThis.fetch = async () => assert.fail("it was sent");
  const sent = askJson("/api/mask/a", new ArrayBuffer(80_000_001));
  await assert.rejects(sent, /^Error: This has 81 MB; the explorer takes at most 80/);
});
