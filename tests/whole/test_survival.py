"""Runs that are killed: every file is whole or absent, and the run goes on to the same result."""

import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import survival_worker
from survival_worker import STEPS, small_run

from gem_plugin.cli.outcome import exit_code_of
from gem_plugin.errors import InputError
from gem_plugin.io.checkpoints import read_checkpoint
from gem_plugin.io.mrc.header import read_mrc_header
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import forget_steps, read_run_settings, read_summary
from gem_plugin.io.whole_files import remove_unfinished_files
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

WORKER = Path(survival_worker.__file__)
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1)  # half of them as the kernel kills
MAXIMUM_RUN_IN_SECONDS = 900
SHORT = ("prepare", "consensus", "train")
KILLED_BEFORE = 0.6  # of the time that a step takes undisturbed, which is never the same twice
N_PARTICLES, BOX, PIXEL_SIZE_IN_ANGSTROMS = 96, 24, 11.0


def environment() -> dict[str, str]:
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return {**os.environ, **one_thread, "MPLBACKEND": "Agg"}


def start(
    data: Path, root: Path, steps: tuple[str, ...] = SHORT, limit_in_bytes: int | None = None
) -> subprocess.Popen:
    def limit() -> None:
        if limit_in_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails as on a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_in_bytes, limit_in_bytes))

    command = [sys.executable, str(WORKER), str(data), str(root), ",".join(steps)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=environment(), preexec_fn=limit, **pipes)  # type: ignore[call-overload]


def finish(data: Path, root: Path, steps: tuple[str, ...] = SHORT) -> str:
    process = start(data, root, steps)
    text, _ = process.communicate(timeout=MAXIMUM_RUN_IN_SECONDS)
    assert process.returncode == 0, text
    return text


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("survival") / "data"
    settings = SimulateSettings(
        out=folder, n_particles=N_PARTICLES, box=BOX, pixel_size=PIXEL_SIZE_IN_ANGSTROMS, snr=0.2
    )
    run_simulate(settings, Progress())
    with np.load(folder / "truth.npz", allow_pickle=False) as truth:
        atoms = truth["xyz"][0] + BOX // 2 * PIXEL_SIZE_IN_ANGSTROMS
    lines = [
        f"ATOM  {number:5d}  CA  ALA A{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           C"
        for number, (x, y, z) in enumerate(atoms[::10], start=1)
    ]
    (folder / "model.pdb").write_text("\n".join([*lines, "END", ""]))
    return folder


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """A run that nobody killed."""
    root = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(data, root)
    return RunFiles(root)


def broken_files(root: Path) -> list[str]:
    """Files under their final names that cannot be read to the end."""
    checks = {
        ".npy": lambda path: np.load(path, allow_pickle=False),
        ".npz": lambda path: [values for values in np.load(path, allow_pickle=False).values()],
        ".json": lambda path: json.loads(path.read_text()),
        ".mrc": read_mrc_header,
        ".mrcs": read_mrc_header,
        ".pt": read_checkpoint,
        ".toml": lambda path: read_run_settings(RunFiles(path.parent)),
        ".png": lambda path: _ends_with(path, b"IEND\xaeB`\x82"),
        ".pdf": lambda path: _ends_with(path, b"%%EOF"),
        ".html": lambda path: _ends_with(path, b"</html>"),
        ".csv": lambda path: _ends_with(path, b"\n", strip=False),
        ".star": lambda path: _ends_with(path, b"\n", strip=False),
    }
    broken = []
    for path in sorted(root.rglob("*")):
        if path.name.startswith(".") or path.suffix not in checks:
            continue
        try:
            checks[path.suffix](path)
        except Exception as error:
            broken.append(f"{path.relative_to(root)}: {error}")
    return broken


def _ends_with(path: Path, ending: bytes, strip: bool = True) -> None:
    content = path.read_bytes()
    assert (content.rstrip() if strip else content).endswith(ending), "cut off"


def kill_in_every_step(
    data: Path, folder: Path, reference: RunFiles, n_kills: int, steps: tuple[str, ...], kills_a_step: int
) -> Counter[str]:
    """Kill runs at random moments of one step after the other; each run is finished in the end and compared.

    Gives how often each step was killed.
    """
    generator, killed = random.Random(n_kills), Counter[str]()
    seconds = {step: numbers["seconds"] for step, numbers in read_summary(reference).items()}
    while killed.total() < n_kills:
        root = folder / f"round{killed.total()}" / "run"  # one name, as results carry it
        for step in steps:
            for _ in range(kills_a_step):
                if not kill_within(data, root, steps, step, seconds[step], generator):
                    seconds[step] /= 2  # done too soon: the undisturbed run compiled, or the machine was busy
                    break
                killed[step] += 1
                assert not broken_files(root)
        finish(data, root, steps)
        assert not broken_files(root)
        assert not [path for path in root.rglob(".*.part*")]
        same_results(reference, RunFiles(root))
    return killed


def kill_within(
    data: Path, root: Path, steps: tuple[str, ...], step: str, seconds: float, generator: random.Random
) -> bool:
    """Start the run, wait until it is in the step, and kill it there; False where the step was done too soon."""
    with start(data, root, steps) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(f"{step}: ") and "already done" not in line:
                break
        time.sleep(generator.uniform(0, KILLED_BEFORE * seconds))
        process.send_signal(generator.choice(SIGNALS))
        process.communicate()
    return process.returncode != 0 and step not in read_summary(RunFiles(root))


def same_results(first: RunFiles, second: RunFiles) -> None:
    """The same steps done, the same numbers, the same particles in the star files."""
    assert set(read_summary(first)) == set(read_summary(second))
    np.testing.assert_array_equal(np.load(first.latents), np.load(second.latents))
    for pattern in (
        "landscape/**/*.npy",
        "reconstruct/*.mrc",
        "flex/*.csv",
        "selected/*.star",
        "particles.star",
    ):
        names = sorted(path.relative_to(first.root) for path in first.root.glob(pattern))
        assert names == sorted(path.relative_to(second.root) for path in second.root.glob(pattern))
        for name in names:
            same_content(first.root / name, second.root / name)


def same_content(first: Path, second: Path) -> None:
    if first.suffix == ".npy":
        values = [np.load(path, allow_pickle=False) for path in (first, second)]
    elif first.suffix == ".mrc":
        values = [read_map(path).volume for path in (first, second)]
    else:
        assert first.read_bytes() == second.read_bytes()
        return
    scale = max(float(np.abs(values[0]).max(initial=0)), 1e-9)
    np.testing.assert_allclose(values[0] / scale, values[1] / scale, rtol=1e-6, atol=1e-6, err_msg=str(first))


@pytest.mark.slow
def test_thirty_kills_over_all_steps_change_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undisturbed = RunFiles(tmp_path / "undisturbed" / "run")
    finish(data, undisturbed.root, STEPS)
    killed = kill_in_every_step(data, tmp_path, undisturbed, n_kills=32, steps=STEPS, kills_a_step=2)
    with capsys.disabled():
        print(f"\n{killed.total()} kills: " + ", ".join(f"{step} {n}" for step, n in killed.items()))
    assert killed.total() >= 30
    assert set(killed) == set(STEPS)


def test_a_handful_of_kills_changes_nothing(data: Path, undisturbed: RunFiles, tmp_path: Path) -> None:
    killed = kill_in_every_step(data, tmp_path, undisturbed, n_kills=3, steps=SHORT, kills_a_step=1)
    assert killed.total() >= 3


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_the_last_written_file_cut_by_a_power_failure_is_made_again_or_named(
    data: Path, undisturbed: RunFiles, tmp_path: Path, share: float
) -> None:
    """Whatever file of the step that was at work: the step is done again, or one sentence says what is broken."""
    for step in SHORT:
        root = tmp_path / step / "run"
        shutil.copytree(undisturbed.root, root)
        forget_steps(RunFiles(root), SHORT[SHORT.index(step) :])
        last = newest_result(root, step)
        last.write_bytes(last.read_bytes()[: int(share * last.stat().st_size)])
        exit_code, sentence = run_in_this_process(data, root)
        if exit_code == 0:
            same_results(undisturbed, RunFiles(root))
        else:
            assert last.name in sentence
    (tmp_path / "train/run/summary.json").write_text("{")
    exit_code, sentence = run_in_this_process(data, tmp_path / "train/run")
    assert exit_code == 2
    assert "Delete it; finished steps are then done again" in sentence


def newest_result(root: Path, step: str) -> Path:
    folder = {"prepare": "prepared", "consensus": "consensus", "train": "train"}[step]
    return max(
        (path for path in (root / folder).iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime
    )


def run_in_this_process(data: Path, root: Path) -> tuple[int, str]:
    """Exit code and the last line that a user would read; anything that is no expected error is raised."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        exit_code = exit_code_of(lambda: small_run(data, root, SHORT))
    return exit_code, errors.getvalue()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes in memory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        not shutil.which("mount")
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3M", "none", disk], capture_output=True
        ).returncode
    ):
        pytest.skip("a disk in memory cannot be mounted here: it needs root")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_and_then_a_read_only_one_end_in_one_sentence(
    data: Path, undisturbed: RunFiles, small_disk: Path
) -> None:
    (small_disk / "ballast").write_bytes(bytes(2_400_000))
    exit_code, sentence = run_in_this_process(data, small_disk / "run")
    assert exit_code == 1
    assert "The disk is full. Free space or choose another folder" in sentence
    assert sentence.count("\n") == 1
    assert not broken_files(small_disk)
    assert not list(small_disk.rglob(".*.part*"))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    exit_code, sentence = run_in_this_process(data, small_disk / "run")
    assert exit_code in (1, 2)
    assert "read-only" in sentence.lower()
    assert sentence.count("\n") == 1
    subprocess.run(["mount", "-o", "remount,rw,size=40M", small_disk], check=True)
    (small_disk / "ballast").unlink()
    assert run_in_this_process(data, small_disk / "run")[0] == 0
    same_results(undisturbed, RunFiles(small_disk / "run"))


def test_a_raw_stack_that_is_lost_in_the_middle_is_named(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    stack = copy / "particles.mrcs"
    content = stack.read_bytes()
    settings, cut_size = PrepareSettings(particles=copy / "particles.star"), len(content) // 2

    class CutsTheStack(Progress):
        def track(self, items, description, *arguments, **options):  # type: ignore[no-untyped-def]
            if description == "Preparing images":
                os.truncate(stack, cut_size)
            return super().track(items, description, *arguments, **options)

    with pytest.raises(InputError, match=r"particles\.mrcs ended while slice \d+ was read"):
        run_prepare(RunFiles(tmp_path / "run"), settings, CutsTheStack(io.StringIO()))
    assert not (tmp_path / "run/prepared").exists() or not list((tmp_path / "run/prepared").iterdir())
    stack.unlink()
    with pytest.raises(InputError, match=r"particles\.mrcs"):
        run_prepare(RunFiles(tmp_path / "run"), settings, Progress(io.StringIO()))


def test_a_disk_that_fills_ends_in_one_sentence_and_the_run_goes_on(
    data: Path, undisturbed: RunFiles, tmp_path: Path
) -> None:
    process = start(data, tmp_path / "run", limit_in_bytes=100_000)
    text, _ = process.communicate(timeout=MAXIMUM_RUN_IN_SECONDS)
    assert process.returncode == 1, text
    assert "Traceback" not in text
    assert "finished steps are kept; run the same command again to resume" in text.splitlines()[-1]
    assert not broken_files(tmp_path / "run")
    finish(data, tmp_path / "run")
    same_results(undisturbed, RunFiles(tmp_path / "run"))


def test_a_checkpoint_cut_by_a_power_failure_is_named(undisturbed: RunFiles, tmp_path: Path) -> None:
    for share in (0.0, 0.3, 0.9, 0.999):
        content = undisturbed.checkpoint.read_bytes()
        cut = tmp_path / "checkpoint.pt"
        cut.write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match="It is not a whole checkpoint"):
            read_checkpoint(cut)


def test_a_folder_that_cannot_be_made_ends_in_one_sentence(data: Path) -> None:
    process = start(data, Path("/proc/gem/run"))
    text, _ = process.communicate(timeout=MAXIMUM_RUN_IN_SECONDS)
    assert process.returncode in (1, 2), text
    assert "Traceback" not in text


def test_images_lost_in_the_middle_are_named(data: Path, undisturbed: RunFiles, tmp_path: Path) -> None:
    from gem_plugin.heterogeneity.settings import TrainSettings
    from gem_plugin.steps.train.step import run_train

    shutil.copytree(undisturbed.root, tmp_path / "run")
    run = RunFiles(tmp_path / "run")
    content = run.prepared_images.read_bytes()
    run.prepared_images.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="truncated"):
        run_train(run, TrainSettings(epochs=1), Progress())
    run.prepared_images.unlink()
    with pytest.raises(InputError, match=r"particles\.mrcs"):
        run_train(run, TrainSettings(epochs=1), Progress())


def test_only_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    ours, theirs = tmp_path / f".a.part{os.getpid()}.npy", tmp_path / f".a.part{dead.pid}.npy"
    kept = tmp_path / ".hidden.partly"
    for path in (ours, theirs, kept):
        path.touch()
    assert remove_unfinished_files(tmp_path) == [theirs]
    assert ours.exists()
    assert kept.exists()
