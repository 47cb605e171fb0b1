"use strict";
// Talking to our own server, and to the reader. The token comes with the address.

const TOKEN = new URLSearchParams(location.search).get("token") || "";

async function ask(path, body) {
  const options = { headers: { "X-Gem-Token": TOKEN } };
  if (body !== undefined) {
    options.method = "POST";
    options.body = body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? body : JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  if (!answer.ok) {
    const text = await answer.text();
    let message = text;
    try { message = JSON.parse(text).error || text; } catch { /* plain text */ }
    throw new Error(message);
  }
  return answer;
}

async function askJson(path, body) { return (await ask(path, body)).json(); }

/** The head of a packed answer and the bytes after it. */
async function askPacked(path, body) {
  const buffer = await (await ask(path, body)).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { head, bytes: buffer.slice(4 + length) };
}

/** Run one of the libraries that come with the page. */
async function loadLibrary(name) {
  const script = document.createElement("script");
  script.textContent = await (await ask(`/library/${name}`)).text();
  document.head.append(script);
}

const byId = (id) => document.getElementById(id);

function say(text, isError = false) {
  const place = byId("message");
  place.textContent = text;
  place.classList.toggle("error", isError);
}

/** Run something that may fail; the reader sees why. */
async function attempt(work) {
  try { return await work(); } catch (error) { say(error.message, true); return null; }
}
