"use strict";
// All particles as WebGL points. One buffer an attribute: x, y, colour, and whether it is shown and selected.

const POINT_VERTEX_SHADER = `#version 300 es
in float x; in float y; in vec4 colour; in float flags;
uniform vec2 scale, shift; uniform float size; uniform bool hasSelection;
out vec4 tint;
void main() {
  bool shown = mod(flags, 2.0) > 0.5, selected = flags > 1.5;
  gl_Position = shown ? vec4(vec2(x, y) * scale + shift, 0.0, 1.0) : vec4(9.0, 9.0, 9.0, 1.0);
  gl_PointSize = hasSelection && selected ? size * 1.35 : size;
  tint = hasSelection && !selected ? vec4(mix(colour.rgb, vec3(0.9), 0.82), 1.0) : colour;
}`;
const POINT_FRAGMENT_SHADER = `#version 300 es
precision mediump float;
in vec4 tint; out vec4 result;
void main() {
  vec2 place = gl_PointCoord - 0.5;
  if (dot(place, place) > 0.25) discard;
  result = tint;
}`;
const PLOT_MARGIN = { left: 58, right: 12, top: 12, bottom: 42 }; // CSS pixels
const SHOWN = 1, SELECTED = 2;

function makeProgram(gl, vertexText, fragmentText) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertexText], [gl.FRAGMENT_SHADER, fragmentText]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}

class PointCloud {
  constructor(canvas, nPoints) {
    this.canvas = canvas;
    this.n = nPoints;
    this.gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
    if (!this.gl) throw new Error("This browser offers no WebGL 2. Use a current Firefox, Chrome or Safari.");
    this.program = makeProgram(this.gl, POINT_VERTEX_SHADER, POINT_FRAGMENT_SHADER);
    this.buffers = {};
    this.x = new Float32Array(nPoints);
    this.y = new Float32Array(nPoints);
    this.flags = new Uint8Array(nPoints).fill(SHOWN);
    this.hasSelection = false;
    this.view = { x: [0, 1], y: [0, 1] };
    for (const name of ["x", "y", "flags"]) this.upload(name, this[name]);
    this.upload("colour", new Uint8Array(4 * nPoints).fill(128));
  }

  upload(name, values) {
    const gl = this.gl;
    this.buffers[name] ||= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
  }

  setPlaces(x, y) {
    this.x = x;
    this.y = y;
    this.upload("x", x);
    this.upload("y", y);
  }

  showAll() {
    this.view = { x: paddedLimits(this.x), y: paddedLimits(this.y) };
  }

  get size() { return [this.canvas.clientWidth, this.canvas.clientHeight]; }

  toPixel(x, y) {
    const [width, height] = this.size, [x0, x1] = this.view.x, [y0, y1] = this.view.y, m = PLOT_MARGIN;
    return [m.left + ((x - x0) / (x1 - x0)) * (width - m.left - m.right), height - m.bottom - ((y - y0) / (y1 - y0)) * (height - m.top - m.bottom)];
  }

  toData(px, py) {
    const [width, height] = this.size, [x0, x1] = this.view.x, [y0, y1] = this.view.y, m = PLOT_MARGIN;
    return [x0 + ((px - m.left) / (width - m.left - m.right)) * (x1 - x0), y0 + ((height - m.bottom - py) / (height - m.top - m.bottom)) * (y1 - y0)];
  }

  zoom(px, py, factor) {
    const [x, y] = this.toData(px, py);
    this.view = { x: this.view.x.map((edge) => x + (edge - x) * factor), y: this.view.y.map((edge) => y + (edge - y) * factor) };
  }

  move(fromPixel, toPixel) {
    const [xFrom, yFrom] = this.toData(...fromPixel), [xTo, yTo] = this.toData(...toPixel);
    this.view = { x: this.view.x.map((edge) => edge + xFrom - xTo), y: this.view.y.map((edge) => edge + yFrom - yTo) };
  }

  /** Row of the nearest shown point within some pixels, or -1. */
  nearest(px, py, reach = 12) {
    const [x0, y0] = this.toPixel(0, 0), [x1, y1] = this.toPixel(1, 1);
    const scaleX = x1 - x0, scaleY = y1 - y0;
    let best = -1, least = reach * reach;
    for (let i = 0; i < this.n; i++) {
      const dx = x0 + this.x[i] * scaleX - px;
      if (dx * dx >= least) continue;
      const dy = y0 + this.y[i] * scaleY - py, distance = dx * dx + dy * dy;
      if (distance < least && this.flags[i] & SHOWN) { least = distance; best = i; }
    }
    return best;
  }

  draw() {
    const gl = this.gl, ratio = window.devicePixelRatio || 1, [width, height] = this.size;
    if (this.canvas.width !== Math.round(width * ratio)) this.canvas.width = Math.round(width * ratio);
    if (this.canvas.height !== Math.round(height * ratio)) this.canvas.height = Math.round(height * ratio);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(1, 1, 1, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    const m = PLOT_MARGIN;
    gl.scissor(m.left * ratio, m.bottom * ratio, Math.max(0, width - m.left - m.right) * ratio, Math.max(0, height - m.top - m.bottom) * ratio);
    gl.useProgram(this.program);
    this.bind("x", 1, gl.FLOAT, false);
    this.bind("y", 1, gl.FLOAT, false);
    this.bind("colour", 4, gl.UNSIGNED_BYTE, true);
    this.bind("flags", 1, gl.UNSIGNED_BYTE, false);
    const [left, low] = this.toPixel(0, 0), [right, up] = this.toPixel(1, 1);
    const scaleX = (2 * (right - left)) / width, scaleY = (2 * (low - up)) / height;
    gl.uniform2f(gl.getUniformLocation(this.program, "scale"), scaleX, scaleY);
    gl.uniform2f(gl.getUniformLocation(this.program, "shift"), (2 * left) / width - 1, 1 - (2 * low) / height);
    gl.uniform1f(gl.getUniformLocation(this.program, "size"), this.pointSize() * ratio);
    gl.uniform1i(gl.getUniformLocation(this.program, "hasSelection"), this.hasSelection ? 1 : 0);
    gl.drawArrays(gl.POINTS, 0, this.n);
  }

  pointSize() {
    return this.n > 300000 ? 1.5 : this.n > 30000 ? 2 : this.n > 3000 ? 3 : 6;
  }

  bind(name, size, type, isNormalised) {
    const gl = this.gl, place = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, isNormalised, 0, 0);
  }
}

function paddedLimits(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
  if (!(high > low)) { low -= 0.5; high += 0.5; }
  const pad = 0.03 * (high - low);
  return [low - pad, high + pad];
}

/** Axes with numbers and labels, drawn on the overlay. */
function drawAxes(context, cloud, xLabel, yLabel) {
  const [width, height] = cloud.size, m = PLOT_MARGIN;
  context.strokeStyle = context.fillStyle = "#5d6b7a";
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  for (const value of ticks(...cloud.view.x)) {
    const [px] = cloud.toPixel(value, 0);
    context.fillText(tickText(value), px, height - m.bottom + 16);
    line(context, px, height - m.bottom, px, height - m.bottom + 4);
  }
  context.textAlign = "right";
  for (const value of ticks(...cloud.view.y)) {
    const [, py] = cloud.toPixel(0, value);
    context.fillText(tickText(value), m.left - 7, py + 4);
    line(context, m.left - 4, py, m.left, py);
  }
  line(context, m.left, m.top, m.left, height - m.bottom);
  line(context, m.left, height - m.bottom, width - m.right, height - m.bottom);
  context.textAlign = "center";
  context.fillText(xLabel, (width + m.left) / 2, height - 8);
  context.save();
  context.translate(14, (height - m.bottom) / 2);
  context.rotate(-Math.PI / 2);
  context.fillText(yLabel, 0, 0);
  context.restore();
}
