// Paints points with WebGL: one buffer an attribute. Selected points are painted last, on top of the others.

import { themeChannels } from "../../reports/page/house_theme.js";
import { FADING, SELECTED_GROWTH } from "../../reports/page/point_style.js";

const VERTEX_SHADER = `#version 300 es
in float x; in float y; in vec4 colour; in float flags;
uniform vec2 scale, shift; uniform float size; uniform bool hasSelection, paintsSelected;
uniform vec3 fadedTo;
out vec4 tint;
void main() {
  bool shown = mod(flags, 2.0) > 0.5, selected = hasSelection && flags > 1.5;
  bool painted = shown && selected == paintsSelected;
  gl_Position = painted ? vec4(vec2(x, y) * scale + shift, 0.0, 1.0) : vec4(9.0, 9.0, 9.0, 1.0);
  gl_PointSize = selected ? size * ${SELECTED_GROWTH} : size;
  vec4 faded = vec4(mix(colour.rgb, fadedTo, ${FADING}), 1.0);
  tint = hasSelection && !selected ? faded : colour;
}`;
const FRAGMENT_SHADER = `#version 300 es
precision mediump float;
in vec4 tint; out vec4 result; uniform highp float size;
void main() {
  float edge = (0.5 - length(gl_PointCoord - 0.5)) * size + 0.5;
  float inside = size < 2.5 ? 1.0 : clamp(edge, 0.0, 1.0);
  if (inside == 0.0) discard;
  result = vec4(tint.rgb, inside);
}`;

function makeProgram(gl) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX_SHADER], [gl.FRAGMENT_SHADER, FRAGMENT_SHADER]]) {
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

export class WebGlPoints {
  constructor(canvas) {
    this.gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
    this.program = makeProgram(this.gl);
    this.buffers = {};
  }

  /** name: x, y (float32), colour (four bytes a point), flags (a byte a point). */
  upload(name, values) {
    const { gl } = this;
    this.buffers[name] ||= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
  }

  /** frame: size of canvas and plot (device pixels, y down), scale and shift from data to pixels. */
  draw(frame, nPoints, pointSize, hasSelection) {
    const { gl } = this;
    const { width, height, left, right, top, bottom } = frame;
    gl.viewport(0, 0, width, height);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(...themeChannels("paper").map((one) => one / 255), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(left, height - bottom, Math.max(0, right - left), Math.max(0, bottom - top));
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    for (const name of ["x", "y"]) this.bind(name, 1, gl.FLOAT, false);
    this.bind("colour", 4, gl.UNSIGNED_BYTE, true);
    this.bind("flags", 1, gl.UNSIGNED_BYTE, false);
    const uniform = (name) => gl.getUniformLocation(this.program, name);
    gl.uniform2f(uniform("scale"), (2 * frame.scaleX) / width, (-2 * frame.scaleY) / height);
    gl.uniform2f(uniform("shift"), (2 * frame.shiftX) / width - 1, 1 - (2 * frame.shiftY) / height);
    gl.uniform3f(uniform("fadedTo"), ...themeChannels("faded").map((one) => one / 255));
    gl.uniform1f(uniform("size"), pointSize);
    gl.uniform1i(uniform("hasSelection"), hasSelection ? 1 : 0);
    for (const paintsSelected of hasSelection ? [0, 1] : [0]) {
      gl.uniform1i(uniform("paintsSelected"), paintsSelected);
      gl.drawArrays(gl.POINTS, 0, nPoints);
    }
  }

  bind(name, size, type, isNormalised) {
    const { gl } = this;
    const attribute = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.enableVertexAttribArray(attribute);
    gl.vertexAttribPointer(attribute, size, type, isNormalised, 0, 0);
  }
}
