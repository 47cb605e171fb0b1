"""Broken and hostile files: every reader returns or raises InputError, in bounded memory, and runs no code from a file."""

import io
import os
import pickle
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_arrays, read_number_table
from gem_plugin.io.atoms import read_atoms
from gem_plugin.io.checkpoints import read_checkpoint, write_checkpoint
from gem_plugin.io.cryosparc_files import read_cs_rows
from gem_plugin.io.gaussian_files import GaussianArrays, read_gaussians, write_gaussians
from gem_plugin.io.map_files import read_map, write_map
from gem_plugin.io.mrc_stacks import open_stack
from gem_plugin.io.pickled_arrays import read_pickled_arrays
from gem_plugin.io.star_tables import read_columns
from gem_plugin.io.star_text import read_star_document

SLACK_IN_BYTES = 4_000_000  # tables, messages and the interpreter's own
LARGEST_FACTOR = 10
STAR = b"""
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnImagePixelSize #2
1 1.5

data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnOpticsGroup #3
000001@a.mrcs 12.5 1
000002@a.mrcs -3.5 1
"""
PDB = b"ATOM      1  CA  ALA A   1      11.104   6.134  -6.504  1.00 10.00           C\nEND\n"


def _read_star(path: Path) -> None:
    document = read_star_document(path)
    for block in document.blocks:
        read_columns(document, block, ["_rlnAngleRot"], ["_rlnImageName"])


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _made(write: Callable[[Path], None], folder: Path, name: str) -> bytes:
    write(folder / name)
    return (folder / name).read_bytes()


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, Callable[[Path], object]]]:
    """A small whole file of every kind, and its reader."""
    folder = tmp_path_factory.mktemp("samples")
    volume = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    cloud = GaussianArrays(np.ones((5, 3), np.float32), np.ones(5, np.float32), np.ones(5, np.float32))
    rows = np.zeros(3, dtype=[("uid", "<u8"), ("blob/path", "S12"), ("blob/shape", "<u4", (2,))])
    arrays = io.BytesIO()
    np.savez(arrays, first=volume, second=np.arange(5))
    mrc = _made(lambda path: write_map(path, volume, 1.5), folder, "a.mrc")
    checkpoint = _made(lambda path: write_checkpoint(path, {"model": torch.ones(4), "n": 3}), folder, "a.pt")
    return {
        "star": (STAR, _read_star),
        "mrc": (mrc, read_map),
        "mrcs": (mrc, open_stack),
        "ply": (_made(lambda path: write_gaussians(path, cloud), folder, "a.ply"), read_gaussians),
        "npy": (_npy(volume), lambda path: read_array(path, "x")),
        "npz": (arrays.getvalue(), lambda path: read_arrays(path, "x")),
        "cs": (_npy(rows), read_cs_rows),
        "pkl": (pickle.dumps([volume, {"a": 1.5}]), read_pickled_arrays),
        "pt": (checkpoint, read_checkpoint),
        "txt": (b"1 2.5\n3 4\n", read_number_table),
        "pdb": (PDB, read_atoms),
    }


KINDS = ("star", "mrc", "mrcs", "ply", "npy", "npz", "cs", "pkl", "pt", "txt", "pdb")


def damaged(content: bytes, seed: int) -> bytes:
    """Bytes changed, cut, doubled, or numbers made huge, at random places."""
    generator, data = random.Random(seed), bytearray(content)
    for _ in range(generator.randint(1, 6)):
        place = generator.randrange(max(len(data), 1))
        kind = generator.randrange(6)
        if kind == 0 and data:
            data[place] = generator.randrange(256)
        elif kind == 1:
            del data[place:]
        elif kind == 2:
            data[place:place] = data[place : place + generator.randint(1, 40)]
        elif kind == 3:
            data[place : place + 4] = generator.choice([b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f"])
        elif kind == 4:
            digits = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
            if digits:
                at = generator.choice(digits)
                data[at : at + 1] = generator.choice([b"999999999", b"-1", b"nan", b"0"])
        else:
            del data[place : place + generator.randint(1, 8)]
    return bytes(data)


def read_in_bounds(read: Callable[[Path], object], path: Path) -> None:
    """Read; InputError is a good answer, memory beyond the bound is not."""
    tracemalloc.start()
    try:
        read(path)
    except InputError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < LARGEST_FACTOR * path.stat().st_size + SLACK_IN_BYTES


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=int(os.environ.get("GEM_FUZZ_EXAMPLES", "60")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_are_read_or_refused_in_words(samples, kind: str, tmp_path: Path, seed: int) -> None:
    content, read = samples[kind]
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(damaged(content, seed))
    read_in_bounds(read, path)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read_and_empty_ones_refused(samples, kind: str, tmp_path: Path) -> None:
    content, read = samples[kind]
    path = tmp_path / f"whole.{kind}"
    path.write_bytes(content)
    read(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"whole\."):
        read(path)


class _Attack:
    """Its pickle calls os.system when it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("kind", ["pkl", "pt", "npy", "cs", "npz"])
def test_code_in_a_file_is_not_run(samples, kind: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / f"attack.{kind}"
    if kind == "pkl":
        path.write_bytes(pickle.dumps(_Attack(trace)))
    elif kind == "pt":
        torch.save({"format": "gem-checkpoint", "version": 1, "model": _Attack(trace)}, path)
    elif kind == "npz":
        np.savez(path, first=np.array([_Attack(trace)], dtype=object))
    else:
        with open(path, "wb") as handle:
            np.save(handle, np.array([_Attack(trace)], dtype=object), allow_pickle=True)
    with pytest.raises(InputError):
        samples[kind][1](path)
    assert not trace.exists()


def test_a_header_that_promises_terabytes_takes_no_memory(samples, tmp_path: Path) -> None:
    header = np.lib.format.magic(1, 0)
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    text += b" " * (63 - (len(text) + 10) % 64) + b"\n"
    promised = header + len(text).to_bytes(2, "little") + text + b"\0" * 100
    for kind in ("npy", "cs"):
        path = tmp_path / f"huge.{kind}"
        path.write_bytes(promised)
        read_in_bounds(samples[kind][1], path)
    ply = samples["ply"][0].replace(b"element vertex 5", b"element vertex 900000000000")
    (tmp_path / "huge.ply").write_bytes(ply)
    with pytest.raises(InputError):
        read_gaussians(tmp_path / "huge.ply")
