"""CryoSPARC's particle files as structured arrays: one .cs file, one .csg group. No physics here.

A .cs file is a NumPy structured array (magic NUMPY) or CryoSPARC's own stream (magic CSDAT, needs cryosparc-tools).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import load_whole_array
from gem_plugin.io.cryosparc.columns import with_uids_as_cryosparc_has_them
from gem_plugin.io.cryosparc.csdat import CSDAT_MAGIC, load_csdat
from gem_plugin.io.whole_files import whole_file, write_text_whole

NUMPY_MAGIC = b"\x93NUMPY"


@dataclass(frozen=True)
class ResultGroup:
    """What a .csg file says: which .cs file holds which slot of one output group."""

    path: Path
    group: dict[str, Any]  # name, type, title, description
    metafiles: dict[str, Path]  # slot -> .cs file
    counts: dict[str, int]  # slot -> number of rows promised
    slot_types: dict[str, str]  # slot -> "particle.blob", ...


def read_cs_rows(path: Path) -> np.ndarray:  # (n,) structured, strings as bytes
    """All rows of one .cs file, in its order."""
    path = Path(path)
    try:
        with open(path, "rb") as handle:
            magic = handle.read(len(NUMPY_MAGIC))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from None
    if magic == CSDAT_MAGIC:
        return _read_csdat(path)
    if magic != NUMPY_MAGIC:
        raise InputError(
            f"{path}: expected a CryoSPARC .cs file (starting with NUMPY or CSDAT), found {magic!r}. "
            "Is it complete, and not a .csg or .star file?"
        )
    try:
        rows = load_whole_array(path)
    except (ValueError, OSError) as error:
        if "object" in str(error).lower():
            raise InputError(
                f"{path}: holds Python objects, which are never loaded because they can run programs. "
                "Save it in CryoSPARC's own form: cryosparc.dataset.Dataset.save does."
            ) from None
        raise InputError(f"{path}: is damaged or cut short ({error}). Copy or export it again.") from None
    if rows.dtype.names is None or rows.ndim != 1:
        raise InputError(
            f"{path}: is a plain array of shape {rows.shape}, not a table. Give a CryoSPARC .cs file."
        )
    return with_uids_as_cryosparc_has_them(rows, path)


def _read_csdat(path: Path) -> np.ndarray:
    """The stream form, through cryosparc-tools; strings become bytes as in the NumPy form."""
    try:
        from cryosparc.dataset import Dataset
    except ImportError:
        raise InputError(
            f"{path}: is in CryoSPARC's CSDAT form, which needs cryosparc-tools: "
            "pip install 'cryosparc-tools>=4.7,<6', or export the job in CryoSPARC and give the export."
        ) from None
    try:
        return dataset_to_rows(load_csdat(path.read_bytes(), Dataset))
    except Exception as error:
        raise InputError(f"{path}: is damaged or cut short ({error}). Copy or export it again.") from None


def dataset_to_rows(dataset: Any) -> np.ndarray:  # (n,) structured
    """A cryosparc-tools Dataset as the structured array that its own save() would write."""
    return np.asarray(dataset.to_records(fixed=True)).view(np.ndarray)


def write_cs_rows(path: Path, rows: np.ndarray) -> None:
    """Write a whole .cs file of NumPy form; every byte of every row is kept."""
    with whole_file(path) as temporary, open(temporary, "wb") as handle:
        np.save(handle, rows, allow_pickle=False)


def slots_of(rows: np.ndarray) -> list[str]:
    """Slot names ("blob", "ctf", ...) in the order of their first field."""
    names = rows.dtype.names or ()
    return list(dict.fromkeys(name.split("/", 1)[0] for name in names if "/" in name))


def require_fields(rows: np.ndarray, names: list[str], source: Path) -> None:
    """Raise InputError that names the absent fields and shows what is there."""
    present = rows.dtype.names or ()
    absent = [name for name in names if name not in present]
    if absent:
        raise InputError(
            f"{source}: lacks {', '.join(absent)}; it has the slots {', '.join(slots_of(rows)) or 'none'}. "
            "Give the whole job directory, so that the passthrough file is found, or an exported group."
        )


def read_csg(path: Path) -> ResultGroup:
    """Read a result group file; a leading > means: relative to the folder of the .csg."""
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        results = content["results"]
        metafiles = {slot: _metafile_path(path, entry["metafile"]) for slot, entry in results.items()}
        counts = {slot: int(entry["num_items"]) for slot, entry in results.items()}
        slot_types = {slot: str(entry["type"]) for slot, entry in results.items()}
        group = dict(content["group"])
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from None
    except (
        yaml.YAMLError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        raise InputError(
            f"{path}: is not a CryoSPARC result group ({type(error).__name__}: {error}). "
            "Expected group, and results with metafile, num_items and type."
        ) from None
    return ResultGroup(path, group, metafiles, counts, slot_types)


def _metafile_path(csg: Path, metafile: str) -> Path:
    """Where the .cs of a slot lies: beside the .csg, or in the project folder above the job's."""
    if metafile.startswith(">"):
        return csg.parent / metafile[1:]
    in_project = csg.parent.parent / metafile
    return in_project if in_project.exists() else csg.parent / Path(metafile).name


def write_csg(
    path: Path,
    cs_name: str,
    rows: np.ndarray,
    title: str,
    description: str,
    created: str,
    slot_types: Mapping[str, str] | None = None,  # slot -> "particle.blob", as far as known
) -> None:
    """Describe a .cs file that lies beside it as a particle group for Import Result Group."""
    known = slot_types or {}
    results = {
        slot: {
            "metafile": f">{cs_name}",
            "num_items": len(rows),
            "type": known.get(slot) or f"particle.{slot_type(slot, rows)}",
        }
        for slot in slots_of(rows)
    }
    content = {
        "created": created,
        "group": {"description": description, "name": "particles", "title": title, "type": "particle"},
        "results": results,
        "version": "v4.7.1",
    }
    write_text_whole(path, yaml.safe_dump(content, sort_keys=True, allow_unicode=True, width=10_000))


def slot_type(slot: str, rows: np.ndarray) -> str:
    """The data type of a slot: numbered slots such as components_mode_3 share one type."""
    for prefix, slot_type in (
        ("components_mode_", "components"),
        ("alignments_class3D_", "alignments3D"),
        ("alignments_class_", "alignments2D"),
    ):
        if slot.startswith(prefix) and slot.removeprefix(prefix).isdigit():
            has_rotation = f"{slot}/pose" in (rows.dtype.names or ()) and rows.dtype[
                f"{slot}/pose"
            ].shape == (3,)
            return "alignments3D" if has_rotation else slot_type
    return slot
