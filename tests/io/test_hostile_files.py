"""Broken and hostile files: every reader returns or raises InputError, in bounded memory, and runs no code from a file."""

import io
import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile_samples import Sample, damaged, make_samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.groups import link_relative_stacks
from gem_plugin.io.gaussian_files import read_gaussians
from gem_plugin.io.mrc.stack_links import link_stacks, stack_targets, write_inverted_stacks
from gem_plugin.progress import Progress

SLACK_IN_BYTES = 4_000_000  # tables, messages and the interpreter's own
MAXIMUM_FACTOR = 10
KINDS = (
    *("star", "particles.star", "mrc", "mrcs", "ply", "gaussianem.ply", "npy", "npz", "cs", "csg", "pkl"),
    *("cryodrgn.pkl", "output.pkl", "pt", "weights.pkl", "gaussianem.pkl", "json", "yaml", "toml", "txt"),
    *("pdb", "model.pdb", "cif"),
)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sample]:
    """A small whole file of every kind, and its reader."""
    made = make_samples(tmp_path_factory.mktemp("samples"))
    assert set(made) == set(KINDS)
    return made


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
    assert peak < MAXIMUM_FACTOR * path.stat().st_size + SLACK_IN_BYTES


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


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_fuzzer_that_sees_the_code_finds_nothing(repository: Path, kind: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris is not installed (Linux with Python 3.11 or newer)")
    command = [sys.executable, repository / "tests/programs/fuzz_readers.py", kind, "-max_total_time=15"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_read_and_empty_ones_refused(samples, kind: str, tmp_path: Path) -> None:
    content, read = samples[kind]
    path = tmp_path / f"whole.{kind}"
    path.write_bytes(content)
    read(path)
    path.write_bytes(b"")
    if kind == "toml":  # a run without settings yet
        assert read(path) == {}
        return
    with pytest.raises(InputError, match=r"whole\."):
        read(path)


def test_a_ply_file_of_more_vertices_than_a_machine_can_count_is_refused(samples, tmp_path: Path) -> None:
    content, read = samples["ply"]
    path = tmp_path / "many.ply"
    path.write_bytes(re.sub(rb"element vertex \d+", b"element vertex " + b"5" * 60, content))
    with pytest.raises(InputError, match="not a readable PLY file"):
        read(path)


class _Attack:
    """Its pickle calls os.system when it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize(
    "kind", ["pkl", "cryodrgn.pkl", "output.pkl", "pt", "weights.pkl", "gaussianem.pkl", "npy", "cs", "npz"]
)
def test_code_in_a_file_is_not_run(samples, kind: str, tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / f"attack.{kind}"
    if kind in ("pkl", "cryodrgn.pkl", "output.pkl"):
        path.write_bytes(pickle.dumps(_Attack(trace)))
    elif kind in ("pt", "weights.pkl", "gaussianem.pkl"):
        content = {"format": "gem-checkpoint", "version": 1, "model_state_dict": {"a": _Attack(trace)}}
        torch.save(content, path)
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


@pytest.mark.parametrize("kind", ["pt", "weights.pkl", "gaussianem.pkl"])
def test_a_small_file_of_tensors_cannot_take_much_memory(samples, kind: str, tmp_path: Path) -> None:
    plain, bomb = tmp_path / "plain.pt", tmp_path / f"bomb.{kind}"
    content = {"format": "gem-checkpoint", "version": 1, "model_state_dict": {"a": torch.zeros(3_000_000)}}
    torch.save(content, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(InputError, match="is compressed or larger than the file"):
        samples[kind].read(bomb)
    torch.save({"model_state_dict": bytearray(5)}, bomb)
    with pytest.raises(InputError, match="bytearray"):
        samples[kind].read(bomb)


@pytest.mark.parametrize("name", [b">/etc/passwd", b">../../elsewhere/a.mrcs"])
def test_a_stack_name_cannot_make_a_link_outside_the_results(tmp_path: Path, name: bytes) -> None:
    rows = np.array([(name,)], dtype=[("blob/path", "S40")])
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(InputError, match="does not lie below the folder"):
        link_relative_stacks(rows, tmp_path / "a/b", tmp_path / "run/out")
    assert not (tmp_path / "run").exists()


def test_a_stack_name_cannot_make_a_file_outside_its_folder(samples, tmp_path: Path) -> None:
    stack, folder = tmp_path / "a.mrc", tmp_path / "run/stacks"
    stack.write_bytes(samples["mrcs"].content)
    names = {"../../victim.mrc": stack, "/J1/../../../b.mrc": stack}
    written = stack_targets(names, folder)
    write_inverted_stacks(names, written, 1.5, Progress(io.StringIO()))
    assert list(written.values()) == [folder / "victim.mrcs", folder / "J1/b.mrcs"]
    linked = stack_targets({"../../other.mrc": stack}, folder)
    link_stacks({"../../other.mrc": stack}, linked)
    assert list(linked.values()) == [folder / "other.mrcs"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mrc", "run"]
