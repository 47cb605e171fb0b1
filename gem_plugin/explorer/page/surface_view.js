"use strict";
// Draws a surface that turns under the mouse. Light comes from the eye; back faces are seen too.

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
in vec3 facing; uniform vec3 tint; out vec4 result;
void main() {
  float light = abs(normalize(facing).z);
  vec3 lit = tint * (0.35 + 0.65 * light) + 0.12 * pow(light, 24.0);
  result = vec4(mix(lit, lit * 0.55, smoothstep(0.45, 0.0, light)), 1.0);
}`;
const SURFACE_TINT = [0.34, 0.62, 0.85];
const NEGATIVE_TINT = [0.84, 0.37, 0.0];

class SurfaceView {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
    this.program = makeProgram(this.gl, SURFACE_VERTEX_SHADER, SURFACE_FRAGMENT_SHADER);
    this.turn = [1, 0, 0, 0, 0, -1, 0, 1, 0]; // column by column; z of the map points up
    this.zoom = 1;
    this.meshes = [];
    this.size = 1;
    this.listen();
  }

  /** meshes: surfaces of one volume of the given size, each with its tint. */
  show(meshes, size) {
    const gl = this.gl;
    for (const mesh of this.meshes) for (const buffer of Object.values(mesh.buffers)) gl.deleteBuffer(buffer);
    this.size = size;
    this.meshes = meshes.map(({ surface, tint }) => {
      const buffers = { places: gl.createBuffer(), normals: gl.createBuffer(), triangles: gl.createBuffer() };
      for (const name of ["places", "normals"]) {
        gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
        gl.bufferData(gl.ARRAY_BUFFER, surface[name], gl.STATIC_DRAW);
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers.triangles);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, surface.triangles, gl.STATIC_DRAW);
      return { buffers, tint, nIndices: surface.triangles.length };
    });
    this.draw();
  }

  draw() {
    const gl = this.gl, { width, height } = this.canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(1, 1, 1, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.useProgram(this.program);
    const place = (name) => gl.getUniformLocation(this.program, name);
    gl.uniformMatrix3fv(place("turn"), false, this.turn);
    gl.uniform1f(place("scale"), (1.9 * this.zoom) / this.size);
    gl.uniform1f(place("middle"), this.size / 2);
    gl.uniform2f(place("aspect"), Math.min(1, height / width), Math.min(1, width / height));
    for (const mesh of this.meshes) {
      for (const [attribute, name] of [["place", "places"], ["normal", "normals"]]) {
        const location = gl.getAttribLocation(this.program, attribute);
        gl.bindBuffer(gl.ARRAY_BUFFER, mesh.buffers[name]);
        gl.enableVertexAttribArray(location);
        gl.vertexAttribPointer(location, 3, gl.FLOAT, false, 0, 0);
      }
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.buffers.triangles);
      gl.uniform3fv(place("tint"), mesh.tint);
      gl.drawElements(gl.TRIANGLES, mesh.nIndices, gl.UNSIGNED_INT, 0);
    }
  }

  listen() {
    let last = null;
    this.canvas.onpointerdown = (event) => { last = [event.clientX, event.clientY]; this.canvas.setPointerCapture(event.pointerId); };
    this.canvas.onpointerup = () => { last = null; };
    this.canvas.onpointermove = (event) => {
      if (!last) return;
      this.turnBy((event.clientX - last[0]) * 0.01, (event.clientY - last[1]) * 0.01);
      last = [event.clientX, event.clientY];
    };
    this.canvas.onwheel = (event) => {
      event.preventDefault();
      this.zoom = Math.min(8, Math.max(0.3, this.zoom * Math.exp(-event.deltaY * 0.0015)));
      this.draw();
    };
  }

  /** Turn about the vertical, then the horizontal axis of the screen (radians). */
  turnBy(across, down) {
    const [ca, sa, cd, sd] = [Math.cos(across), Math.sin(across), Math.cos(down), Math.sin(down)];
    const rows = [[ca, 0, sa], [sd * sa, cd, -sd * ca], [-cd * sa, sd, cd * ca]];
    const old = this.turn, turned = [];
    for (let column = 0; column < 3; column++) for (let row = 0; row < 3; row++)
      turned.push(rows[row][0] * old[3 * column] + rows[row][1] * old[3 * column + 1] + rows[row][2] * old[3 * column + 2]);
    this.turn = turned;
    this.draw();
  }
}
