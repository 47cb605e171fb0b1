"use strict";
// A surface of equal density as triangles, by naive surface nets: one vertex in each cell that the surface crosses, at
// the mean of the crossings of its edges (S. F. F. Gibson, MICCAI 1998, 888). Vertices are shared, normals are gradients.

const EDGE_ENDS = (() => { // of the twelve edges of a cell: the numbers of two corners that differ in one coordinate
  const ends = [];
  for (let a = 0; a < 8; a++) for (const bit of [1, 2, 4]) if (!(a & bit)) ends.push(a, a | bit);
  return Uint8Array.from(ends);
})();

/**
 * volume: bytes, x fastest, size along each axis. Gives vertices and normals (3 numbers each, in voxels, x y z) and
 * triangles (3 vertex numbers each). Normals point to lower density.
 */
function surfaceNet(volume, size, level) {
  const { cells, nCells, vertexOfCell } = crossedCells(volume, size, level);
  const places = cellVertices(volume, size, level, cells, nCells);
  return { places, normals: gradients(volume, size, places, nCells), triangles: joinCells(volume, size, level, cells, nCells, vertexOfCell) };
}

/** The cells that the surface crosses (by their first corner), and the number of each among them, or -1. */
function crossedCells(volume, size, level) {
  const plane = size * size, vertexOfCell = new Int32Array(plane * size).fill(-1);
  let cells = new Int32Array(8192), nCells = 0;
  for (let z = 0; z < size - 1; z++) for (let y = 0; y < size - 1; y++) {
    let index = z * plane + y * size, inside = cornersAt(volume, index, size, plane, level) << 1; // bit k: corner k is inside
    for (let x = 0; x < size - 1; x++, index++) {
      inside = ((inside >> 1) & 0x55) | (cornersAt(volume, index + 1, size, plane, level) << 1);
      if (inside === 0 || inside === 255) continue;
      if (nCells === cells.length) cells = grown(cells, Int32Array);
      vertexOfCell[index] = nCells;
      cells[nCells++] = index;
    }
  }
  return { cells, nCells, vertexOfCell };
}

/** The four corners of a cell that share an x, as bits 0, 2, 4, 6. */
function cornersAt(volume, index, size, plane, level) {
  return (volume[index] >= level ? 1 : 0) | (volume[index + size] >= level ? 4 : 0)
    | (volume[index + plane] >= level ? 16 : 0) | (volume[index + plane + size] >= level ? 64 : 0);
}

/** In each cell the mean of the places where the surface crosses its edges. */
function cellVertices(volume, size, level, cells, nCells) {
  const plane = size * size, places = new Float32Array(3 * nCells), values = new Float32Array(8);
  const corner = [0, 1, size, size + 1, plane, plane + 1, plane + size, plane + size + 1];
  for (let cell = 0; cell < nCells; cell++) {
    const index = cells[cell];
    for (let k = 0; k < 8; k++) values[k] = volume[index + corner[k]];
    let sx = 0, sy = 0, sz = 0, crossings = 0;
    for (let e = 0; e < 24; e += 2) {
      const a = EDGE_ENDS[e], axis = EDGE_ENDS[e + 1] - a, low = values[a], high = values[a + axis];
      if (low >= level === high >= level) continue;
      const t = (level - low) / (high - low);
      sx += (a & 1) + (axis === 1 ? t : 0);
      sy += ((a >> 1) & 1) + (axis === 2 ? t : 0);
      sz += ((a >> 2) & 1) + (axis === 4 ? t : 0);
      crossings++;
    }
    const z = Math.floor(index / plane), y = Math.floor((index - z * plane) / size);
    places[3 * cell] = index - z * plane - y * size + sx / crossings;
    places[3 * cell + 1] = y + sy / crossings;
    places[3 * cell + 2] = z + sz / crossings;
  }
  return places;
}

/** Two triangles for each edge of the grid that the surface crosses, between the four cells around it. */
function joinCells(volume, size, level, cells, nCells, vertexOfCell) {
  const steps = [1, size, size * size];
  let triangles = new Uint32Array(Math.max(64, 12 * nCells)), n = 0;
  for (let cell = 0; cell < nCells; cell++) {
    const index = cells[cell], z = Math.floor(index / steps[2]), y = Math.floor(index / size) % size, x = index % size;
    if (x === 0 || y === 0 || z === 0) continue;
    const isInside = volume[index] >= level;
    for (let axis = 0; axis < 3; axis++) {
      if (isInside === volume[index + steps[axis]] >= level) continue;
      const one = steps[(axis + 1) % 3], two = steps[(axis + 2) % 3];
      const a = vertexOfCell[index - one - two], b = vertexOfCell[index - two], c = cell, d = vertexOfCell[index - one];
      if (n + 6 > triangles.length) triangles = grown(triangles, Uint32Array);
      triangles[n] = triangles[n + 3] = a;
      triangles[n + 1] = isInside ? b : c;
      triangles[n + 2] = isInside ? c : b;
      triangles[n + 4] = isInside ? c : d;
      triangles[n + 5] = isInside ? d : c;
      n += 6;
    }
  }
  return triangles.subarray(0, n);
}

function gradients(volume, size, places, nVertices) {
  const normals = new Float32Array(3 * nVertices), steps = [1, size, size * size], last = size - 1;
  const within = (place) => Math.min(Math.max(Math.round(place), 1), last - 1);
  for (let v = 0; v < nVertices; v++) {
    const index = within(places[3 * v]) + within(places[3 * v + 1]) * steps[1] + within(places[3 * v + 2]) * steps[2];
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
