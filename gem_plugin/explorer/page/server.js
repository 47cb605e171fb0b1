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

/** An answer of numbers: { head, parts }. */
export async function askPacked(path, body, signal) {
  return unpacked(await (await ask(path, body, signal)).arrayBuffer());
}

/** Length of the head, the head as JSON, then parts of bytes whose lengths the head tells. */
export function unpacked(buffer) {
  const headLength = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, headLength)));
  let start = 4 + headLength;
  const parts = head.lengths.map((length) => {
    start += length;
    return new Uint8Array(buffer, start - length, length);
  });
  return { head, parts };
}

/** The bytes of a part as float32 numbers. */
export function asFloats(part) {
  return new Float32Array(part.slice().buffer);
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
