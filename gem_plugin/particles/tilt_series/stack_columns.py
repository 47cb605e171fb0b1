"""The columns of particles that are 2D stacks, with those of their optics groups, checked."""

from dataclasses import dataclass

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.particles import IMAGE_NAME, RelionFile
from gem_plugin.particles.from_relion import columns_of_optics
from gem_plugin.particles.processing_flags import PROCESSED_FLAGS
from gem_plugin.particles.tilt_series.coordinates import COORDINATE_COLUMNS
from gem_plugin.particles.tilt_series.tomograms import OPTICS

TOMOGRAM, PARTICLE, FRAMES = "_rlnTomoName", "_rlnTomoParticleName", "_rlnTomoVisibleFrames"
ANGLES = ("_rlnAngleRot", "_rlnAngleTilt", "_rlnAnglePsi")
SUBTOMOGRAM_ANGLES = ("_rlnTomoSubtomogramRot", "_rlnTomoSubtomogramTilt", "_rlnTomoSubtomogramPsi")
ORIGINS = ("_rlnOriginXAngst", "_rlnOriginYAngst", "_rlnOriginZAngst")
ORIGINS_IN_PIXELS = ("_rlnOriginX", "_rlnOriginY", "_rlnOriginZ")
GROUP, HALF_SET, CLASS = "_rlnOpticsGroup", "_rlnRandomSubset", "_rlnClassNumber"
PIXEL_SIZE, BOX = "_rlnImagePixelSize", "_rlnImageSize"
SHARED = (*OPTICS, PIXEL_SIZE, BOX, *PROCESSED_FLAGS)  # in the optics block, usually
PIXEL_SIZE_TOLERANCE = 1e-3  # of two groups that have one pixel size

Columns = dict[str, np.ndarray]  # by label, each (n,)


@dataclass(frozen=True)
class StackColumns:
    """What the particle file says of its n particles; one box and one pixel size."""

    file: RelionFile
    values: Columns
    box_size: int | None  # pixels; None where the file does not say
    pixel_size_in_angstroms: float

    def __len__(self) -> int:
        return len(self.values[IMAGE_NAME])

    @property
    def stacks(self) -> np.ndarray:  # (n,) object array of str
        return self.values[IMAGE_NAME]

    @property
    def tomograms(self) -> np.ndarray:  # (n,) object array of str
        return self.values[TOMOGRAM]

    @property
    def names(self) -> np.ndarray:  # (n,) object array of str
        """rlnTomoParticleName, or the name of the stack."""
        return self.values.get(PARTICLE, self.stacks)

    @property
    def angles(self) -> np.ndarray:  # (n, 3) degrees
        return self._triples(ANGLES)

    @property
    def subtomogram_angles(self) -> np.ndarray:  # (n, 3) degrees
        return self._triples(SUBTOMOGRAM_ANGLES)

    @property
    def origins(self) -> np.ndarray:  # (n, 3) Angstrom
        if any(label in self.values for label in ORIGINS):
            return self._triples(ORIGINS)
        return self._triples(ORIGINS_IN_PIXELS) * self.pixel_size_in_angstroms

    @property
    def half_sets(self) -> np.ndarray:  # (n,) int8
        return self.whole_numbers(HALF_SET).astype(np.int8)

    def whole_numbers(self, label: str) -> np.ndarray:  # (n,) int64; 0 where the column is absent
        return self.values.get(label, np.zeros(len(self))).astype(np.int64)

    def at(self, row: int) -> str:
        """Words that lead to a particle: file, row, line and name."""
        return f"{self.file.at(row)}, particle {self.names[row]}"

    def _triples(self, labels: tuple[str, ...]) -> np.ndarray:  # (n, 3) float64; 0 where a column is absent
        zeros = np.zeros(len(self))
        return np.stack([self.values.get(label, zeros) for label in labels], axis=1)


def read_stack_columns(file: RelionFile) -> StackColumns:
    """Read and check the columns; InputError names the column or the particle that is wrong."""
    numbers = [*ANGLES, *SUBTOMOGRAM_ANGLES, *ORIGINS, *ORIGINS_IN_PIXELS, *COORDINATE_COLUMNS]
    numbers += [GROUP, HALF_SET, CLASS, *SHARED]
    texts = [IMAGE_NAME, TOMOGRAM, PARTICLE, FRAMES]
    values = read_columns(file.document, file.particles, numbers, texts)
    _check_there(file, values)
    if file.optics is not None:
        values = {**values, **columns_of_optics(file, values, list(SHARED))}
    box_size, pixel_size = _sizes(file, values)
    columns = StackColumns(file, values, box_size, pixel_size)
    _check_names(columns)
    wrong = np.flatnonzero(~np.isin(values.get(HALF_SET, np.zeros(1)), (0, 1, 2)))
    if len(wrong):
        raise InputError(
            f"{columns.at(int(wrong[0]))}: expected half set 1 or 2 in {HALF_SET}, found {values[HALF_SET][wrong[0]]:g}. Correct it."
        )
    return columns


def _check_there(file: RelionFile, values: Columns) -> None:
    for label in (IMAGE_NAME, TOMOGRAM, FRAMES, *ANGLES):
        if label not in values:
            kind = "poses" if label in ANGLES else "2D stacks of tilt images"
            raise InputError(
                f"{file.path} has no {kind}: the column {label} is missing. Give the particles that were extracted as 2D stacks, "
                "after a refinement, such as run_data.star of Refine3D."
            )
    if not len(values[IMAGE_NAME]):
        raise InputError(f"{file.path} holds no particles. Was the selection that made it empty?")


def _sizes(file: RelionFile, values: Columns) -> tuple[int | None, float]:
    if PIXEL_SIZE not in values:
        raise InputError(
            f"{file.path} has no pixel size: expected {PIXEL_SIZE} in data_optics. Take the file from the job that extracted the "
            "particles."
        )
    pixel_sizes = values[PIXEL_SIZE]
    different, counts = np.unique(pixel_sizes, return_counts=True)
    if different[0] <= 0 or np.ptp(different) > PIXEL_SIZE_TOLERANCE * different[0]:
        shown = ", ".join(f"{size:.6g} A ({count} particles)" for size, count in zip(different, counts))
        raise InputError(
            f"{file.path}: expected one pixel size above 0, found {shown}. Extract all particles with one binning, or give a part of them."
        )
    boxes = np.unique(values[BOX]) if BOX in values else np.zeros(0)
    if len(boxes) > 1:
        shown = ", ".join(f"{box:.0f}" for box in boxes)
        raise InputError(
            f"{file.path}: expected one box, found {shown} pixels. Extract all particles with one box, or give a part of them."
        )
    return (int(boxes[0]) if len(boxes) else None), float(pixel_sizes[0])


def _check_names(columns: StackColumns) -> None:
    """A stack a particle; rows of one name show one stack, as views of that particle by symmetry do."""
    for row, name in enumerate(columns.stacks.tolist()):
        if "@" in name:
            raise InputError(
                f"{columns.at(row)}: {IMAGE_NAME} is {name!r}; expected the name of a stack of its own, without a slice number. "
                "Extract the particles as 2D stacks again."
            )
    row_of_name: dict[str, int] = {}
    for row, (name, stack) in enumerate(zip(columns.names.tolist(), columns.stacks.tolist(), strict=True)):
        first = row_of_name.setdefault(name, row)
        if columns.stacks[first] != stack:
            n_rows = int((columns.names == name).sum())
            raise InputError(
                f"{columns.file.path}: the particle {name} is there {n_rows} times (rows {first} and {row}) with different stacks; expected "
                "each once, or with one stack as views by symmetry. Were files joined that share particles? Remove the repeated rows."
            )
