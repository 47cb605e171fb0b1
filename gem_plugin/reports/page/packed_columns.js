// Columns of the particles as the report holds them: base64 text of one or two bytes a particle.

const STEPS = 65535;

/** Numbers of a column: whole ones of a byte each, or steps of two bytes between the limits. */
export function valuesOf({ data, isWhole, lowest, highest }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  if (isWhole) return Float32Array.from(bytes, (step) => lowest + step);
  const scale = (highest - lowest) / STEPS;
  return Float32Array.from(new Uint16Array(bytes.buffer), (step) => lowest + step * scale);
}

/** A column with its values; those of groups are whole numbers. */
export function unpackedColumn(column) {
  const values = valuesOf(column);
  return { ...column, values: column.isGroup ? values.map(Math.round) : values };
}
