"""RELION particle star files of 3.0 to 5: which block is which, and whether they hold single particles at all."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns, where
from gem_plugin.io.star.text import StarBlock, StarDocument, read_star_document

IMAGE_NAME = "_rlnImageName"
COPY_LABEL = "_gemSymmetryCopy"  # of views: the number of the copy, 0 for the original row
NAMES_AT_A_TIME = 100_000
TOMOGRAPHY_LABELS = ("_rlnTomoName", "_rlnTomoParticleName", "_rlnTomoVisibleFrames", "_rlnCtfImage")
OPTIMISATION_SET = "_rlnTomoParticlesFile"  # names the particles, tomograms and trajectories of RELION 5
MINIMUM_TILTS = (
    3  # rows per particle, on average, that make a file a tilt series rather than single particles
)


@dataclass(frozen=True)
class RelionFile:
    """A particle star file: its text, the block of particles, and the optics block where there is one."""

    document: StarDocument
    particles: StarBlock
    optics: StarBlock | None

    @property
    def path(self) -> Path:
        return self.document.path

    def without_text(self) -> "RelionFile":
        """The same file after its columns were read, without the memory of its text; `at` still works."""
        return replace(self, document=replace(self.document, content=b""))

    def at(self, row: int) -> str:
        """Words that lead to a particle row."""
        return where(self.document, self.particles, row)


def read_relion_file(path: Path) -> RelionFile:
    """Read a particle star file; refuse anything that is not single particles."""
    document = read_star_document(path)
    _refuse_optimisation_set(document)
    file = _relion_file(document)
    _refuse_tomography(file)
    return file


def open_tilt_series_file(path: Path) -> RelionFile:
    """Read a star file of particles or images of tilt series, of which read_relion_file refuses all."""
    return _relion_file(read_star_document(path))


def _relion_file(document: StarDocument) -> RelionFile:
    return RelionFile(document, _particle_block(document), document.find_block("optics"))


def read_image_names(file: RelionFile) -> np.ndarray:  # (n,) object array of str
    """rlnImageName of every particle; several rows may show one image."""
    return read_particle_columns(file)[IMAGE_NAME]


def read_particle_columns(
    file: RelionFile,
    number_labels: Iterable[str] = (),
    text_labels: Iterable[str] = (),
    not_always_numbers: Collection[str] = (),  # of the number labels: NaN where a value is none, no error
) -> dict[str, np.ndarray]:  # label -> (n,) float64, or object array of str
    """rlnImageName, and those of the other columns that are there, in one pass through the file."""
    if IMAGE_NAME not in file.particles.labels:
        raise InputError(
            f"{file.path}, block data_{file.particles.name}: there is no column {IMAGE_NAME}. "
            "Expected a particle star file; micrograph and coordinate files cannot be used."
        )
    texts = [IMAGE_NAME, *text_labels]
    columns = read_columns(file.document, file.particles, number_labels, texts, not_always_numbers)
    if len(columns[IMAGE_NAME]) == 0:
        raise InputError(f"{file.path} holds no particles. Was the selection that made it empty?")
    return columns


def split_image_names(
    file: RelionFile, names: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:  # (n,) stack names as objects of str, (n,) int64 slices from 0
    """000001@stack.mrcs as slice 0 of stack.mrcs."""
    stacks = np.empty(len(names), dtype=object)
    slices = np.empty(len(names), dtype=np.int64)
    one_of_each: dict[str, str] = {}  # rows share the text of their stack's name
    for start in range(0, len(names), NAMES_AT_A_TIME):
        some = names[start : start + NAMES_AT_A_TIME].tolist()
        at_signs = [name.find("@") for name in some]
        numbers = [name[:at] for name, at in zip(some, at_signs)]
        stack_names = [name[at + 1 :] for name, at in zip(some, at_signs)]
        if min(at_signs) < 1 or not ("".join(numbers).isdecimal() and all(stack_names)):
            raise _no_slice(file, start, some)
        of_some = np.array(list(map(int, numbers)), dtype=np.int64)
        if of_some.min() < 1:
            raise _no_slice(file, start, some)
        slices[start : start + len(some)] = of_some - 1
        stacks[start : start + len(some)] = [one_of_each.setdefault(stack, stack) for stack in stack_names]
    return stacks, slices


def _no_slice(file: RelionFile, first_row: int, names: list[str]) -> InputError:
    """Names the first of the rows that does not say which image of which stack is meant."""
    for row, name in enumerate(names, start=first_row):
        number, _, stack = name.partition("@")
        if not (number.isdecimal() and int(number) >= 1 and stack):
            return InputError(
                f"{file.at(row)}, column {IMAGE_NAME}: expected number@stack.mrcs with numbers from 1, found {name!r}. "
                "Single maps such as subtomograms cannot be used; only stacks of 2D particle images."
            )
    raise AssertionError("one of the names is wrong")


def _particle_block(document: StarDocument) -> StarBlock:
    named = document.find_block("particles")
    if named is not None:
        return named
    with_images = [block for block in document.blocks if IMAGE_NAME in block.labels]
    if len(with_images) == 1:
        return with_images[0]
    if not with_images:
        names = ", ".join(f"data_{block.name}" for block in document.blocks) or "none with columns"
        raise InputError(
            f"{document.path}: expected a block data_particles, or one with the column {IMAGE_NAME}; found blocks: {names}. "
            "Give the particles.star or run_data.star of a RELION job."
        )
    names = ", ".join(f"data_{block.name}" for block in with_images)
    raise InputError(
        f"{document.path}: several blocks hold particles ({names}); expected one. Split the file first."
    )


def is_of_tilt_series(document: StarDocument) -> bool:
    """Whether a star file names or holds particles from tomography, of which read_relion_file refuses all."""
    return _names_a_set(document) or _holds_tomography(_relion_file(document))


def _labels_of_tomography(file: RelionFile) -> list[str]:
    return [label for label in TOMOGRAPHY_LABELS if label in file.particles.labels]


def _holds_tomography(file: RelionFile) -> bool:
    has_block = file.document.find_block("general") is not None
    return bool(_labels_of_tomography(file)) or has_block or _has_volumes(file) or _is_tilt_series(file)


def _names_a_set(document: StarDocument) -> bool:
    return any(OPTIMISATION_SET in block.labels for block in document.blocks)


def _refuse_tomography(file: RelionFile) -> None:
    if _holds_tomography(file):
        present = _labels_of_tomography(file)
        raise _is_from_tomography(file.path, f" (column {present[0]})" if present else "")


def _refuse_optimisation_set(document: StarDocument) -> None:
    if _names_a_set(document):
        raise _is_from_tomography(document.path, " (an optimisation set)")


def _is_from_tomography(path: Path, found: str) -> InputError:
    return InputError(
        f"{path} is from tomography: subtomograms or tilt series{found}. Here only single-particle images can be used: give the "
        "particles of a single-particle Refine3D job, or use gem-em run, which takes tilt series (docs/tilt_series.md says what works)."
    )


def _has_volumes(file: RelionFile) -> bool:
    if file.optics is None:
        return False
    dimensions = read_columns(file.document, file.optics, ["_rlnImageDimensionality"])
    return bool(np.any(dimensions.get("_rlnImageDimensionality", np.zeros(0)) == 3))


def _has_doses_as_b_factors(file: RelionFile) -> bool:
    """Whether B-factors below 0 differ within groups of several rows."""
    group_label, b_label = "_rlnGroupName", "_rlnCtfBfactor"
    if not {group_label, b_label} <= set(file.particles.labels):
        return False
    columns = read_columns(file.document, file.particles, [b_label], [group_label])
    groups, b_factors = columns[group_label].tolist(), columns[b_label]
    has_several = len(groups) >= MINIMUM_TILTS * len(set(groups))
    n_different = len(set(zip(groups, b_factors.tolist())))
    return bool(
        has_several and n_different > len(set(groups)) and b_factors.max(initial=0) <= 0 > b_factors.min()
    )


def _is_tilt_series(file: RelionFile) -> bool:
    """Whether rows are tilts of the same particles, as Warp and M write them.

    Then a group is one particle: with at most one image in a micrograph, which has several rows after symmetry expansion, and with
    a scale that falls with the tilt. Files without micrographs are known by their B-factors below 0, which stand for the dose.
    """
    labels = ("_rlnGroupName", "_rlnMicrographName")
    if labels[1] not in file.particles.labels:
        return _has_doses_as_b_factors(file)
    if not {*labels, "_rlnCtfScalefactor"} <= set(file.particles.labels):
        return False
    columns = read_columns(file.document, file.particles, ["_rlnCtfScalefactor"], [*labels, IMAGE_NAME])
    groups = columns["_rlnGroupName"].tolist()
    n_groups, n_images = len(set(groups)), len(set(zip(groups, columns[IMAGE_NAME].tolist())))
    n_micrographs = len(
        set(zip(groups, columns["_rlnMicrographName"].tolist()))
    )  # each counted for each group
    is_seen_once = n_micrographs == n_images >= MINIMUM_TILTS * n_groups
    return bool(is_seen_once and np.ptp(columns["_rlnCtfScalefactor"]) > 0)
