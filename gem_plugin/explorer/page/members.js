// Sets of particles, one bit each: small enough that every step of the history can keep its own.

const CHARACTERS_AT_A_TIME = 8192;

export function noMembers(nParticles) {
  return new Uint8Array(Math.ceil(nParticles / 8));
}

/** The set of some rows. */
export function membersOf(rows, nParticles) {
  const members = noMembers(nParticles);
  for (const row of rows) members[row >> 3] |= 1 << (row & 7);
  return members;
}

/** The set of the particles whose flags have a bit. */
export function membersWithFlag(flags, bit) {
  const members = noMembers(flags.length);
  for (let row = 0; row < flags.length; row++) if (flags[row] & bit) members[row >> 3] |= 1 << (row & 7);
  return members;
}

/** Give the flags of the particles of a set a bit, and take it from all others. */
export function flagMembers(flags, bit, members) {
  for (let row = 0; row < flags.length; row++) {
    if (isMember(members, row)) flags[row] |= bit;
    else flags[row] &= ~bit;
  }
}

export function isMember(members, row) {
  return Boolean(members[row >> 3] & (1 << (row & 7)));
}

export function rowsOfMembers(members) {
  const rows = new Uint32Array(countMembers(members));
  let next = 0;
  for (let byte = 0; byte < members.length; byte++)
    for (let bits = members[byte], row = 8 * byte; bits; bits >>= 1, row++) if (bits & 1) rows[next++] = row;
  return rows;
}

export function countMembers(members) {
  let count = 0;
  for (let bits of members) for (; bits; bits &= bits - 1) count++;
  return count;
}

/** operation: union, intersection, or difference (the first without the second). */
export function combinedMembers(operation, one, other) {
  const combine = {
    union: (a, b) => a | b,
    intersection: (a, b) => a & b,
    difference: (a, b) => a & ~b,
  }[operation];
  return one.map((bits, byte) => combine(bits, other[byte]));
}

/** All particles that are not in the set. */
export function invertedMembers(members, nParticles) {
  const inverted = members.map((bits) => ~bits);
  const nOver = 8 * members.length - nParticles; // bits behind the last particle
  if (nOver) inverted[inverted.length - 1] &= 0xff >> nOver;
  return inverted;
}

export function areSameMembers(one, other) {
  return one === other || one.every((bits, byte) => bits === other[byte]);
}

/** As text for JSON: the bits, or, where that is shorter, the rows with four bytes each; as work_parts.py. */
export function packedMembers(members) {
  const nRows = countMembers(members);
  if (4 * nRows >= members.length) return { kind: "bits", data: base64Of(members) };
  return { kind: "rows", data: base64Of(new Uint8Array(rowsOfMembers(members).buffer)) };
}

export function unpackedMembers({ kind, data }, nParticles) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  if (kind === "bits") return bytes;
  return membersOf(new Uint32Array(bytes.buffer), nParticles);
}

function base64Of(bytes) {
  const parts = [];
  for (let start = 0; start < bytes.length; start += CHARACTERS_AT_A_TIME)
    parts.push(String.fromCharCode(...bytes.subarray(start, start + CHARACTERS_AT_A_TIME)));
  return btoa(parts.join(""));
}
