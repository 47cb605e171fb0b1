"""Images of a run one by one: of tilt series every usable one, with its owner; the consensus is fitted to them."""

import io

import numpy as np
import torch
from tilt_projects import RELION, simulate_small

from gem_plugin.io.run.excluded import ExcludedParticles, write_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import listening
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.train.images import observations_of
from gem_plugin.steps.train.single_images import open_single_images


def test_tilt_images_are_those_of_the_particles_without_the_excluded_ones(tilt_project, tmp_path):
    run = RunFiles(tmp_path)
    with listening(lambda notice: None):
        run_prepare(run, PrepareSettings(particles=tilt_project / RELION), Progress(io.StringIO()))
    write_excluded(run, ExcludedParticles(np.array([2]), ["x"], ["a reason"]))
    single = open_single_images(run)
    assert single.are_tilts
    owners = single.observations.particle_indices
    assert set(owners[single.rows.numpy()].tolist()) == set(range(12)) - {2}
    assert single.optics_groups.tolist() == single.table.optics_groups[owners].tolist()
    of_particles = observations_of(load_prepared(run))
    images = np.flatnonzero(owners == 5)
    one, other = single.observations.batch(torch.from_numpy(images)), of_particles.batch(torch.tensor([5]))
    assert one.owners is None
    torch.testing.assert_close(one.images, other.images)
    torch.testing.assert_close(one.filters, other.filters)


def test_the_consensus_of_noisy_tilts_has_the_grey_scale_of_their_noise(tmp_path):
    changes = {"n_particles": 40, "snr": 0.2, "tilt_step": 15.0}
    project = simulate_small(tmp_path / "project", **changes)
    run = RunFiles(tmp_path / "run")
    volume = project / "consensus.mrc"
    with listening(lambda notice: None):
        run_prepare(run, PrepareSettings(particles=project / RELION, map=volume), Progress(io.StringIO()))
        settings = ConsensusSettings(map=volume, n_gaussians=200, fit_images=640)
        numbers = run_consensus(run, settings, Progress(io.StringIO()))
    assert numbers["match_in_own_poses"] > 3 * abs(numbers["match_in_poses_of_others"])
    assert numbers["grey_scale"] > 0
    assert numbers["loss"] < -5
