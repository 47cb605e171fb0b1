"""Runs that are killed: every file is whole or absent, and the run goes on to the same result."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gem_plugin.errors import InputError
from gem_plugin.io.checkpoints import read_checkpoint
from gem_plugin.io.mrc_header import read_mrc_header
from gem_plugin.io.run_files import RunFiles
from gem_plugin.io.run_settings import read_run_settings
from gem_plugin.io.whole_files import remove_unfinished_files
from gem_plugin.progress import Progress
from gem_plugin.steps.simulate import SimulateSettings, run_simulate

WORKER = Path(__file__).parent / "survival_worker.py"
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1)  # half of them as the kernel kills
LONGEST_RUN_IN_SECONDS = 900
SHORT, WHOLE = "prepare,consensus,train", "prepare,consensus,train,analyze,landscape,report"
N_PARTICLES = 96


def environment() -> dict[str, str]:
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return {**os.environ, **one_thread, "MPLBACKEND": "Agg"}


def start(data: Path, root: Path, steps: str = SHORT, limit_in_bytes: int | None = None) -> subprocess.Popen:
    def limit() -> None:
        if limit_in_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then writing fails as on a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_in_bytes, limit_in_bytes))

    command = [sys.executable, str(WORKER), str(data), str(root), steps]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=environment(), preexec_fn=limit, **pipes)  # type: ignore[call-overload]


def finish(data: Path, root: Path, steps: str = SHORT) -> str:
    process = start(data, root, steps)
    text, _ = process.communicate(timeout=LONGEST_RUN_IN_SECONDS)
    assert process.returncode == 0, text
    return text


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("survival") / "data"
    settings = SimulateSettings(out=folder, n_particles=N_PARTICLES, box=24, pixel_size=11.0, snr=0.2)
    run_simulate(settings, Progress())
    return folder


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFiles, float]:
    """A run that nobody killed, and how long it took."""
    root = tmp_path_factory.mktemp("undisturbed") / "run"
    begin = time.monotonic()
    finish(data, root)
    return RunFiles(root), time.monotonic() - begin


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


def kill_repeatedly(
    data: Path, folder: Path, reference: tuple[RunFiles, float], n_kills: int, steps: str = SHORT
) -> int:
    """Kill runs at random moments; each is finished in the end and compared. Gives the number of kills."""
    generator, killed, attempt = random.Random(n_kills), 0, 0
    while killed < n_kills:
        attempt += 1
        root = folder / f"run{attempt}"
        for _ in range(min(6, n_kills - killed)):
            process = start(data, root, steps)
            try:
                process.communicate(timeout=generator.uniform(0.2, 0.9) * reference[1])
                break  # it was done before its time came
            except subprocess.TimeoutExpired:
                process.send_signal(generator.choice(SIGNALS))
                process.communicate()
                killed += 1
            assert not broken_files(root)
        finish(data, root, steps)
        assert not broken_files(root)
        assert not [path for path in root.rglob(".*.part*")]
        same_results(reference[0], RunFiles(root))
    return killed


def same_results(first: RunFiles, second: RunFiles) -> None:
    np.testing.assert_array_equal(np.load(first.latents), np.load(second.latents))
    names = ("landscape/particle_states.npy", "landscape/volume_pca_scores.npy")
    for name in names:
        assert (first.root / name).is_file() == (second.root / name).is_file()
        if not (first.root / name).is_file():
            continue
        np.testing.assert_allclose(
            np.load(first.root / name), np.load(second.root / name), rtol=1e-6, atol=1e-9
        )
    steps = [set(json.loads(run.summary.read_text())) for run in (first, second)]
    assert steps[0] == steps[1]


@pytest.mark.slow
def test_thirty_kills_over_all_steps_change_nothing(data: Path, tmp_path: Path) -> None:
    begin = time.monotonic()
    finish(data, tmp_path / "undisturbed", WHOLE)
    undisturbed = RunFiles(tmp_path / "undisturbed"), time.monotonic() - begin
    assert kill_repeatedly(data, tmp_path, undisturbed, n_kills=32, steps=WHOLE) >= 30


def test_a_handful_of_kills_changes_nothing(
    data: Path, undisturbed: tuple[RunFiles, float], tmp_path: Path
) -> None:
    assert kill_repeatedly(data, tmp_path, undisturbed, n_kills=3) >= 3


def test_a_disk_that_fills_ends_in_one_sentence_and_the_run_goes_on(
    data: Path, undisturbed: tuple[RunFiles, float], tmp_path: Path
) -> None:
    process = start(data, tmp_path / "run", limit_in_bytes=100_000)
    text, _ = process.communicate(timeout=LONGEST_RUN_IN_SECONDS)
    assert process.returncode == 1, text
    assert "Traceback" not in text
    assert "finished steps are kept and the run can be continued" in text.splitlines()[-1]
    assert not broken_files(tmp_path / "run")
    finish(data, tmp_path / "run")
    same_results(undisturbed[0], RunFiles(tmp_path / "run"))


def test_a_checkpoint_cut_by_a_power_failure_is_named(
    undisturbed: tuple[RunFiles, float], tmp_path: Path
) -> None:
    for share in (0.0, 0.3, 0.9, 0.999):
        content = undisturbed[0].checkpoint.read_bytes()
        cut = tmp_path / "checkpoint.pt"
        cut.write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match="is not a whole checkpoint"):
            read_checkpoint(cut)


def test_a_folder_that_cannot_be_made_ends_in_one_sentence(data: Path) -> None:
    process = start(data, Path("/proc/gem/run"))
    text, _ = process.communicate(timeout=LONGEST_RUN_IN_SECONDS)
    assert process.returncode in (1, 2), text
    assert "Traceback" not in text


def test_images_lost_in_the_middle_are_named(
    data: Path, undisturbed: tuple[RunFiles, float], tmp_path: Path
) -> None:
    import shutil

    from gem_plugin.heterogeneity.settings import TrainSettings
    from gem_plugin.steps.train import run_train

    shutil.copytree(undisturbed[0].root, tmp_path / "run")
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
