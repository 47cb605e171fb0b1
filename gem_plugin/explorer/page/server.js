// Talking to our own server. The token comes with the address of the page.

/** Ask for something; a body makes it a POST. signal: aborted where nobody waits for the answer any more. */
export async function ask(path, body, signal) {
  const token = new URLSearchParams(location.search).get("token") ?? "";
  const options = { headers: { "X-Gem-Token": token }, signal };
  if (body !== undefined) {
    const isBinary = body instanceof ArrayBuffer || ArrayBuffer.isView(body);
    options.method = "POST";
    options.body = isBinary ? body : JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  if (!answer.ok) throw new Error(reasonIn(await answer.text()));
  return answer;
}

export async function askJson(path, body, signal) {
  return (await ask(path, body, signal)).json();
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
      const { value, done } = await reader.read();
      if (done) throw new Error("The server stopped in the middle of its answer.");
      waiting.push(value);
      nWaiting += value.length;
    }
    const all = waiting.length === 1 ? waiting[0] : joined(waiting, nWaiting);
    waiting = [all.subarray(length)];
    return all.slice(0, length);
  };
  const headLength = new DataView((await take(4)).buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(await take(headLength)));
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

function reasonIn(text) {
  try {
    return JSON.parse(text).error || text;
  } catch {
    return text; // plain text
  }
}

/** Run one of the libraries that come with the page. */
export async function runLibrary(name) {
  const script = document.createElement("script");
  script.textContent = await (await ask(`/library/${name}`)).text();
  document.head.append(script);
}
