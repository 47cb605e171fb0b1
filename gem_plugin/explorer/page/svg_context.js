// Draws into SVG what the plot draws on a canvas: the part of the canvas's interface that the plot uses.

const DIGITS = 2; // after the point, of CSS pixels

export class SvgContext {
  constructor(width, height) {
    this.size = [width, height];
    this.parts = [];
    this.path = [];
    this.matrix = "";
    this.saved = [];
    Object.assign(this, { strokeStyle: "#000", fillStyle: "#000", lineWidth: 1, globalAlpha: 1 });
    Object.assign(this, { font: "12px sans-serif", textAlign: "left", lineCap: "butt", dash: [] });
  }

  /** address: a data address. */
  image(address, width, height) {
    this.parts.push(`<image width="${width}" height="${height}" href="${address}"${this.rest()}/>`);
  }

  beginPath() {
    this.path = [];
  }

  moveTo(x, y) {
    this.path.push(`M${short(x)} ${short(y)}`);
  }

  lineTo(x, y) {
    this.path.push(`${this.path.length ? "L" : "M"}${short(x)} ${short(y)}`);
  }

  closePath() {
    this.path.push("Z");
  }

  /** Whole circles only, as the plot draws them. */
  arc(x, y, radius) {
    const [r, top, bottom] = [radius, y - radius, y + radius].map(short);
    const half = (end) => `A${r} ${r} 0 1 1 ${short(x)} ${end}`;
    this.path.push(`M${short(x)} ${top}${half(bottom)}${half(top)}Z`);
  }

  stroke() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.join(" ")}"` : "";
    const look = `stroke="${escaped(this.strokeStyle)}" stroke-width="${this.lineWidth}"${dash}`;
    this.parts.push(`<path d="${this.path.join("")}" fill="none" ${look}${this.rest()}/>`);
  }

  /** rule: nonzero or evenodd */
  fill(rule = "nonzero") {
    const look = `fill="${escaped(this.fillStyle)}"${rule === "nonzero" ? "" : ` fill-rule="${rule}"`}`;
    this.parts.push(`<path d="${this.path.join("")}" ${look}${this.rest()}/>`);
  }

  fillText(text, x, y) {
    this.addText(text, x, y, `fill="${escaped(this.fillStyle)}"`);
  }

  strokeText(text, x, y) {
    const colour = `stroke="${escaped(this.strokeStyle)}" stroke-width="${this.lineWidth}"`;
    this.addText(text, x, y, `fill="none" ${colour} stroke-linejoin="round"`);
  }

  addText(text, x, y, colour) {
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    const [, weight, size, family] = this.font.match(/^(bold )?([\d.]+)px (.*)/);
    const bold = weight ? ' font-weight="bold"' : "";
    const look = `font-family="${escaped(family)}" font-size="${size}"${bold} text-anchor="${anchor}"`;
    const where = `x="${short(x)}" y="${short(y)}"`;
    this.parts.push(`<text ${where} ${look} ${colour}${this.rest()}>${escaped(text)}</text>`);
  }

  setLineDash(lengths) {
    this.dash = lengths;
  }

  save() {
    this.saved.push(this.matrix);
  }

  restore() {
    this.matrix = this.saved.pop();
  }

  translate(x, y) {
    this.matrix += `translate(${short(x)} ${short(y)})`;
  }

  rotate(angle) {
    this.matrix += `rotate(${short((180 * angle) / Math.PI)})`;
  }

  rest() {
    const opacity = this.globalAlpha === 1 ? "" : ` opacity="${this.globalAlpha}"`;
    return opacity + (this.matrix ? ` transform="${this.matrix}"` : "");
  }

  text() {
    const [width, height] = this.size;
    const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
    const start = `<svg xmlns="http://www.w3.org/2000/svg" ${size}>`;
    return `${start}<rect width="100%" height="100%" fill="#fff"/>\n${this.parts.join("\n")}\n</svg>\n`;
  }
}

function short(number) {
  return Number(number.toFixed(DIGITS));
}

function escaped(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return String(text).replace(/[&<>"]/g, (letter) => names[letter]);
}
