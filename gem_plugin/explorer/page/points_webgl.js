// Paints points with WebGL: one buffer an attribute. Selected points are painted last, on top of the others.

import { themeChannels } from "../../reports/page/house_theme.js";
import { SHAPE_GROWTH, SHAPES_OF_GRAPHICS_CARD, SMALLEST_SHAPED } from "../../reports/page/point_shapes.js";
import { FADING, SELECTED_GROWTH } from "../../reports/page/point_style.js";

const VERTEX_SHADER = `#version 300 es
in float x; in float y; in vec4 colour; in float flags; in float shape;
uniform vec2 scale, shift; uniform float size; uniform bool hasSelection, paintsSelected;
uniform vec3 fadedTo;
out vec4 tint; flat out float kind;
void main() {
  bool shown = mod(flags, 2.0) > 0.5, selected = hasSelection && flags > 1.5;
  bool painted = shown && selected == paintsSelected;
  gl_Position = painted ? vec4(vec2(x, y) * scale + shift, 0.0, 1.0) : vec4(9.0, 9.0, 9.0, 1.0);
  kind = size < float(${SMALLEST_SHAPED}) ? 0.0 : shape;
  gl_PointSize = kind > 0.5 ? size * ${SHAPE_GROWTH} : size;
  vec4 faded = vec4(mix(colour.rgb, fadedTo, ${FADING}), 1.0);
  tint = hasSelection && !selected ? faded : colour;
}`;
const FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec4 tint; flat in float kind; out vec4 result; uniform highp float size, opacity;
${SHAPES_OF_GRAPHICS_CARD}
void main() {
  float side = kind > 0.5 ? size * ${SHAPE_GROWTH} : size;
  float edge = depthOfPixel(kind, (gl_PointCoord - 0.5) * side, size * 0.5) + 0.5;
  float inside = size < 2.5 ? 1.0 : clamp(edge, 0.0, 1.0);
  if (inside == 0.0) discard;
  result = vec4(tint.rgb, inside * opacity);
}`;
const BACKGROUND_VERTEX_SHADER = `#version 300 es
out vec2 position;
void main() {
  position = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0;
  gl_Position = vec4(position * 2.0 - 1.0, 0.0, 1.0);
}`;
const BACKGROUND_FRAGMENT_SHADER = `#version 300 es
precision highp float;
in vec2 position; out vec4 result; uniform sampler2D picture; uniform vec2 stretch, start;
void main() {
  vec2 there = vec2(position.x, 1.0 - position.y) * stretch + start;
  if (any(lessThan(there, vec2(0.0))) || any(greaterThan(there, vec2(1.0)))) discard;
  result = texture(picture, there);
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

export class WebGlPoints {
  constructor(canvas) {
    this.gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
    this.program = makeProgram(this.gl, VERTEX_SHADER, FRAGMENT_SHADER);
    this.backgroundProgram = makeProgram(this.gl, BACKGROUND_VERTEX_SHADER, BACKGROUND_FRAGMENT_SHADER);
    this.buffers = {};
    this.drawsLater = true; // drawing has not ended when draw() returns
  }

  /** As PixelPoints: x, y, colour, flags, and shape, which may be null. */
  upload(name, values) {
    const { gl } = this;
    if (name === "shape") this.hasShapes = Boolean(values);
    if (!values) return;
    this.buffers[name] ||= gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
  }

  /** As PixelPoints. */
  draw(frame, nPoints, look) {
    const { gl } = this;
    const { width, height, left, right, top, bottom } = frame;
    gl.viewport(0, 0, width, height);
    gl.disable(gl.SCISSOR_TEST);
    gl.disable(gl.BLEND);
    gl.clearColor(...themeChannels("paper").map((one) => one / 255), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(left, height - bottom, Math.max(0, right - left), Math.max(0, bottom - top));
    if (look.background) this.drawBackground(look.background, frame);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    this.bindAll(look.step);
    const uniform = (name) => gl.getUniformLocation(this.program, name);
    gl.uniform2f(uniform("scale"), (2 * frame.scaleX) / width, (-2 * frame.scaleY) / height);
    gl.uniform2f(uniform("shift"), (2 * frame.shiftX) / width - 1, 1 - (2 * frame.shiftY) / height);
    gl.uniform3f(uniform("fadedTo"), ...themeChannels("faded").map((one) => one / 255));
    gl.uniform1i(uniform("hasSelection"), look.hasSelection ? 1 : 0);
    for (const paintsSelected of look.hasSelection ? [0, 1] : [0]) {
      gl.uniform1f(uniform("size"), paintsSelected ? look.size * SELECTED_GROWTH : look.size);
      gl.uniform1f(uniform("opacity"), paintsSelected ? Math.min(1, 2 * look.opacity) : look.opacity);
      gl.uniform1i(uniform("paintsSelected"), paintsSelected);
      gl.drawArrays(gl.POINTS, 0, Math.ceil(nPoints / look.step));
    }
  }

  /** What lies under the points, stretched from the frame in which it was drawn. */
  drawBackground({ canvas, frame: drawn, isExact }, frame) {
    const { gl } = this;
    gl.useProgram(this.backgroundProgram);
    this.texture ||= gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    if (this.uploaded !== canvas) gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, canvas);
    this.uploaded = canvas;
    const filter = isExact ? gl.NEAREST : gl.LINEAR;
    for (const kind of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
      gl.texParameteri(gl.TEXTURE_2D, kind, filter);
    for (const kind of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T])
      gl.texParameteri(gl.TEXTURE_2D, kind, gl.CLAMP_TO_EDGE);
    const [stretchX, stretchY] = [drawn.scaleX / frame.scaleX, drawn.scaleY / frame.scaleY];
    const uniform = (name) => gl.getUniformLocation(this.backgroundProgram, name);
    const [width, height] = [drawn.width, drawn.height];
    gl.uniform2f(uniform("stretch"), (stretchX * frame.width) / width, (stretchY * frame.height) / height);
    gl.uniform2f(uniform("start"), (drawn.shiftX - frame.shiftX * stretchX) / width,
      (drawn.shiftY - frame.shiftY * stretchY) / height);
    for (const name of ["x", "y", "colour", "flags", "shape"]) {
      const attribute = gl.getAttribLocation(this.program, name);
      if (attribute >= 0) gl.disableVertexAttribArray(attribute);
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** step: every how many-th point is taken. */
  bindAll(step) {
    const { gl } = this;
    for (const name of ["x", "y"]) this.bind(name, 1, gl.FLOAT, false, 4 * step);
    this.bind("colour", 4, gl.UNSIGNED_BYTE, true, 4 * step);
    this.bind("flags", 1, gl.UNSIGNED_BYTE, false, step);
    if (this.hasShapes) return this.bind("shape", 1, gl.UNSIGNED_BYTE, false, step);
    const attribute = gl.getAttribLocation(this.program, "shape");
    gl.disableVertexAttribArray(attribute);
    gl.vertexAttrib1f(attribute, 0);
  }

  bind(name, size, type, isNormalised, stride) {
    const { gl } = this;
    const attribute = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.enableVertexAttribArray(attribute);
    gl.vertexAttribPointer(attribute, size, type, isNormalised, stride, 0);
  }
}
