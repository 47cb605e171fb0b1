"""Find the particles of a CryoSPARC job directory or export, and join particle and passthrough files on uid."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.columns import text_of
from gem_plugin.io.cryosparc.files import ResultGroup, read_cs_rows, read_csg, require_fields, slots_of

JOB_OUTPUT = re.compile(  # J61_00042_particles_class_2.cs, J61_class_02_00042_particles.cs, J62_split_0.cs
    r"^(?:cryosparc_)?(?:P\d+_)?(J\d+)_(?:class_(\d+)_)?(?:\d+_)?(?!passthrough_)([A-Za-z]\w*)\.cs$"
)
JOB_PARTICLES = re.compile(r"^(?:cryosparc_)?(?:P\d+_)?(J\d+)_(\d+)_particles\.cs$")


@dataclass(frozen=True)
class CryosparcParticles:
    """The joined rows, and where their images are."""

    rows: np.ndarray  # (n,) structured, in the row order of the particle file
    source: Path  # the .cs file that gives the row order
    image_folder: Path  # blob/path is relative to this
    slot_types: Mapping[str, str] = field(
        default_factory=dict
    )  # slot -> "particle.blob", where a .csg says so

    def __len__(self) -> int:
        return len(self.rows)


def read_cryosparc(path: Path) -> CryosparcParticles:
    """Read particles from a .cs file, a .csg group, a job directory or an export."""
    path = Path(path)
    if path.is_dir():
        _check_job_finished(path)
        path = find_particles_file(path)
    group = read_csg(path) if path.suffix == ".csg" else _group_beside(path)
    if group is not None and path.suffix == ".csg":
        files = _files_of_group(group)
        tables = [read_cs_rows(file) for file in files]
        _check_count(group, tables[0])
    else:
        files = [path, *_passthrough_of(path)]
        tables = [read_cs_rows(file) for file in files]
    rows = join_on_uid(tables, files, {} if group is None else _places_of_slots(group, tables, files))
    slot_types = {} if group is None else group.slot_types
    return CryosparcParticles(rows, files[0], find_image_folder(path, rows), slot_types)


def _check_job_finished(folder: Path) -> None:
    """A job directory carries job.json; a job that was killed or still runs has no final particles."""
    try:
        status = json.loads((folder / "job.json").read_text(encoding="utf-8")).get("status")
    except (OSError, ValueError, AttributeError):
        return  # exports and older versions have none; the files themselves are checked next
    if status not in (None, "completed"):
        raise InputError(
            f"{folder}: this CryoSPARC job is {status}, expected completed. Wait until it ends, "
            "or name the .cs file of the iteration to use."
        )


def find_particles_file(folder: Path) -> Path:
    """The one particle group of a job directory or an export: a .csg when there is one, else the last .cs."""
    for candidates in (sorted(folder.glob("*.csg")), sorted(folder.glob("*/*.csg"))):
        chosen = _choose_group(folder, candidates)
        if chosen is not None:
            return chosen
    numbered = [
        (int(match[2]), file) for file in folder.glob("*.cs") if (match := JOB_PARTICLES.match(file.name))
    ]
    if numbered:
        return max(numbered)[1]
    exported = sorted(folder.glob("*particles_exported.cs")) or sorted(
        folder.glob("*/*particles_exported.cs")
    )
    if len(exported) == 1:
        return exported[0]
    raise InputError(
        f"{folder}: expected one particle group (J42_particles.csg, J42_005_particles.cs or J42_particles_exported.cs), "
        f"found {_names(exported or sorted(folder.glob('*.cs')))}. Has the job finished? Otherwise name the .cs file itself."
    )


def _choose_group(folder: Path, candidates: Sequence[Path]) -> Path | None:
    """The group named J42_particles, or the only one of particles, whatever its name: particles_selected, split_0."""
    groups = [file for file in candidates if _is_of_particles(file)]
    plain = [file for file in groups if re.fullmatch(r"(.*_)?J\d+_particles(_exported)?\.csg", file.name)]
    chosen = plain or groups
    if len(chosen) > 1:
        raise InputError(f"{folder}: holds several particle groups: {_names(chosen)}. Name the one to use.")
    return chosen[0] if chosen else None


def _is_of_particles(csg: Path) -> bool:
    """By its name, else by what it says of itself."""
    if "particles" in csg.name:
        return True
    try:
        return read_csg(csg).group.get("type") == "particle"
    except InputError:
        return False


def _names(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files) or "none"


def _files_of_group(group: ResultGroup) -> list[Path]:
    """The .cs files of a group, the one that gives the row order first (alignments3D before blob, no passthrough)."""
    if group.group.get("type") != "particle":
        raise InputError(f"{group.path}: is a group of type {group.group.get('type')!r}, not of particles.")
    order = sorted(
        group.metafiles.items(),
        key=lambda item: ("passthrough" in item[1].name, item[0] != "alignments3D", item[0] != "blob"),
    )
    return list(dict.fromkeys(file for _, file in order))


def _group_beside(cs: Path) -> ResultGroup | None:
    """The one particle group in the folder of a .cs file that names it; None where none or several do."""
    found = []
    for path in sorted(cs.parent.glob("*.csg")):
        try:
            group = read_csg(path)
        except InputError:
            continue  # the .cs file is named so that this group does not matter
        named = {file.resolve() for file in group.metafiles.values()}
        if group.group.get("type") == "particle" and cs.resolve() in named:
            found.append(group)
    return found[0] if len(found) == 1 else None


def _places_of_slots(
    group: ResultGroup, tables: Sequence[np.ndarray], files: Sequence[Path]
) -> dict[str, int]:  # slot -> number of the table that holds it
    """From which of the tables each slot comes by the word of the group, as far as these tables are its files."""
    number_of_file = {file.resolve(): number for number, file in enumerate(files)}
    places: dict[str, int] = {}
    for slot, file in group.metafiles.items():
        number = number_of_file.get(file.resolve())
        if number is None:
            continue
        if slot in slots_of(tables[number]):
            places[slot] = number
        elif any(slot in slots_of(table) for table in tables):
            raise InputError(
                f"{group.path}: names {file.name} for the slot {slot}, but that file has only "
                f"{', '.join(slots_of(tables[number])) or 'no slots'}. Export the particles again."
            )
    return places


def _check_count(group: ResultGroup, rows: np.ndarray) -> None:
    counts = set(group.counts.values())
    if counts != {len(rows)}:
        raise InputError(
            f"{group.path}: promises {sorted(counts)} particles, but its particle file has {len(rows)}. "
            "Was one of the two edited by hand? Give the .cs file itself to use its rows."
        )


def _passthrough_of(cs: Path) -> list[Path]:
    """The passthrough file beside a job's particle file, under the names old and new versions give it."""
    match = JOB_OUTPUT.match(cs.name)
    if match is None:
        return []
    job, class_number, output = match.groups()
    if class_number is not None:
        output = f"{output}_class_{int(class_number)}"
    names = re.compile(rf"^(?:cryosparc_)?(?:P\d+_)?{job}_passthrough_{output}\.cs$")
    return sorted(
        file for file in cs.parent.glob(f"*{job}_passthrough_{output}.cs") if names.match(file.name)
    )


def join_on_uid(
    tables: Sequence[np.ndarray],
    files: Sequence[Path],
    places: Mapping[str, int] | None = None,  # slot -> number of its table; default: the first that has it
) -> np.ndarray:
    """Rows of the first table in its order, with the fields of all tables."""
    for table, file in zip(tables, files):
        require_fields(table, ["uid"], file)
        check_unique_uids(table["uid"], file)
    main = tables[0]
    if len(tables) == 1:
        return main
    places = places or {}
    partners = [
        None if number == 0 else _matching_rows(main["uid"], table["uid"], files[0], file)
        for number, (table, file) in enumerate(zip(tables, files))
    ]
    columns: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for number, (table, partner) in enumerate(zip(tables, partners)):
        for name in table.dtype.names or ():
            if name not in columns and places.get(name.split("/", 1)[0], number) == number:
                columns[name] = (table, partner)
    joined = np.empty(
        len(main), dtype=np.dtype([(name, table.dtype[name]) for name, (table, _) in columns.items()])
    )
    for name, (table, chosen) in columns.items():
        joined[name] = table[name] if chosen is None else table[name][chosen]
    return joined


def check_unique_uids(uids: np.ndarray, source: Path) -> None:
    """Two rows with one uid cannot be distinguished afterwards."""
    in_order = np.sort(uids)
    twice = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    if len(twice):
        rows = np.flatnonzero(uids == twice[0])
        raise InputError(
            f"{source}: {len(twice)} uids occur more than once, the first is {twice[0]} in rows {rows[0]} and {rows[1]} "
            "(counted from 0). CryoSPARC needs one row for each uid: do not join overlapping sets, or unite them in CryoSPARC "
            "with Particle Sets Tool."
        )


def _matching_rows(uids: np.ndarray, other_uids: np.ndarray, source: Path, other_source: Path) -> np.ndarray:
    """For each uid its row in the other table; every uid must have one."""
    order = np.argsort(other_uids)
    sorted_uids = other_uids[order]
    position = np.minimum(np.searchsorted(sorted_uids, uids), max(len(sorted_uids) - 1, 0))
    found = sorted_uids[position] == uids if len(sorted_uids) else np.zeros(len(uids), dtype=bool)
    if not found.all():
        raise InputError(
            f"{other_source}: has no row for {np.count_nonzero(~found)} of the {len(uids)} particles of {source.name}, "
            f"the first missing uid is {uids[~found][0]}. Are the two files of the same job and complete?"
        )
    return order[position]


def find_image_folder(source: Path, rows: np.ndarray) -> Path:
    """The folder that blob/path is relative to: the file's own for > paths, else the project above it."""
    own_folder = source.parent.absolute()
    if "blob/path" not in (rows.dtype.names or ()) or len(rows) == 0:
        return own_folder
    path = text_of(rows["blob/path"][0])
    first = path.removeprefix(">")
    for folder in (own_folder, *own_folder.parents):
        if (folder / first).exists():
            return folder
    in_job = not path.startswith(">") and re.fullmatch(r"J\d+", own_folder.name)
    return own_folder.parent if in_job else own_folder
