import assert from "node:assert/strict";
import { test } from "node:test";

import { addressIn } from "../../../gem_plugin/explorer/page/connection.js";

test("the address is found in a whole line of the terminal", () => {
  const line = "300 particles. Open http://127.0.0.1:41000/?token=abc-_1";
  assert.equal(addressIn(line).searchParams.get("token"), "abc-_1");
  assert.equal(addressIn("http://localhost:1/?token=x").port, "1");
});

test("what is no address of this machine with a token is refused with an example", () => {
  const wrong = [
    "", "token=x", "http://127.0.0.1:41000/", "http://evil.example/?token=x", "http://[/?token=x",
    "javascript:alert(1)"];
  for (const text of wrong) assert.throws(() => addressIn(text), /such as http:\/\/127\.0\.0\.1:40000/);
});
