import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { say, sayMeanwhile, unsay } from "../../../gem_plugin/explorer/page/messages.js";
import { saveUnderName } from "../../../gem_plugin/explorer/page/saving.js";

let line; // below the plot
let asked;
const taken = new Set(["a", "a-2"]);

beforeEach(() => {
  const append = (...buttons) => { line.buttons = buttons; };
  line = { buttons: [], textContent: "", classList: { toggle() {} }, append };
  globalThis.document = { getElementById: () => line, createElement: () => ({}) };
  globalThis.location = { search: "" };
  asked = [];
  globalThis.fetch = async (path) => {
    asked.push(path);
    const name = /save\/([\w-]+)/.exec(path)[1];
    const isSaved = !taken.has(name) || path.includes("overwrite=true");
    if (isSaved) return new Response(JSON.stringify({ saved: name }));
    const content = { error: `${name} is there already`, newName: name === "a" ? "a-2" : "a-3" };
    return new Response(JSON.stringify(content), { status: 409 });
  };
});

const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 1));

async function press(index) {
  while (!line.buttons[index]) await nextTurn();
  const [button] = [line.buttons[index]];
  line.buttons = [];
  button.onclick();
}

test("a free name is saved without a question", async () => {
  assert.deepEqual(await saveUnderName({ value: "b" }, (name) => `/save/${name}`, {}), { saved: "b" });
  assert.deepEqual(asked, ["/save/b"]);
});

test("the reader is asked until a new name is free, and the field then holds it", async () => {
  const field = { value: "a" };
  const saved = saveUnderName(field, (name) => `/save/${name}`, {});
  await press(0);
  await press(0);
  assert.deepEqual(await saved, { saved: "a-3" });
  assert.deepEqual([field.value, asked], ["a-3", ["/save/a", "/save/a-2", "/save/a-3"]]);
});

test("nothing is overwritten before the reader says so", async () => {
  const saved = saveUnderName({ value: "a" }, (name) => `/save/${name}?project=P3`, {});
  await press(1);
  assert.deepEqual(await saved, { saved: "a" });
  assert.deepEqual(asked, ["/save/a?project=P3", "/save/a?project=P3&overwrite=true"]);
});

test("a question that other news replaced leaves everything as it was", async () => {
  const saved = saveUnderName({ value: "a" }, (name) => `/save/${name}`, {});
  while (!line.buttons.length) await nextTurn();
  say("another thing");
  assert.equal(await saved, null);
  assert.deepEqual(asked, ["/save/a"]);
});

test("a wrong name is refused before anything is sent", async () => {
  await assert.rejects(saveUnderName({ value: "a/b" }, (name) => `/save/${name}`, {}), /such as a_b\.$/);
  assert.deepEqual(asked, []);
});

test("a question stays while something else begins and ends", async () => {
  const saved = saveUnderName({ value: "a" }, (name) => `/save/${name}`, {});
  while (!line.buttons.length) await nextTurn();
  sayMeanwhile("clustering the maps ...");
  unsay("clustering the maps ...");
  await press(0);
  await press(0);
  assert.deepEqual(await saved, { saved: "a-3" });
});
