"use strict";
// A surface of equal density as triangles, by naive surface nets: one vertex in each cell that the surface crosses, at
// the mean of the crossings of its edges (S. F. F. Gibson, MICCAI 1998, 888). Vertices are shared, normals are gradients.

const CELL_EDGES = (() => { // pairs of the eight corners of a cell that differ in one coordinate
  const edges = [];
  for (let a = 0; a < 8; a++) for (const bit of [1, 2, 4]) if (!(a & bit)) edges.push([a, a | bit]);
  return edges;
})();

/**
 * volume: bytes, x fastest, size along each axis. Gives vertices and normals (3 numbers each, in voxels, x y z) and
 * triangles (3 vertex numbers each). Normals point to lower density.
 */
function surfaceNet(volume, size, level) {
  const sizeSquared = size * size;
  const corner = [0, 1, size, size + 1, sizeSquared, sizeSquared + 1, sizeSquared + size, sizeSquared + size + 1];
  const vertexOfCell = new Int32Array(size * size * size).fill(-1);
  let places = new Float32Array(3 * 4096), nVertices = 0;
  for (let z = 0; z < size - 1; z++) for (let y = 0; y < size - 1; y++) {
    let index = z * sizeSquared + y * size;
    for (let x = 0; x < size - 1; x++, index++) {
      let inside = 0;
      for (let k = 0; k < 8; k++) if (volume[index + corner[k]] >= level) inside |= 1 << k;
      if (inside === 0 || inside === 255) continue;
      let sx = 0, sy = 0, sz = 0, crossings = 0;
      for (let e = 0; e < 12; e++) {
        const a = CELL_EDGES[e][0], b = CELL_EDGES[e][1];
        if (((inside >> a) & 1) === ((inside >> b) & 1)) continue;
        const low = volume[index + corner[a]], high = volume[index + corner[b]], t = (level - low) / (high - low);
        sx += (a & 1) + t * ((b & 1) - (a & 1));
        sy += ((a >> 1) & 1) + t * (((b >> 1) & 1) - ((a >> 1) & 1));
        sz += ((a >> 2) & 1) + t * (((b >> 2) & 1) - ((a >> 2) & 1));
        crossings++;
      }
      if (3 * nVertices + 3 > places.length) places = grown(places, Float32Array);
      places[3 * nVertices] = x + sx / crossings;
      places[3 * nVertices + 1] = y + sy / crossings;
      places[3 * nVertices + 2] = z + sz / crossings;
      vertexOfCell[index] = nVertices++;
    }
  }
  const triangles = joinCells(volume, size, level, vertexOfCell, nVertices);
  return { places: places.subarray(0, 3 * nVertices), normals: gradients(volume, size, places, nVertices), triangles };
}

/** Two triangles for each edge of the grid that the surface crosses, between the four cells around it. */
function joinCells(volume, size, level, vertexOfCell, nVertices) {
  const steps = [1, size, size * size];
  let triangles = new Uint32Array(Math.max(64, 12 * nVertices)), n = 0;
  for (let z = 1; z < size - 1; z++) for (let y = 1; y < size - 1; y++) for (let x = 1; x < size - 1; x++) {
    const index = z * steps[2] + y * size + x;
    const isInside = volume[index] >= level;
    for (let axis = 0; axis < 3; axis++) {
      if (isInside === volume[index + steps[axis]] >= level) continue;
      const one = steps[(axis + 1) % 3], two = steps[(axis + 2) % 3];
      const a = vertexOfCell[index - one - two], b = vertexOfCell[index - two], c = vertexOfCell[index], d = vertexOfCell[index - one];
      if (n + 6 > triangles.length) triangles = grown(triangles, Uint32Array);
      const order = isInside ? [a, b, c, a, c, d] : [a, c, b, a, d, c];
      for (let k = 0; k < 6; k++) triangles[n++] = order[k];
    }
  }
  return triangles.subarray(0, n);
}

function gradients(volume, size, places, nVertices) {
  const normals = new Float32Array(3 * nVertices), steps = [1, size, size * size], last = size - 1;
  for (let v = 0; v < nVertices; v++) {
    const at = [0, 1, 2].map((axis) => Math.min(Math.max(Math.round(places[3 * v + axis]), 1), last - 1));
    const index = at[0] + at[1] * size + at[2] * size * size;
    const gx = volume[index - 1] - volume[index + 1], gy = volume[index - steps[1]] - volume[index + steps[1]];
    const gz = volume[index - steps[2]] - volume[index + steps[2]], length = Math.hypot(gx, gy, gz) || 1;
    normals[3 * v] = gx / length;
    normals[3 * v + 1] = gy / length;
    normals[3 * v + 2] = gz / length;
  }
  return normals;
}

function grown(values, Kind) {
  const larger = new Kind(2 * values.length);
  larger.set(values);
  return larger;
}
