"use strict";
// Paints surfaces pixel by pixel, for machines without a GPU: triangles into a depth buffer, light as in the WebGL form.
// While the molecule moves one sample a pixel is taken; soon after it stands still, four.

const LIGHT_STEPS = 256;
const MILLISECONDS_OF_STANDING_STILL = 150;

class PixelSurfaces {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.meshes = [];
    this.fine = document.createElement("canvas");
  }

  upload(meshes) {
    this.meshes = meshes.map(({ surface, tint, opacity }) => ({
      ...surface, colours: litColours(tint), opacity: opacity ?? 1,
      seen: new Float32Array((surface.places.length / 3) * 4), // screen x, y, depth and light of each vertex
    }));
  }

  draw(turn, scale, middle) {
    const { width, height } = this.canvas;
    this.context.putImageData(this.paint(width, height, turn, scale, middle), 0, 0);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.drawFinely(turn, scale, middle), MILLISECONDS_OF_STANDING_STILL);
  }

  /** The same with smooth edges. */
  drawFinely(turn, scale, middle) {
    const { width, height } = this.canvas;
    this.fine.width = 2 * width;
    this.fine.height = 2 * height;
    this.fine.getContext("2d", { alpha: false }).putImageData(this.paint(2 * width, 2 * height, turn, scale, middle), 0, 0);
    this.context.imageSmoothingEnabled = true;
    this.context.drawImage(this.fine, 0, 0, width, height);
  }

  paint(width, height, turn, scale, middle) {
    const picture = new ImageData(width, height), pixels = new Uint32Array(picture.data.buffer).fill(0xffffffff);
    const depth = new Float32Array(width * height).fill(-Infinity);
    for (const mesh of this.meshes) {
      lookAt(mesh, width, height, turn, scale, middle);
      if (mesh.opacity === 1) fillTriangles(mesh, width, height, pixels, depth);
      else {
        const layer = new Uint32Array(width * height), cover = Math.round(256 * mesh.opacity);
        fillTriangles(mesh, width, height, layer, depth);
        for (let at = 0; at < layer.length; at++) if (layer[at]) pixels[at] = mixed(pixels[at], layer[at], cover);
      }
    }
    return picture;
  }
}

/** Screen places, depths and lights of all vertices. */
function lookAt(mesh, width, height, turn, scale, middle) {
  const { places, normals, seen } = mesh, stretch = (Math.min(width, height) / 2) * scale;
  const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = turn;
  for (let v = 0, at = 0; v < places.length; v += 3, at += 4) {
    const x = places[v] - middle, y = places[v + 1] - middle, z = places[v + 2] - middle;
    seen[at] = width / 2 + stretch * (m0 * x + m3 * y + m6 * z);
    seen[at + 1] = height / 2 - stretch * (m1 * x + m4 * y + m7 * z);
    seen[at + 2] = m2 * x + m5 * y + m8 * z;
    seen[at + 3] = (LIGHT_STEPS - 1) * Math.abs(m2 * normals[v] + m5 * normals[v + 1] + m8 * normals[v + 2]);
  }
}

function fillTriangles({ triangles, seen, colours }, width, height, pixels, depth) {
  for (let t = 0; t < triangles.length; t += 3) {
    const a = 4 * triangles[t];
    let b = 4 * triangles[t + 1], c = 4 * triangles[t + 2];
    let area = (seen[b] - seen[a]) * (seen[c + 1] - seen[a + 1]) - (seen[c] - seen[a]) * (seen[b + 1] - seen[a + 1]);
    if (area === 0) continue;
    if (area < 0) { const other = b; b = c; c = other; area = -area; }
    const ax = seen[a], ay = seen[a + 1], bx = seen[b], by = seen[b + 1], cx = seen[c], cy = seen[c + 1];
    const left = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5)), right = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
    const top = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5)), bottom = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
    for (let py = top; py <= bottom; py++) {
      const y = py + 0.5;
      for (let px = left; px <= right; px++) {
        const x = px + 0.5;
        const wa = (cx - bx) * (y - by) - (cy - by) * (x - bx), wb = (ax - cx) * (y - cy) - (ay - cy) * (x - cx), wc = area - wa - wb;
        if (wa < 0 || wb < 0 || wc < 0) continue;
        const at = py * width + px, far = (wa * seen[a + 2] + wb * seen[b + 2] + wc * seen[c + 2]) / area;
        if (far <= depth[at]) continue;
        depth[at] = far;
        pixels[at] = colours[((wa * seen[a + 3] + wb * seen[b + 3] + wc * seen[c + 3]) / area) | 0];
      }
    }
  }
}

/** Colours of a tint (0 to 1) from grazing to full light. */
function litColours(tint) {
  return Uint32Array.from({ length: LIGHT_STEPS }, (_, step) => {
    const light = step / (LIGHT_STEPS - 1), edge = Math.min(1, Math.max(0, (0.45 - light) / 0.45));
    const shade = 1 - 0.45 * edge * edge * (3 - 2 * edge);
    return packedColour(tint.map((channel) => Math.round(255 * Math.min(1, (channel * (0.35 + 0.65 * light) + 0.12 * light ** 24) * shade))));
  });
}
