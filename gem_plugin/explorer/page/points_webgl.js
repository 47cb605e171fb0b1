"use strict";
// Paints points with WebGL: one buffer an attribute. Selected points are painted last, so that they lie on top.

const POINT_VERTEX_SHADER = `#version 300 es
in float x; in float y; in vec4 colour; in float flags;
uniform vec2 scale, shift; uniform float size; uniform bool hasSelection, paintsSelected;
out vec4 tint;
void main() {
  bool shown = mod(flags, 2.0) > 0.5, selected = hasSelection && flags > 1.5;
  gl_Position = shown && selected == paintsSelected ? vec4(vec2(x, y) * scale + shift, 0.0, 1.0) : vec4(9.0, 9.0, 9.0, 1.0);
  gl_PointSize = selected ? size * ${SELECTED_GROWTH} : size;
  tint = hasSelection && !selected ? vec4(mix(colour.rgb, vec3(${FADED_GREY / 255}), ${FADING}), 1.0) : colour;
}`;
const POINT_FRAGMENT_SHADER = `#version 300 es
precision mediump float;
in vec4 tint; out vec4 result; uniform highp float size;
void main() {
  float inside = size < 2.5 ? 1.0 : clamp((0.5 - length(gl_PointCoord - 0.5)) * size + 0.5, 0.0, 1.0);
  if (inside == 0.0) discard;
  result = vec4(tint.rgb, inside);
}`;

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

class WebGlPoints {
  constructor(canvas) {
    this.gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
    this.program = makeProgram(this.gl, POINT_VERTEX_SHADER, POINT_FRAGMENT_SHADER);
    this.buffers = {};
  }

  /** name: x, y (float32), colour (four bytes a point), flags (a byte a point). */
  upload(name, values) {
    const gl = this.gl;
    this.buffers[name] ||= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
  }

  /** frame: size of the canvas and of the plot inside it (device pixels, y up), scale and shift from data to pixels. */
  draw(frame, n, pointSize, hasSelection) {
    const gl = this.gl, { width, height } = frame;
    gl.viewport(0, 0, width, height);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(1, 1, 1, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(frame.left, height - frame.bottom, Math.max(0, frame.right - frame.left), Math.max(0, frame.bottom - frame.top));
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    for (const name of ["x", "y"]) this.bind(name, 1, gl.FLOAT, false);
    this.bind("colour", 4, gl.UNSIGNED_BYTE, true);
    this.bind("flags", 1, gl.UNSIGNED_BYTE, false);
    const place = (name) => gl.getUniformLocation(this.program, name);
    gl.uniform2f(place("scale"), (2 * frame.scaleX) / width, (-2 * frame.scaleY) / height);
    gl.uniform2f(place("shift"), (2 * frame.shiftX) / width - 1, 1 - (2 * frame.shiftY) / height);
    gl.uniform1f(place("size"), pointSize);
    gl.uniform1i(place("hasSelection"), hasSelection ? 1 : 0);
    for (const paintsSelected of hasSelection ? [0, 1] : [0]) {
      gl.uniform1i(place("paintsSelected"), paintsSelected);
      gl.drawArrays(gl.POINTS, 0, n);
    }
  }

  bind(name, size, type, isNormalised) {
    const gl = this.gl, place = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, isNormalised, 0, 0);
  }
}
