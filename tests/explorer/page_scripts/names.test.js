import assert from "node:assert/strict";
import { test } from "node:test";

import { checkedName, usableName } from "../../../gem_plugin/explorer/page/names.js";

test("usable names are taken, without the blanks around them", () => {
  for (const name of ["a", "open_state", "state-2", "x".repeat(60)])
    assert.equal(checkedName(` ${name} `), name);
});

test("an empty name is asked for", () => {
  for (const name of ["", "  "])
    assert.throws(() => checkedName(name), /^Error: Give a name first: letters, digits, - and _/);
});

test("slashes, dots, blanks, control characters are refused with a name that can be used", () => {
  const examples = {
    "a/b": "a_b", "..": "open_state", ".": "open_state", "state.2": "state_2", "open state": "open_state",
    "a\u0000b\n": "a_b", "état": "tat", "../../out": "out", "-a-": "a", "\ud800": "open_state",
  };
  for (const [name, usable] of Object.entries(examples)) {
    assert.throws(() => checkedName(name), ({ message }) => message.endsWith(`such as ${usable}.`), name);
    assert.equal(checkedName(usable), usable);
  }
});

test("a very long name is refused with its beginning only", () => {
  assert.throws(() => checkedName("long".repeat(50_000)), ({ message }) => message.length < 250);
  assert.equal(usableName("long".repeat(50_000)).length, 60);
});
