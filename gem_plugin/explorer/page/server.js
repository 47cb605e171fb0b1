// Talking to our own server. The token comes with the address of the page. Whatever fails here is thrown as
// a sentence for the reader: what happened, and what to do.

export const UNAUTHORISED = 401; // the status of an answer to a wrong token
const MAXIMUM_BYTES = 80_000_000; // of a request; guard.py has the same
const GONE =
  "The explorer does not answer: `gem-em explore` was stopped, or the connection to it was lost. " +
  "Start it again and open the address that it prints.";
const BROKEN_OFF =
  "The explorer broke off its answer. The terminal in which `gem-em explore` runs shows why; " +
  "if it was stopped, start it again and open the address that it prints.";
const SOMETHING_ELSE =
  "Something else than this explorer answered at its address. " +
  "Start `gem-em explore` again and open the address that it prints.";

/** Ask for something; a body makes it a POST. signal: aborted where nobody waits for the answer any more. */
async function ask(path, body, signal) {
  const token = new URLSearchParams(location.search).get("token") ?? "";
  const options = { headers: { "X-Gem-Token": token }, signal };
  if (body !== undefined) {
    const isBinary = body instanceof ArrayBuffer || ArrayBuffer.isView(body);
    options.method = "POST";
    options.body = isBinary ? body : JSON.stringify(body);
    checkSize(options.body);
  }
  const answer = await orSentence(() => fetch(path, options), GONE);
  if (!answer.ok) throw refusalIn(await orSentence(() => answer.text(), BROKEN_OFF), answer.status);
  return answer;
}

/** Browsers throw a TypeError, each with words of its own, where the connection fails. */
async function orSentence(work, sentence) {
  try {
    return await work();
  } catch (error) {
    throw error instanceof TypeError ? new Error(sentence, { cause: error }) : error;
  }
}

function checkSize(content) {
  const length = content.byteLength ?? content.length;
  if (length <= MAXIMUM_BYTES) return;
  const [megabytes, most] = [length, MAXIMUM_BYTES].map((bytes) => Math.ceil(bytes / 1e6));
  throw new Error(
    `This has ${megabytes} MB; the explorer takes at most ${most} MB at a time. Send less of it.`);
}

export async function askJson(path, body, signal) {
  return parsed(await askText(path, body, signal));
}

/** A file as text. */
export function askPlainText(path) {
  return askText(path);
}

async function askText(path, body, signal) {
  const answer = await ask(path, body, signal);
  return orSentence(() => answer.text(), BROKEN_OFF);
}

/** float32 numbers */
export async function askFloats(path) {
  const answer = await ask(path);
  return new Float32Array(await orSentence(() => answer.arrayBuffer(), BROKEN_OFF));
}

/** An answer of numbers while it arrives: gives the head, then the bytes of one part after the other. */
export async function* askInParts(path, body, signal) {
  yield* partsOf((await ask(path, body, signal)).body.getReader());
}

/** The same when all of it is here: { head, parts }. */
export async function askPacked(path, body, signal) {
  const arrived = [];
  for await (const one of askInParts(path, body, signal)) arrived.push(one);
  const [head, ...parts] = arrived;
  return { head, parts };
}

/** Length of the head, the head as JSON, then parts of bytes with the lengths that the head names. */
export async function* partsOf(reader) {
  let waiting = []; // chunks that arrived and were not given away
  const take = async (length) => {
    let nWaiting = waiting.reduce((sum, chunk) => sum + chunk.length, 0);
    while (nWaiting < length) {
      const { value, done } = await orSentence(() => reader.read(), BROKEN_OFF);
      if (done) throw new Error(BROKEN_OFF);
      waiting.push(value);
      nWaiting += value.length;
    }
    const all = waiting.length === 1 ? waiting[0] : joined(waiting, nWaiting);
    waiting = [all.subarray(length)];
    return all.slice(0, length);
  };
  const headLength = new DataView((await take(4)).buffer).getUint32(0, true);
  const head = parsed(new TextDecoder().decode(await take(headLength)));
  yield head;
  for (const length of head.lengths) yield await take(length);
}

function joined(chunks, length) {
  const all = new Uint8Array(length);
  let start = 0;
  for (const chunk of chunks) {
    all.set(chunk, start);
    start += chunk.length;
  }
  return all;
}

/** The bytes of a part, which has its own buffer, as float32 numbers. */
export function asFloats(part) {
  return new Float32Array(part.buffer, part.byteOffset, part.length / 4);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(SOMETHING_ELSE, { cause: error });
  }
}

/**
 * The sentence of our server as an error. newName: offered where the name is taken;
 * mayReplace: where asked.
 */
function refusalIn(text, status) {
  const { error, newName, mayReplace } = parsed(text) ?? {};
  if (typeof error !== "string") return new Error(SOMETHING_ELSE);
  return Object.assign(new Error(error), { newName, mayReplace, status });
}

/** The token of an explorer that was started again at the same address. */
export function exchangeToken(token) {
  history.replaceState(null, "", `${location.pathname}?${new URLSearchParams({ token })}`);
}

/** Run one of the libraries that come with the page. */
export async function runLibrary(name) {
  const script = document.createElement("script");
  script.textContent = await askText(`/library/${name}`);
  document.head.append(script);
}
