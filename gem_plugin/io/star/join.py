"""Several particle star files as one: optics groups numbered anew, the columns that all have, and the sample of each particle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.edit import write_whole_pieces
from gem_plugin.io.star.particles import IMAGE_NAME, RelionFile, split_image_names
from gem_plugin.io.star.text import StarBlock
from gem_plugin.io.star.write import VERSION_LINE
from gem_plugin.notices import note

SAMPLE_LABEL = "_gemSample"
OPTICS_GROUP, OPTICS_GROUP_NAME = "_rlnOpticsGroup", "_rlnOpticsGroupName"
PATH_LABELS = ("_rlnMicrographName", "_rlnImageOriginalName")  # names that count from the project folder
NO_ABERRATION = {  # optics columns that a file may lack: what their absence means
    "_rlnBeamTiltX": "0",
    "_rlnBeamTiltY": "0",
    "_rlnOddZernike": "[0,0,0,0,0,0]",
    "_rlnEvenZernike": "[0,0,0,0,0,0,0,0,0]",
    "_rlnMagMat00": "1",
    "_rlnMagMat01": "0",
    "_rlnMagMat10": "0",
    "_rlnMagMat11": "1",
}
ROWS_AT_A_TIME = 50_000


@dataclass(frozen=True)
class FileToJoin:
    """One of the files."""

    sample: str
    file: RelionFile
    folder: Path | None  # put before the names of the project; None: names stay as they are
    stack_paths: Mapping[str, Path]  # of each stack name, for that
    own_names: tuple[str, ...] = ()  # columns whose values get the name of the sample, so that they differ
    are_whole_stacks: bool = False  # image names are those of stacks, without a number


def write_joined_star(
    target: Path,
    files: Sequence[FileToJoin],
    general: Mapping[str, str] | None = None,  # values of a block data_general before the others
) -> None:
    """Write all particles in the order of the files, with the column gemSample behind the others."""
    with_optics = [one.file.optics is not None for one in files]
    if any(with_optics) and not all(with_optics):
        old = files[with_optics.index(False)].file.path
        raise InputError(
            f"{old} has no data_optics, as before RELION 3.1, and other samples have it. Convert it with relion_convert_star first."
        )
    write_whole_pieces(target, _pieces(files, all(with_optics), general or {}))


def _pieces(files: Sequence[FileToJoin], with_optics: bool, general: Mapping[str, str]) -> Iterator[bytes]:
    if general:
        lines = [f"{label} {value}" for label, value in general.items()]
        yield "\n".join(["", VERSION_LINE, "", "data_general", "", *lines, ""]).encode()
    groups: list[dict[str, str]] = [{} for _ in files]
    if with_optics:
        optics, groups = _joined_optics(files)
        yield _header("optics", list(optics), True)
        yield from _lines(list(optics.values()))
    labels = _common_labels([one.file.particles for one in files], "particles")
    yield _header("particles" if with_optics else "", [*labels, SAMPLE_LABEL], with_optics)
    for one, new_groups in zip(files, groups, strict=True):
        columns = _columns_of(one, labels, new_groups)
        yield from _lines([*columns, np.full(len(columns[0]), one.sample, dtype=object)])


def _common_labels(blocks: Sequence[StarBlock], what: str) -> list[str]:
    """The labels of the first that all have, and a note on those that go."""
    common = set.intersection(*(set(block.labels) for block in blocks)) - {SAMPLE_LABEL}
    gone = dict.fromkeys(label for block in blocks for label in block.labels if label not in common)
    gone.pop(SAMPLE_LABEL, None)
    if gone:
        note(
            f"Not all samples have the columns {', '.join(label[1:] for label in gone)} of {what}: they are left out of the joined file."
        )
    return [label for label in blocks[0].labels if label in common]


def _joined_optics(files: Sequence[FileToJoin]) -> tuple[dict[str, np.ndarray], list[dict[str, str]]]:
    """The optics tables below each other, and the new number of each group of each file."""
    tables = []
    for one in files:
        assert one.file.optics is not None
        tables.append(read_columns(one.file.document, one.file.optics, text_labels=one.file.optics.labels))
        if OPTICS_GROUP not in tables[-1]:
            raise InputError(f"{one.file.path}, block data_optics: there is no column {OPTICS_GROUP}.")
    for label, value in NO_ABERRATION.items():
        if any(label in table for table in tables):
            for table in tables:
                table.setdefault(label, np.full(len(table[OPTICS_GROUP]), value, dtype=object))
    blocks = [StarBlock("optics", True, tuple(table), (), *(np.zeros(0, np.int64),) * 3) for table in tables]
    labels = _common_labels(blocks, "optics groups")
    joined: dict[str, list[str]] = {label: [] for label in labels}
    new_numbers: list[dict[str, str]] = []
    for one, table in zip(files, tables, strict=True):
        first = 1 + sum(map(len, new_numbers))
        old = table[OPTICS_GROUP].tolist()
        new_numbers.append({number: str(first + index) for index, number in enumerate(old)})
        for label in labels:
            values = table[label].tolist()
            if label == OPTICS_GROUP:
                values = [new_numbers[-1][number] for number in old]
            elif label == OPTICS_GROUP_NAME:
                values = [f"{one.sample}_{value}" for value in values]
            joined[label] += values
    return {label: np.array(values, dtype=object) for label, values in joined.items()}, new_numbers


def _columns_of(one: FileToJoin, labels: Sequence[str], new_groups: Mapping[str, str]) -> list[np.ndarray]:
    columns = read_columns(one.file.document, one.file.particles, text_labels=labels)
    if new_groups and OPTICS_GROUP in columns:
        old = columns[OPTICS_GROUP].tolist()
        unknown = next((number for number in dict.fromkeys(old) if number not in new_groups), None)
        if unknown is not None:
            raise InputError(
                f"{one.file.path}: particles are of optics group {unknown}, data_optics has {', '.join(new_groups)}. Correct the file."
            )
        columns[OPTICS_GROUP][:] = [new_groups[number] for number in old]
    if one.folder is not None:
        _name_from_root(one, columns)
    for label in one.own_names:
        if label in columns:
            columns[label][:] = [f"{one.sample}_{value}" for value in columns[label].tolist()]
    return [columns[label] for label in labels]


def _name_from_root(one: FileToJoin, columns: dict[str, np.ndarray]) -> None:
    """Names of images and micrographs that mean the same from any project."""
    if one.are_whole_stacks:
        names = columns[IMAGE_NAME].tolist()
        columns[IMAGE_NAME][:] = [str(_path_of(one, stack)) for stack in names]
    else:
        stacks, slices = split_image_names(one.file, columns[IMAGE_NAME])
        columns[IMAGE_NAME][:] = [
            f"{number + 1:06d}@{_path_of(one, stack)}"
            for stack, number in zip(stacks.tolist(), slices.tolist())
        ]
    assert one.folder is not None
    for label in PATH_LABELS:
        if label in columns:
            columns[label][:] = [_below(one.folder, name) for name in columns[label].tolist()]


def _path_of(one: FileToJoin, stack: str) -> Path:
    """Stacks without a path are of particles that are not used."""
    assert one.folder is not None
    return one.stack_paths.get(stack, one.folder / stack).absolute()


def _below(folder: Path, name: str) -> str:
    number, at_sign, path = name.rpartition("@")
    return f"{number}{at_sign}{folder.absolute() / path}" if path else name


def _header(name: str, labels: Sequence[str], with_version: bool) -> bytes:
    version = [VERSION_LINE, ""] if with_version else []
    lines = [f"{label} #{number}" for number, label in enumerate(labels, start=1)]
    return "\n".join(["", *version, f"data_{name}", "", "loop_", *lines, ""]).encode()


def _lines(columns: Sequence[np.ndarray]) -> Iterator[bytes]:
    for start in range(0, len(columns[0]), ROWS_AT_A_TIME):
        rows = zip(*(column[start : start + ROWS_AT_A_TIME].tolist() for column in columns))
        text = "".join(" ".join(map(_shown, row)) + "\n" for row in rows)
        yield text.encode("utf-8", "surrogateescape")
    yield b"\n"


def _shown(value: str) -> str:
    """With quotes where it is empty or holds a blank."""
    return f'"{value}"' if not value or " " in value or "\t" in value else value
