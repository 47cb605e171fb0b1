"""A model of GaussianEM becomes a run: the same clouds, the same particles; and nothing in its files can run."""

import io
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from gaussianem_folder import BOX, N_GAUSSIANS, N_PARTICLES, PIXEL_SIZE, write_gaussianem_folder

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.decoders.gaussianem import raw_from_cloud, width_range_for
from gem_plugin.io.foreign.gaussianem import read_gaussianem_cloud, read_gaussianem_config
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.results.model import decode_volumes, load_trained_model
from gem_plugin.steps.analyze.settings import AnalyzeSettings
from gem_plugin.steps.analyze.step import run_analyze
from gem_plugin.steps.export_ply.settings import ExportPlySettings
from gem_plugin.steps.export_ply.step import run_export_ply
from gem_plugin.steps.import_gaussianem.settings import ImportGaussianemSettings
from gem_plugin.steps.import_gaussianem.step import run_import_gaussianem


def import_run(folder: Path, **settings) -> RunFiles:
    run = RunFiles(folder / "run")
    run_import_gaussianem(
        ImportGaussianemSettings(source=folder, out=run.root, **settings), Progress(io.StringIO())
    )
    return run


@pytest.mark.parametrize("width_change", [False, True])
def test_clouds_are_those_of_the_published_network(tmp_path: Path, width_change: bool) -> None:
    network, raw, latents = write_gaussianem_folder(tmp_path)
    model = load_trained_model(import_run(tmp_path, width_change=width_change))
    with torch.no_grad():
        clouds = model.gaussians_at(torch.from_numpy(latents[:2]))
    for number in range(2):
        heights, widths, positions = network.decode(torch.from_numpy(latents[number]), raw, width_change)
        expected_positions = positions * BOX / 2 * PIXEL_SIZE
        expected_amplitudes = heights * (2 * math.pi) ** 1.5 * widths**3
        assert torch.allclose(clouds.positions[number], expected_positions, rtol=1e-4, atol=1e-3)
        assert torch.allclose(clouds.amplitudes[number], expected_amplitudes, rtol=1e-4)
        ours = clouds.widths[number] if width_change else clouds.widths
        assert torch.allclose(ours, widths * PIXEL_SIZE, rtol=1e-4)


def test_a_decoded_map_is_the_sum_of_its_gaussians(tmp_path: Path) -> None:
    """Heights and widths mean what GaussianEM means, up to the integration over voxels."""
    network, raw, latents = write_gaussianem_folder(tmp_path)
    model = load_trained_model(import_run(tmp_path))
    (volume,) = decode_volumes(
        model, latents[:1], 2 * BOX, PIXEL_SIZE / 2
    )  # finer, so that sampling suffices
    heights, widths, positions = network.decode(torch.from_numpy(latents[0]), raw, False)
    axis = torch.arange(2 * BOX) - BOX
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    voxels = torch.stack([x, y, z], -1).float()
    expected = torch.zeros(voxels.shape[:3])
    for height, width, position in zip(heights, 2 * widths, positions * BOX, strict=True):
        expected += height / 8 * torch.exp(-((voxels - position) ** 2).sum(-1) / (2 * width**2))
    assert np.corrcoef(volume.ravel(), expected.ravel())[0, 1] > 0.99
    assert volume.sum() == pytest.approx(float(expected.sum()), rel=0.02)


def test_latents_are_in_the_order_of_the_particles_and_the_run_can_be_analysed(tmp_path: Path) -> None:
    _, _, latents = write_gaussianem_folder(tmp_path)
    run = import_run(tmp_path)
    assert np.array_equal(np.load(run.latents), latents)
    assert not (run.root / "particle_rows.txt").exists()
    summary = run_analyze(
        run, AnalyzeSettings(ksample=3, pc=1, trajectory_points=3, skip_umap=True), Progress(io.StringIO())
    )
    assert summary["particles"] == N_PARTICLES
    assert len(list((run.analyze.root / "kmeans3").glob("vol_*.mrc"))) == 3


def test_rows_of_a_part_of_the_particles_are_kept(tmp_path: Path) -> None:
    write_gaussianem_folder(tmp_path)
    with open(tmp_path / "weights.19.output.pkl", "wb") as handle:
        pickle.dump({"z_mu": np.eye(3, dtype=np.float32), "ind": np.array([[7], [3], [5]])}, handle)
    run = import_run(tmp_path)
    assert np.loadtxt(run.root / "particle_rows.txt").tolist() == [3, 5, 7]
    assert np.load(run.latents)[0].tolist() == [0, 1, 0]


class Mischief:
    def __reduce__(self):
        return (Path.touch, (Path("touched"),))


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_gaussianem_folder(tmp_path)
    (tmp_path / "weights.19.output.pkl").write_bytes(pickle.dumps({"z_mu": Mischief(), "ind": 0}))
    with pytest.raises(
        InputError, match=r"weights.19.output.pkl is not read: it holds pathlib.*not an array"
    ):
        import_run(tmp_path)
    torch.save({"epoch": 1, "model_state_dict": {"encoder.x": Mischief()}}, tmp_path / "weights.20.pkl")
    with pytest.raises(InputError, match=r"weights\.20\.pkl .*not a whole weights"):
        import_run(tmp_path)
    assert not (tmp_path / "touched").exists()
    assert not (tmp_path / "run").exists()


def test_wrong_and_missing_files_are_named(tmp_path: Path) -> None:
    write_gaussianem_folder(tmp_path / "a")
    whole = (tmp_path / "a" / "weights.19.pkl").read_bytes()
    (tmp_path / "a" / "weights.19.pkl").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"weights\.19\.pkl .*not a whole weights\.N\.pkl"):
        import_run(tmp_path / "a")
    cfg = tmp_path / "a" / "cfg.json"
    (tmp_path / "a" / "weights.19.pkl").write_bytes(whole)
    cfg.write_text(cfg.read_text().replace('"feature_dim": 20', '"feature_dim": 24'))
    with pytest.raises(InputError, match=r"The weights do not fit the sizes in cfg\.json"):
        import_run(tmp_path / "a")
    cfg.write_text(cfg.read_text().replace('"zdim": 3, ', ""))
    with pytest.raises(InputError, match=r"cfg.json has no entry 'zdim'"):
        import_run(tmp_path / "a")
    (tmp_path / "b").mkdir()
    with pytest.raises(InputError, match=r"has no weights.N.pkl"):
        import_run(tmp_path / "b")


def test_an_exported_cloud_comes_back_through_gaussianems_own_formulas(tmp_path: Path) -> None:
    write_gaussianem_folder(tmp_path)
    run = import_run(tmp_path)
    run_export_ply(run, ExportPlySettings(out=tmp_path / "export", particle=5), Progress(io.StringIO()))
    cloud = read_gaussianem_cloud(tmp_path / "export" / "point_cloud.ply")
    config = read_gaussianem_config(tmp_path / "export" / "cfg.json")
    model = load_trained_model(run)
    with torch.no_grad():
        expected = model.gaussians_at(torch.from_numpy(np.load(run.latents)[5:6]))
    sigmoid = 1 / (1 + np.exp(-cloud.raw_widths.astype(float)))
    widths = config.box_size * (sigmoid * (config.scale_max - config.scale_min) + config.scale_min)
    heights = np.log1p(np.exp(cloud.raw_densities.astype(float)))
    assert len(widths) == N_GAUSSIANS
    assert np.allclose(widths * PIXEL_SIZE, expected.widths, rtol=1e-3)
    assert np.allclose(heights * (2 * np.pi) ** 1.5 * widths**3, expected.amplitudes[0], rtol=1e-3)
    positions = cloud.positions_in_half_boxes * BOX / 2 * PIXEL_SIZE
    assert np.allclose(positions, expected.positions[0], atol=1e-3)


def test_the_range_of_widths_holds_every_width() -> None:
    assert width_range_for(torch.tensor([0.6, 0.9])) == (0.5, 1.0)
    smallest, largest = width_range_for(torch.tensor([0.7, 0.7, 2.0]))
    assert smallest < 0.7
    assert largest > 2.0
    from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit

    cloud = GaussianCloud(
        torch.zeros(3, 3), torch.tensor([0.0, 1.0, 30.0]), torch.tensor([0.7, 0.7, 2.0]), LengthUnit.PIXEL
    )
    assert torch.isfinite(raw_from_cloud(cloud, (smallest, largest), BOX)).all()
