"""landscape-full on a molecule whose conformations are known."""

import dataclasses
import io
import json
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pandas
import pytest
import starfile
from arm_model import arm_source, ring_latents
from small_star_run import write_run

from gem_plugin.errors import InputError
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.run.names import NO_FREE_ENERGY
from gem_plugin.io.run.outliers import write_outliers
from gem_plugin.landscape import free_energy
from gem_plugin.landscape.volume_pca import select_masked_voxels
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import map_landscape
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings, check_full_settings
from gem_plugin.steps.landscape_full.step import map_full_landscape

N_PARTICLES = 600
SKETCH = LandscapeSettings(sketch_size=40, n_states=6, skip_umap=True, pc_dim=6, plot_dim=0)
SMALL = LandscapeFullSettings(
    n_states=6, skip_umap=True, maps_per_state=5, bootstrap=10, path_points=12, leiden=False, bandwidth=0.6
)


def sketch(run: RunFiles, source: VolumeSource) -> LandscapeFiles:
    files = run.landscape
    map_landscape(source, files, run, SKETCH, Progress(io.StringIO()))
    return files


def run_full(run: RunFiles, source: VolumeSource, **changes) -> tuple[FullLandscapeFiles, dict, str]:
    settings = dataclasses.replace(SMALL, **changes)
    check_full_settings(settings)
    files = run.landscape
    said = io.StringIO()
    numbers = map_full_landscape(source, VolumeComponents.load(files), files, run, settings, Progress(said))
    return FullLandscapeFiles(settings.outdir or files.root / "full"), numbers, said.getvalue()


@pytest.fixture(scope="module")
def source() -> VolumeSource:
    return arm_source(ring_latents(N_PARTICLES))


@pytest.fixture(scope="module")
def sketched(tmp_path_factory: pytest.TempPathFactory, source: VolumeSource) -> RunFiles:
    run, _ = write_run(tmp_path_factory.mktemp("run"), N_PARTICLES)
    sketch(run, source)
    return run


@pytest.fixture(scope="module")
def finished(sketched: RunFiles, source: VolumeSource) -> tuple[FullLandscapeFiles, dict, str]:
    return run_full(sketched, source)


def test_exact_coordinates_equal_decoding_every_map(finished, sketched, source, tmp_path: Path) -> None:
    full, numbers, _ = finished
    assert numbers["coordinates_by"] == "exact"
    exact = np.load(full.coordinates)
    decoded_files, decoded_numbers, _ = run_full(
        sketched, source, coordinates="decode", outdir=tmp_path, path_points=0, maps_per_state=0
    )
    decoded = np.load(decoded_files.coordinates)
    assert decoded_numbers["coordinates_by"] == "decode"
    np.testing.assert_allclose(exact, decoded, atol=1e-3 * decoded.std())
    basis = VolumeComponents.load(sketched.landscape)
    volume = next(source.decode(source.latents[[17]]))
    np.testing.assert_allclose(
        exact[17], basis.pca.project(select_masked_voxels(volume, basis.mask)), atol=1e-3
    )


def test_sketch_particles_get_the_scores_of_their_sketch_maps(finished, sketched) -> None:
    """cryoDRGN projected unclipped, unweighted maps on components of clipped, weighted ones."""
    full, _, _ = finished
    files = sketched.landscape
    rows = np.loadtxt(files.sketch_rows, dtype=int)
    scores = np.load(files.volume_pca_scores)
    np.testing.assert_allclose(np.load(full.coordinates)[rows], scores, atol=1e-3 * scores.std())


def test_states_are_arcs_of_the_ring_and_every_file_exists(finished) -> None:
    full, numbers, _ = finished
    states, latents = np.load(full.particle_states), ring_latents(N_PARTICLES)
    assert numbers["largest_state_share"] <= 0.5
    for number in range(1, 7):
        members = states == number
        directions = latents[members] / np.linalg.norm(latents[members], axis=1, keepdims=True)
        assert np.linalg.norm(directions.mean(axis=0)) > 0.75
        folder = full.states.root
        listed = np.loadtxt(folder / f"state_{number:03d}_particles.txt", dtype=int)
        np.testing.assert_array_equal(listed, np.flatnonzero(members))
        assert (folder / f"state_{number:03d}.star").is_file()
        assert (folder / f"state_{number:03d}_mean.mrc").is_file()
    table = pandas.read_csv(full.state_table)
    np.testing.assert_array_equal(table["particles"], np.bincount(states)[1:])
    assert (table["junk_score"] < 1).all(), "no state of this molecule is junk"


def test_energy_map_shows_the_ring_and_the_path_stays_on_it(finished) -> None:
    full, numbers, _ = finished
    coordinates = np.load(full.coordinates)[:, :2]
    with np.load(full.energy(1, 2)) as energy:
        values, x, y = energy["energy_in_kt"], energy["x_centres"], energy["y_centres"]
        errors = energy["error_in_kt"]
    at_centre = values[np.abs(y).argmin(), np.abs(x).argmin()]
    on_ring = [values[np.abs(y - point[1]).argmin(), np.abs(x - point[0]).argmin()] for point in coordinates]
    assert np.isnan(at_centre) or at_centre > np.median(on_ring) + 1
    assert np.nanmax(errors) > 0
    points = pandas.read_csv(full.path / "points.csv")
    assert (points["error_in_kt"] > 0).all()
    rows = points["particle_row"].to_numpy()
    radius = np.linalg.norm(coordinates, axis=1)
    path_radius = np.hypot(points["first_coordinate"], points["second_coordinate"])
    assert path_radius.min() > 0.7 * np.percentile(radius, 5)
    turns = np.diff(np.unwrap(np.arctan2(*ring_latents(N_PARTICLES)[rows].T[::-1])))
    assert (np.abs(turns) < 1.0).all(), "the arm turns step by step"
    assert np.isfinite(numbers["barrier_in_kt"])


def test_the_path_starts_and_ends_at_the_particles_of_lowest_energy_of_its_states(finished) -> None:
    full, _, _ = finished
    rows = np.loadtxt(full.path / "rows.txt", dtype=int)
    states, coordinates = np.load(full.particle_states), np.load(full.coordinates)[:, :2]
    with np.load(full.energy(1, 2)) as energy:
        values, x, y = energy["energy_in_kt"], energy["x_centres"], energy["y_centres"]
    at_particles = np.array(
        [values[np.abs(y - point[1]).argmin(), np.abs(x - point[0]).argmin()] for point in coordinates]
    )
    for row, state in zip(rows[[0, -1]], (1, 2)):
        members = np.flatnonzero(states == state)
        assert states[row] == state
        assert row == members[np.nanargmin(at_particles[members])]


def test_path_maps_are_the_maps_of_its_particles(finished, source) -> None:
    full, _, _ = finished
    rows = np.loadtxt(full.path / "rows.txt", dtype=int)
    for place, volume in enumerate(source.decode(source.latents[rows]), start=1):
        with mrcfile.open(full.path / f"vol_{place:03d}.mrc") as handle:
            np.testing.assert_allclose(handle.data, volume, atol=1e-6)


def test_star_of_all_particles_has_class_numbers_and_coordinates(finished, sketched) -> None:
    full, _, _ = finished
    table = starfile.read(full.particles(".star"))["particles"]
    table = table.sort_values("rlnImageName", ignore_index=True)  # the run's order
    np.testing.assert_array_equal(table["rlnClassNumber"], np.load(full.particle_states))
    np.testing.assert_allclose(table["gemVolumePC2"], np.load(full.coordinates)[:, 1], rtol=1e-4, atol=1e-5)


def test_notebook_runs_from_top_to_bottom(finished, monkeypatch: pytest.MonkeyPatch) -> None:
    full, _, _ = finished
    notebook = json.loads(full.notebook.read_text())
    assert notebook["nbformat"] == 4
    import matplotlib.pyplot

    monkeypatch.setattr(matplotlib.pyplot, "show", matplotlib.pyplot.close)
    names: dict = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        exec("".join(cell["source"]), names)
    assert len(cells) == 9
    assert len(names["states"].labels) == N_PARTICLES
    assert "import" not in "".join(source for cell in cells[1:] for source in cell["source"]), "one interface"
    assert 0 < len(names["chosen"]) < N_PARTICLES


def test_running_again_keeps_the_coordinates(finished, sketched, source) -> None:
    _, _, said = run_full(sketched, source, n_states=6)
    assert "coordinates: unchanged, kept" in said


def test_a_learned_map_reports_its_test_error(finished, sketched, source, tmp_path: Path) -> None:
    full, numbers, said = run_full(
        sketched, source, coordinates="regress", training_volumes=300, layers=2, dim=64, outdir=tmp_path,
        path_points=0, maps_per_state=0,
    )  # fmt: skip
    exact = np.load(sketched.landscape.full.coordinates)
    learned = np.load(full.coordinates)
    rows = np.loadtxt(full.root / "sampled_rows.txt", dtype=int)
    np.testing.assert_allclose(learned[rows], exact[rows], atol=1e-3)
    others = np.setdiff1d(np.arange(N_PARTICLES), rows)
    true_error = np.sqrt(((learned[others, 0] - exact[others, 0]) ** 2).mean()) / exact[:, 0].std()
    assert numbers["test_error_of_first_component"] == pytest.approx(true_error, rel=1.0)
    assert true_error < 0.2
    assert "test error of volume components 1, 2" in said


def test_regions_of_every_particle(sketched, source, tmp_path: Path) -> None:
    left = np.zeros((24, 24, 24), np.float32)
    left[:, :, :12] = 1
    write_map(tmp_path / "left.mrc", left, 4.0)
    full, _, _ = run_full(
        sketched,
        source,
        region=(f"left={tmp_path / 'left.mrc'}",),
        outdir=tmp_path,
        path_points=0,
        maps_per_state=0,
    )
    with np.load(full.regions) as saved:
        occupancy = saved["occupancy"][:, 0]
    assert np.corrcoef(occupancy, -source.latents[:, 0])[0, 1] > 0.9, (
        "the arm is in the left half for negative x"
    )
    assert occupancy.mean() == pytest.approx(1, abs=1e-6)


def test_leiden_communities_are_reproducible_arcs(sketched, source, tmp_path: Path) -> None:
    pytest.importorskip("igraph", reason="the optional package igraph is absent")
    results = [
        run_full(sketched, source, leiden=True, outdir=tmp_path / name, path_points=0, maps_per_state=2)
        for name in ("one", "two")
    ]
    labels = [np.load(full.leiden_states) for full, _, _ in results]
    np.testing.assert_array_equal(labels[0], labels[1])
    assert 3 <= labels[0].max() <= 40
    assert (results[0][0].leiden.root / "state_001_mean.mrc").is_file()


def test_a_changed_model_and_impossible_settings_are_refused(sketched, source, tmp_path: Path) -> None:
    other = dataclasses.replace(source, identity="another")
    with pytest.raises(InputError, match="trained again"):
        run_full(sketched, other)
    with pytest.raises(InputError, match="there is no state 9"):
        run_full(sketched, source, path_states=(1, 9))
    with pytest.raises(InputError, match="two different states"):
        run_full(sketched, source, path_states=(1, 1))
    with pytest.raises(InputError, match="one or two components"):
        run_full(sketched, source, energy_pcs=(1, 2, 3))
    with pytest.raises(InputError, match="closed form"):
        run_full(sketched, dataclasses.replace(source, clouds_at=None), coordinates="exact")
    with pytest.raises(InputError, match="Run `gem-em landscape` first"):
        VolumeComponents.load(LandscapeFiles(tmp_path))


def test_one_latent_dimension_works_throughout(tmp_path: Path) -> None:
    """cryoDRGN cannot finish with one or two latent dimensions."""
    circle = arm_source(ring_latents(60))

    def wrap(latents: np.ndarray) -> np.ndarray:
        return np.concatenate([np.cos(latents), np.sin(latents)], axis=1).astype(np.float32)

    line = dataclasses.replace(
        circle,
        latents=np.linspace(-1, 1, 60, dtype=np.float32)[:, None],
        decode=lambda latents: circle.decode(wrap(latents)),
        clouds_at=lambda latents: circle.clouds_at(wrap(latents)),
    )
    run = RunFiles(tmp_path)
    sketch(run, line)
    _, numbers, _ = run_full(run, line, n_states=3)
    assert numbers["states"] == 3


@pytest.fixture
def mostly_outliers(sketched: RunFiles, tmp_path: Path) -> RunFiles:
    """All particles but twelve are outliers."""
    shutil.copytree(sketched.root, tmp_path / "run")
    run = RunFiles(tmp_path / "run")
    probabilities = np.ones(N_PARTICLES)
    probabilities[::53] = 0  # of both half-sets
    write_outliers(run, probabilities)
    return run


def test_too_few_particles_for_an_energy_still_get_states_and_a_sentence(
    mostly_outliers, source, monkeypatch
) -> None:
    monkeypatch.setattr(free_energy, "MINIMUM_PARTICLES", 13.0)  # more than there are
    full, numbers, said = run_full(mostly_outliers, source, n_states=2, path_states=(1, 2))
    sentence = "no place of the landscape holds 2 particles"
    assert sentence in said
    assert sentence in numbers[NO_FREE_ENERGY]
    assert "median_energy_error_in_kt" not in numbers
    assert "barrier_in_kt" not in numbers
    assert np.bincount(np.load(full.particle_states)).tolist()[0] == N_PARTICLES - 12
    with np.load(full.energy(1, 2)) as energy:
        assert np.isnan(energy["energy_in_kt"]).all()
        assert energy["density"].sum() > 0
        assert sentence in str(energy["note"])
    assert full.energy_curve(1).is_file()
    figures = [path.name for path in mostly_outliers.figures.glob("full_free_energy*")]
    assert "full_free_energy_1_2.png" not in figures


def test_fewer_than_ten_particles_get_states_and_a_sentence(mostly_outliers, source) -> None:
    probabilities = np.ones(N_PARTICLES)
    probabilities[:8] = 0
    write_outliers(mostly_outliers, probabilities)
    full, numbers, _ = run_full(mostly_outliers, source, n_states=2)
    assert numbers[NO_FREE_ENERGY] == "A free energy needs at least 10 particles, got 8."
    assert full.state_table.is_file()
    assert full.energies() == []
