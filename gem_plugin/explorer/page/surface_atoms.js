// An atomic model inside the surfaces, drawn by NGL: it is moved, coloured by displacement, and removed.

// Å for each atom's root, between positions that were sent and that NGL read
const LARGEST_DIFFERENCE_IN_ORDER = 0.002;
// Quick to move, and seen from afar.
const CARTOON = { quality: "low", subdiv: 3, radialSegments: 8, radiusScale: 2 };
const LARGEST_DRAWN_WHOLE = 500; // atoms; of larger models the cartoon and ligands
// Still, some, far.
const COLOURS_OF_DISPLACEMENT = [[0x2b, 0x5c, 0x9e], [0xe8, 0xc5, 0x47], [0xc0, 0x3a, 0x1e]];

export class SurfaceAtoms {
  /** stage: of NGL. */
  constructor(stage) {
    this.stage = stage;
    this.component = null;
  }

  get isThere() {
    return Boolean(this.component);
  }

  /** text: mmCIF; scale: displacement in Å of the last colour. Gives the number of atoms. */
  async show(text, name, scale) {
    this.remove();
    const blob = new Blob([text], { type: "text/plain" });
    const component = await this.stage.loadFile(blob, { ext: "cif", name, firstModelOnly: true });
    const nAtoms = component?.structure?.atomCount ?? 0;
    if (!nAtoms) throw new Error(`No atoms were found in ${name}; expected a PDB or mmCIF file.`);
    this.component = component;
    this.scale = scale;
    this.first = positionsOf(component.structure);
    this.displacement = new Float32Array(nAtoms);
    const color = this.scheme();
    const common = { color, useWorker: false, disablePicking: true };
    component.addRepresentation("cartoon", { ...common, ...CARTOON });
    const rest = hasCartoon(component) && nAtoms > LARGEST_DRAWN_WHOLE ? "ligand" : "*";
    component.addRepresentation("ball+stick", { ...common, sele: rest, quality: "low" });
    return nAtoms;
  }

  /** Colours of atoms by their displacement, as NGL asks for them. */
  scheme() {
    const atoms = this;
    return NGL.ColormakerRegistry.addScheme(function colourAtoms() {
      this.atomColor = (atom) => colourOfDisplacement(atoms.displacement[atom.index] / atoms.scale);
    }, "displacement");
  }

  /** Whether NGL has the atoms in the order in which the server moves them. order: as orderOf gives it. */
  isInOrderOf(order) {
    const limit = LARGEST_DIFFERENCE_IN_ORDER * Math.sqrt(this.first.length);
    return orderOf(this.first).every((value, axis) => Math.abs(value - order[axis]) < limit);
  }

  /** positions: (3 n) Å; displacement: (n) Å. */
  move(positions, displacement) {
    if (!this.component) return;
    this.displacement = displacement;
    this.component.structure.updatePosition(positions);
    this.component.updateRepresentations({ position: true, color: true });
  }

  /** As in the file. */
  moveBack() {
    if (this.component) this.move(this.first, new Float32Array(this.first.length / 3));
  }

  remove() {
    if (this.component) this.stage.removeComponent(this.component);
    this.component = null;
  }
}

function positionsOf({ atomStore, atomCount }) {
  const positions = new Float32Array(3 * atomCount);
  for (let index = 0; index < atomCount; index++)
    positions.set([atomStore.x[index], atomStore.y[index], atomStore.z[index]], 3 * index);
  return positions;
}

/** Three sums that are others for atoms in another order; atoms.py has the same. positions: (3 n). */
export function orderOf(positions) {
  const sums = [0, 0, 0];
  for (let index = 0; index < positions.length; index++)
    sums[index % 3] += Math.sin(Math.floor(index / 3)) * positions[index];
  return sums;
}

function hasCartoon(component) {
  let nPolymers = 0;
  component.structure.eachPolymer(() => nPolymers++);
  return nPolymers > 0;
}

/** fraction of the scale -> 0xrrggbb, blue over yellow to red. */
export function colourOfDisplacement(fraction) {
  const along = 2 * Math.min(1, Math.max(0, fraction));
  const from = along < 1 ? 0 : 1;
  const mixed = COLOURS_OF_DISPLACEMENT[from].map((value, channel) =>
    Math.round(value + (along - from) * (COLOURS_OF_DISPLACEMENT[from + 1][channel] - value)));
  return (mixed[0] << 16) | (mixed[1] << 8) | mixed[2];
}
