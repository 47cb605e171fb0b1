"""Train, landscape and select with the real steps on a symmetric refinement: expanded here by --symmetry, or by CryoSPARC."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from symmetric_project import PIXEL_SIZE, cryosparc_project

from cryosparc_server.commands import assert_has_all_fields_of, load, newest, run
from cryosparc_server.conftest import GENERATION
from cryosparc_server.fake_steps import fake_run_steps
from cryosparc_server.faults import IGNORED_WARNINGS
from cryosparc_server.http_server import LoopbackServer
from cryosparc_server.instance import FakeJob, FakeOutput, Instance
from cryosparc_server.slots import SLOT_FIELDS
from gem_plugin.adapters.cryosparc import work as cryosparc_work
from gem_plugin.imaging.symmetry import Symmetry, settings_of_symmetry
from gem_plugin.io.cryosparc.files import slots_of
from gem_plugin.io.mrc.maps import read_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.expansion import expand_table
from gem_plugin.particles.prepared import load_prepared_table, save_prepared_table
from gem_plugin.results.csv_tables import read_text_rows
from gem_plugin.results.expanded_particle_file import rows_as_views

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS
N, ORDER = 30, 3
TRAINING = ["--epochs", "1", "--box", "32", "--fit-images", "90", "--anchors", "24", "--encoder-box", "16"]
TRAINING += ["--skip-umap", "--ksample", "2", "--pc", "1"]
LANDSCAPE = ["-N", "12", "-M", "2", "--skip-umap", "--plot-dim", "0"]


@dataclass(frozen=True)
class Refined:
    """A refinement of 30 particles with C3 in the instance, and the same as Symmetry Expansion writes it."""

    rows: np.ndarray  # (30,)
    views: np.ndarray  # (90,): each particle in three poses, adjacent
    symmetry: Symmetry


@pytest.fixture
def refined(server: LoopbackServer, instance: Instance) -> Refined:
    """J42 is the refinement, J50 its symmetry expansion."""
    _, volume, rows = cryosparc_project(instance.folder, "C3", N)
    values = read_map(volume).volume
    volume.unlink()
    mask = (values > 0.2 * values.max()).astype(np.float32)
    instance.add_refinement("J42", rows, values, PIXEL_SIZE, mask)
    symmetry = settings_of_symmetry("C3")[0]
    chosen, copies = np.repeat(np.arange(N), ORDER), np.tile(np.arange(ORDER), N)
    views = rows_as_views(rows, chosen, copies, symmetry)
    expansion = FakeJob("J50", "P3", "sym_expand", "Symmetry Expansion", status="completed")
    own = {slot: slot for slot in slots_of(views)}
    expansion.outputs["particles"] = FakeOutput("particle", "Expanded particles", own, None, views)
    instance.jobs["J50"] = expansion
    return Refined(rows, views, symmetry)


def assert_are_views(found: np.ndarray, refined: Refined, chosen: np.ndarray) -> None:
    """Every field of the chosen views, the slot of symmetry expansion too, and the poses of the copies."""
    assert_has_all_fields_of(found, refined.views[chosen])
    np.testing.assert_array_equal(found["sym_expand/src_uid"], refined.rows["uid"][chosen // ORDER])
    assert found["sym_expand/idx"].tolist() == (chosen % ORDER).tolist()
    poses = Rotation.from_rotvec(refined.rows["alignments3D/pose"][chosen // ORDER].astype(float)).as_matrix()
    expected = refined.symmetry.operators[chosen % ORDER].transpose(0, 2, 1) @ poses
    matrices = Rotation.from_rotvec(found["alignments3D/pose"].astype(float)).as_matrix()
    np.testing.assert_allclose(matrices, expected, atol=1e-5)


def labels_of(instance: Instance, job: FakeJob) -> np.ndarray:  # (90,)
    return np.load(folder_of(instance, job) / "landscape" / "particle_states.npy")


def folder_of(instance: Instance, job: FakeJob) -> Path:
    return instance.folder / job.uid / "gem"


@pytest.mark.parametrize("source", ["here", "by CryoSPARC"])
def test_views_keep_their_slots_through_all_jobs(refined: Refined, instance: Instance, source: str) -> None:
    here = ["--particles", "J42", "--volume", "J42", "--symmetry", "C3"]
    elsewhere = ["--particles", "J50", "--volume", "J42"]
    assert run("train", *(here if source == "here" else elsewhere), *TRAINING) == 0
    train = newest(instance)
    assert "90 in all" in train.texts() if source == "here" else "30 images, 90 views" in train.texts()
    found = load(train.uid, "particles")
    assert_are_views(found, refined, np.arange(N * ORDER))
    latents = np.load(folder_of(instance, train) / "latents.npy")
    np.testing.assert_array_equal(found["components_mode_1/value"], latents[:, 1])

    assert run("landscape", "--train", train.uid, *LANDSCAPE) == 0
    landscape = newest(instance)
    labels = labels_of(instance, landscape)
    assert len(labels) == N * ORDER
    for number in (1, 2):
        chosen = np.flatnonzero(labels == number)
        found = load(landscape.uid, f"particles_state_{number}")
        assert_are_views(found, refined, chosen)
        np.testing.assert_array_equal(found["components_mode_0/value"], latents[chosen, 0])
    subunits = read_text_rows(folder_of(instance, landscape) / "landscape" / "subunits.csv")
    expected = (labels.reshape(N, ORDER) == 1).sum(axis=1)
    assert [int(row["state_1"]) for row in subunits] == expected.tolist()

    assert run("select", "--landscape", landscape.uid, "--states", "1") == 0
    assert_are_views(load(newest(instance).uid, "particles"), refined, np.flatnonzero(labels == 1))
    whole = ["--landscape", landscape.uid, "--states", "1", "--unexpanded", "--min-subunits", "2"]
    assert run("select", *whole) == 0
    found = load(newest(instance).uid, "particles")
    assert_has_all_fields_of(found, refined.rows[expected >= 2])
    has_slot = "sym_expand/idx" in found.dtype.names
    assert has_slot == (GENERATION < 5)  # 4.7 passes all slots on, and the job says so
    assert has_slot == ("passes on the slot sym_expand" in newest(instance).texts())


def test_the_server_may_have_other_types_in_the_slot(
    refined: Refined, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of is_helix and helix_num_rises are not published: the server's own are written."""
    other = {"idx": "<u8", "is_helix": "<i4", "helix_num_rises": "<i8", "helix_twist_rad": "<f8"}
    fields = [(name, other.get(name, kind)) for name, kind in SLOT_FIELDS["particle"]["sym_expand"]]
    monkeypatch.setitem(SLOT_FIELDS["particle"], "sym_expand", fields)
    monkeypatch.setattr(cryosparc_work, "run_steps", fake_run_steps)
    here = ["--particles", "J42", "--volume", "J42"]
    assert run("train", *here) == 0
    folder = folder_of(instance, newest(instance))
    files = RunFiles(folder)
    table, noise, origin = load_prepared_table(files)
    save_prepared_table(files.prepared_table, expand_table(table, refined.symmetry), noise, origin)
    files.latents.unlink()
    (folder / "rows.txt").write_text("0\n1\n5\n")
    assert run("select", "--run", str(folder), "--rows", str(folder / "rows.txt"), "--particles", "J42") == 0
    found = load(newest(instance).uid, "particles")
    assert found["sym_expand/idx"].tolist() == [0, 1, 2]
    assert found.dtype["sym_expand/idx"] == np.dtype("<u8")
    assert found.dtype["sym_expand/is_helix"] == np.dtype("<i4")


@pytest.mark.slow
def test_the_whole_run_and_the_full_landscape_are_of_views_too(refined: Refined, instance: Instance) -> None:
    inputs = ["--particles", "J42", "--volume", "J42", "--mask", "J42", "--symmetry", "C3"]
    assert run("run", *inputs, *TRAINING, *LANDSCAPE) == 0
    whole = newest(instance)
    labels = labels_of(instance, whole)
    assert_are_views(load(whole.uid, "particles"), refined, np.arange(N * ORDER))
    assert_are_views(load(whole.uid, "particles_state_2"), refined, np.flatnonzero(labels == 2))
    options = ["-M", "3", "--skip-umap", "--maps-per-state", "2", "--path-points", "0", "--bootstrap", "2"]
    assert run("landscape-full", "--landscape", whole.uid, *options, "--no-leiden") == 0
    full = newest(instance)
    folder = folder_of(instance, full) / "landscape" / "full"
    labels = np.load(folder / "particle_states.npy")
    for number in range(1, 4):
        found = load(full.uid, f"particles_state_{number}")
        assert_are_views(found, refined, np.flatnonzero(labels == number))
    assert len(read_text_rows(folder / "subunits.csv")) == N
    chosen = ["--run", str(folder_of(instance, full)), "--states", "1", "--from", "full", "--unexpanded"]
    assert run("select", *chosen) == 0
    has_one = (labels.reshape(N, ORDER) == 1).any(axis=1)
    assert_has_all_fields_of(load(newest(instance).uid, "particles"), refined.rows[has_one])
