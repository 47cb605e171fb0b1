"""Four processes give what one gives, in every step that they share; when one of them ends, all do, with one sentence."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from run_to_train import copy_of, run_to_train
from torch import distributed
from two_processes import (
    SECONDS,
    command_in_processes,
    environment_of_processes,
    finished_in_processes,
    run_in_processes,
)

from gem_plugin.errors import InputError, RunError
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.run_steps import STEPS, run_step
from gem_plugin.processes import together
from gem_plugin.processes.channel import Channel
from gem_plugin.processes.together import EndedWithOthersError, _end_with_others
from gem_plugin.progress import Progress
from gem_plugin.results.csv_tables import read_map_table
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.reconstruct.settings import ReconstructSettings

SMALL = {"epochs": 2, "batch_size": 16, "anchors": 24, "encoder_width": 32, "encoder_box": 16, "n_basis": 6}
FLAGS = ["--epochs=2", "--batch-size=16", "--anchors=24", "--qdim=32", "--encoder-box=16", "--n-basis=6"]
FULL = {"n_states": 3, "skip_umap": True, "leiden": False, "bootstrap": 3, "maps_per_state": 2}
FULL_FLAGS = ["--n-states=3", "--skip-umap", "--no-leiden", "--bootstrap=3", "--maps-per-state=2"]
IN_ONE_PROCESS = """
import os, sys
sys.argv = [sys.argv[0], *sys.argv[1:]]
{}
from gem_plugin.cli.main import main
raise SystemExit(main())
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return run_to_train(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def trained(prepared: RunFiles, tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """In one process, with a landscape."""
    run, quiet = copy_of(prepared, tmp_path_factory.mktemp("trained") / "run"), Progress(io.StringIO())
    run_step(STEPS["train"], run, TrainSettings(**SMALL), quiet)
    sketch = LandscapeSettings(sketch_size=30, n_states=3, skip_umap=True, plot_dim=0, checks=False)
    run_step(STEPS["landscape"], run, sketch, quiet)
    return run


def losses_of(run: RunFiles) -> list[float]:
    with open(run.history) as handle:
        return [float(row["loss"]) for row in csv.DictReader(handle)]


def rows_of_points(folder: Path) -> Path:
    (folder / "rows.txt").write_text("3\n")
    return folder / "rows.txt"


def a_region(run: RunFiles) -> Path:
    """Half of the box."""
    volume = read_map(run.landscape.states.mean(1))
    half = np.zeros_like(volume.volume)
    half[:, :, : len(half) // 2] = 1
    write_map(run.root / "half.mrc", half, volume.pixel_size_in_angstroms)
    return run.root / "half.mrc"


def test_four_processes_train_and_embed_as_one(prepared: RunFiles, trained: RunFiles, tmp_path: Path) -> None:
    run = copy_of(prepared, tmp_path / "run")
    printed = run_in_processes(4, "train", run.root, *FLAGS)
    assert losses_of(run) == pytest.approx(losses_of(trained), rel=2e-3, abs=2e-3)
    for path, other in ((run.latents, trained.latents), (run.contrasts, trained.contrasts)):
        mine, theirs = np.load(path), np.load(other)
        assert mine.shape == theirs.shape
        assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.999
    assert printed.count("train: done") == 1
    assert json.loads(run.summary.read_text())["train"]["processes"] == 4


@pytest.mark.parametrize("method", ["exact", pytest.param("regress", marks=pytest.mark.slow)])
def test_four_processes_find_the_coordinates_of_one(trained: RunFiles, tmp_path: Path, method: str) -> None:
    one, four = copy_of(trained, tmp_path / "one"), copy_of(trained, tmp_path / "four")
    settings = {"coordinates": method, "training_volumes": 40, "epochs": 2}
    regions = (f"half={a_region(one)}",)
    full = LandscapeFullSettings(**FULL, **settings, region=regions)
    run_step(STEPS["landscape-full"], one, full, Progress(io.StringIO()))
    flags = [f"--coordinates={method}", "--training-volumes=40", "--epochs=2", f"--region={regions[0]}"]
    run_in_processes(4, "landscape-full", four.root, *FULL_FLAGS, *flags)
    mine, theirs = np.load(four.landscape.full.coordinates), np.load(one.landscape.full.coordinates)
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())
    assert np.array_equal(
        np.load(four.landscape.full.particle_states), np.load(one.landscape.full.particle_states)
    )
    mine, theirs = np.load(four.landscape.full.regions), np.load(one.landscape.full.regions)
    np.testing.assert_allclose(mine["occupancy"], theirs["occupancy"], rtol=1e-5)
    numbers = json.loads(four.summary.read_text())["landscape-full"]
    expected = json.loads(one.summary.read_text())["landscape-full"]
    assert numbers["coordinates_by"] == expected["coordinates_by"] == method


@pytest.mark.parametrize("around", ["states", "latents"])
def test_four_processes_reconstruct_the_half_maps_of_one(
    trained: RunFiles, tmp_path: Path, around: str
) -> None:
    one, four = copy_of(trained, tmp_path / "one"), copy_of(trained, tmp_path / "four")
    points = {} if around == "states" else {"particles": rows_of_points(tmp_path)}
    run_step(STEPS["reconstruct"], one, ReconstructSettings(**points), Progress(io.StringIO()))
    run_in_processes(
        4,
        "reconstruct",
        four.root,
        *([] if around == "states" else [f"--particles={rows_of_points(tmp_path)}"]),
    )
    names = sorted(path.name for path in one.reconstruct.root.glob("*_half1*.mrc"))
    assert len(names) == (5 if around == "states" else 1)
    for name in names:
        mine, theirs = (read_map(run.reconstruct.root / name).volume for run in (four, one))
        np.testing.assert_allclose(mine, theirs, atol=1e-4 * np.abs(theirs).max())
    table = "maps.csv" if around == "states" else one.reconstruct.points_table.name
    mine, theirs = (read_map_table(run.reconstruct.root / table) for run in (four, one))
    for name, row in theirs.items():
        assert mine[name]["particles"] == row["particles"]
        assert mine[name]["resolution_in_angstroms"] == pytest.approx(
            row["resolution_in_angstroms"], rel=0.02
        )


def test_a_killed_process_ends_all_with_one_sentence_and_the_run_is_resumed(
    prepared: RunFiles, trained: RunFiles, tmp_path: Path
) -> None:
    run = copy_of(prepared, tmp_path / "run")
    longer = ["--epochs=400", *FLAGS[1:]]
    with subprocess.Popen(
        command_in_processes(4, "train", run.root, *longer),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment_of_processes(),
    ) as training:
        try:
            _wait_for(run.checkpoint)
            os.kill(_process_of_rank(training.pid, 2), signal.SIGKILL)
            printed = training.communicate(timeout=90)[0]
        finally:
            training.kill()
    assert training.returncode != 0
    sentences = [line for line in printed.splitlines() if "run the same command again to resume" in line]
    assert len(sentences) == 1, printed[-3000:]
    n_before = len(losses_of(run))
    assert n_before < 400
    printed = run_in_processes(4, "train", run.root, f"--epochs={n_before + 1}", *FLAGS[1:], "--resume")
    assert "Resuming after epoch" in printed
    assert len(losses_of(run)) == n_before + 1
    assert np.isfinite(np.load(run.latents)).all()


def test_wrong_input_is_refused_once(prepared: RunFiles, tmp_path: Path) -> None:
    run = copy_of(prepared, tmp_path / "run")
    done = finished_in_processes(4, "train", run.root, "--batch-size=18", *FLAGS[2:])
    assert done.returncode != 0
    sentence = "Error: --batch-size is 18; expected a multiple of the 4 processes."
    assert (done.stdout + done.stderr).count(sentence) == 1
    assert "Traceback" not in done.stdout


def test_an_error_of_one_process_ends_all(prepared: RunFiles, tmp_path: Path) -> None:
    """Memory that runs out in a process that is not the first, while the others wait for its sum."""
    run = copy_of(prepared, tmp_path / "run")
    program = tmp_path / "program.py"
    program.write_text(
        IN_ONE_PROCESS.format(
            "from gem_plugin.heterogeneity import training\n"
            "def fail(self, rows): raise MemoryError('unable to allocate')\n"
            "if os.environ['RANK'] == '1': training.Trainer.embed = fail\n"
        )
    )
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, program, "train", run.root, *FLAGS],
        capture_output=True,
        text=True,
        env=environment_of_processes(),
        timeout=SECONDS,
    )
    assert done.returncode != 0
    assert (done.stdout + done.stderr).count("The memory ran out.") == 1
    assert not run.latents.exists()


STORE = """
import sys, time
from datetime import timedelta
from torch import distributed
store = distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=60))
print(store.port, flush=True)
time.sleep(300)
"""


@pytest.fixture
def channel_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Channel]]:
    """A channel of a rank, whose store has ended since."""
    keeper = subprocess.Popen([sys.executable, "-c", STORE], stdout=subprocess.PIPE, text=True)
    assert keeper.stdout is not None
    with keeper, monkeypatch.context() as patch:
        launched = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": keeper.stdout.readline().strip()}
        launched |= {"WORLD_SIZE": "2", "TORCHELASTIC_USE_AGENT_STORE": "True"}

        def channel(rank: int) -> Channel:
            for name, value in {**launched, "RANK": str(rank)}.items():
                patch.setenv(name, value)
            opened = Channel()
            assert not opened.has_failed()
            keeper.kill()
            keeper.wait()
            return opened

        yield channel
        keeper.kill()


def test_where_the_store_has_ended_only_the_first_process_says_why(
    channel_of: Callable[[int], Channel],
) -> None:
    with pytest.raises(EndedWithOthersError):
        _end_with_others(channel_of(1), InputError("the same that the first has said"))


def test_the_first_process_says_why_without_a_store(channel_of: Callable[[int], Channel]) -> None:
    with pytest.raises(InputError, match="its own"):
        _end_with_others(channel_of(0), InputError("its own"))


def test_a_store_that_has_ended_is_no_reason_of_its_own(
    channel_of: Callable[[int], Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "GRACE_IN_SECONDS", 0.2)
    channel = channel_of(1)
    with pytest.raises(distributed.DistNetworkError) as lost:
        channel.asked()
    with pytest.raises(EndedWithOthersError):
        _end_with_others(channel, lost.value)
    channel.rank = 0
    with pytest.raises(RunError, match="has ended without a word"):
        _end_with_others(channel, lost.value)


@pytest.mark.slow
def test_a_whole_run_in_two_processes(prepared: RunFiles, tmp_path: Path) -> None:
    data, out = prepared.root.parent / "data", tmp_path / "run"
    flags = ["--sketch-size=30", "--n-states=3", "--skip-umap", "--no-checks", "--plot-dim=0"]
    inputs = [f"--particles={data / 'particles.star'}", f"--map={data / 'consensus.mrc'}"]
    printed = run_in_processes(2, "run", f"--out={out}", *inputs, *FLAGS, *flags)
    for name in ("prepare", "consensus", "train", "analyze", "landscape", "report"):
        assert printed.count(f"{name}: done") == 1
    again = run_in_processes(2, "run", f"--out={out}", *inputs, *FLAGS, *flags)
    assert "train: already done with these settings, kept" in again


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _process_of_rank(launcher: int, rank: int) -> int:
    """The process of a rank below a launcher, by its variables."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == launcher and f"RANK={rank}".encode() in variables:
            return int(folder.name)
    raise AssertionError(f"no process of rank {rank}")
