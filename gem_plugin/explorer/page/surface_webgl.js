"use strict";
// Paints surfaces with WebGL. Light comes from the eye; back faces are seen too.

const SURFACE_VERTEX_SHADER = `#version 300 es
in vec3 place; in vec3 normal;
uniform mat3 turn; uniform float scale, middle; uniform vec2 aspect;
out vec3 facing;
void main() {
  vec3 turned = turn * ((place - middle) * scale);
  facing = turn * normal;
  gl_Position = vec4(turned.xy * aspect, -turned.z * 0.4, 1.0);
}`;
const SURFACE_FRAGMENT_SHADER = `#version 300 es
precision mediump float;
in vec3 facing; uniform vec3 tint; uniform float opacity; out vec4 result;
void main() {
  float light = abs(normalize(facing).z);
  vec3 lit = tint * (0.35 + 0.65 * light) + 0.12 * pow(light, 24.0);
  result = vec4(mix(lit, lit * 0.55, smoothstep(0.45, 0.0, light)), opacity);
}`;

class WebGlSurfaces {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
    this.program = makeProgram(this.gl, SURFACE_VERTEX_SHADER, SURFACE_FRAGMENT_SHADER);
    this.meshes = [];
  }

  upload(meshes) {
    const gl = this.gl;
    for (const mesh of this.meshes) for (const buffer of Object.values(mesh.buffers)) gl.deleteBuffer(buffer);
    this.meshes = meshes.map(({ surface, tint, opacity }) => {
      const buffers = { places: gl.createBuffer(), normals: gl.createBuffer(), triangles: gl.createBuffer() };
      for (const name of ["places", "normals"]) {
        gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
        gl.bufferData(gl.ARRAY_BUFFER, surface[name], gl.STATIC_DRAW);
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.triangles);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, surface.triangles, gl.STATIC_DRAW);
      return { buffers, tint, opacity: opacity ?? 1, nIndices: surface.triangles.length };
    });
  }

  /** turn: 3 x 3, column by column; scale and middle: from voxels to the square from -1 to 1. */
  draw(turn, scale, middle) {
    const gl = this.gl, { width, height } = this.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(1, 1, 1, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    const place = (name) => gl.getUniformLocation(this.program, name);
    gl.uniformMatrix3fv(place("turn"), false, turn);
    gl.uniform1f(place("scale"), scale);
    gl.uniform1f(place("middle"), middle);
    gl.uniform2f(place("aspect"), Math.min(1, height / width), Math.min(1, width / height));
    for (const mesh of this.meshes) { // transparent ones come last
      for (const [attribute, name] of [["place", "places"], ["normal", "normals"]]) {
        const location = gl.getAttribLocation(this.program, attribute);
        gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffers[name]);
        gl.enableVertexAttribArray(location);
        gl.vertexAttribPointer(location, 3, gl.FLOAT, false, 0, 0);
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.buffers.triangles);
      gl.uniform3fv(place("tint"), mesh.tint);
      gl.uniform1f(place("opacity"), mesh.opacity);
      if (mesh.opacity < 1) { // the depth first, so that only the nearest layer of it is seen
        gl.colorMask(false, false, false, false);
        gl.drawElements(gl.TRIANGLES, mesh.nIndices, gl.UNSIGNED_INT, 0);
        gl.colorMask(true, true, true, true);
        gl.depthFunc(gl.LEQUAL);
      }
      gl.drawElements(gl.TRIANGLES, mesh.nIndices, gl.UNSIGNED_INT, 0);
      gl.depthFunc(gl.LESS);
    }
  }
}
