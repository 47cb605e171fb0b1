"""Our landscape on cryoDRGN's own runs: parity with its results, and its defects shown absent."""

import io
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from gem_plugin.cli.main import gem_em
from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.decoders.cryodrgn import CryodrgnDecoder, encoding_frequencies
from gem_plugin.io.foreign.cryodrgn import read_pickled_array, write_pickled_array
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.volume_pca import select_masked_voxels
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.results.cryodrgn_decoder import open_cryodrgn_source, read_decoder
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.step import run_landscape
from gem_plugin.steps.landscape_full.settings import LandscapeFullSettings
from gem_plugin.steps.landscape_full.step import run_landscape_full


def read(path: Path) -> np.ndarray:
    with mrcfile.open(path) as handle:
        return np.array(handle.data)


@pytest.fixture(scope="module")
def theirs(shared_data: Path) -> Path:
    folder = shared_data / "cryodrgn_run"
    if not folder.is_dir():
        pytest.skip("the cryoDRGN run (../shared/data/cryodrgn_run) is absent")
    return folder


@pytest.fixture(scope="module")
def ours(theirs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line of the issue, on a copy that may be written to."""
    work = tmp_path_factory.mktemp("cryodrgn") / "run"
    work.mkdir()
    for name in ("config.yaml", "weights.5.pkl", "z.5.pkl"):
        shutil.copyfile(theirs / name, work / name)
    out = work.parent / "OUT"
    rows = theirs / "landscape.5" / "kmeans100" / "centers_ind.txt"
    options = [
        "-d",
        "30",
        "--Apix",
        "1",
        "-M",
        "10",
        "--linkage",
        "average",
        "--pca-weights",
        "none",
        "--skip-umap",
        "--cryodrgn-layout",
    ]
    arguments = ["landscape", str(work), "5", "--sketch-ind", str(rows), *options, "-o", str(out)]
    gem_em.main(arguments, standalone_mode=False)
    assert sorted(path.name for path in work.iterdir()) == ["config.yaml", "weights.5.pkl", "z.5.pkl"]
    return out


def test_volumes_are_theirs(ours: Path, theirs: Path) -> None:
    for name in ("vol_001.mrc", "vol_050.mrc", "vol_mean.mrc"):
        expected = read(theirs / "landscape.5" / "kmeans100" / name)
        difference = np.abs(read(ours / "kmeans100" / name) - expected).max()
        assert difference < 1e-4 * np.abs(expected).max()


def test_mask_is_theirs(ours: Path, theirs: Path) -> None:
    np.testing.assert_array_equal(read(ours / "mask.mrc"), read(theirs / "landscape.5" / "mask.mrc"))


def test_scores_are_theirs_but_for_the_sign(ours: Path, theirs: Path) -> None:
    expected = read_pickled_array(theirs / "landscape.5" / "vol_pca_100.pkl")
    scores = read_pickled_array(ours / "vol_pca_100.pkl")
    assert scores.shape == expected.shape
    for number in range(expected.shape[1]):
        assert abs(np.corrcoef(scores[:, number], expected[:, number])[0, 1]) > 0.999


def test_states_are_theirs(ours: Path, theirs: Path) -> None:
    folder = "sketch_clustering_average_10"
    expected = read_pickled_array(theirs / "landscape.5" / folder / "state_labels.pkl")
    states = read_pickled_array(ours / folder / "state_labels.pkl")
    assert adjusted_rand_score(states, expected) == 1
    assert set(states) == set(range(1, 11))


def test_the_whole_tree_exists(ours: Path) -> None:
    clusters = ours / "sketch_clustering_average_10"
    expected = [
        ours / name
        for name in (
            "mask_slices.png", "vol_pca_obj.pkl", "vol_pca_100_1_2.png", "vol_pca_100_4_5.png", "vol_pcs/pc5/010.mrc",
            "kmeans100/labels.pkl", "kmeans100/centers.txt", "kmeans100/centers_ind.txt", "kmeans100/z_values.txt",
            "kmeans100/vol_100.mrc",
        )
    ]  # fmt: skip
    expected += [
        clusters / name
        for name in (
            "state_010_mean.mrc", "state_010_std.mrc", "state_010_particle_ind.pkl", "state_volume_counts.png",
            "state_particle_counts.png", "vol_pca_100_1_2.png", "vol_pca_annotated_1_2.png",
        )
    ]  # fmt: skip
    assert [path for path in expected if not path.is_file()] == []
    links = list((clusters / "state_001").iterdir())
    assert links
    assert all(link.is_symlink() and link.is_file() and not link.readlink().is_absolute() for link in links)
    labels = read_pickled_array(ours / "kmeans100" / "labels.pkl")
    rows = [read_pickled_array(clusters / f"state_{number:03d}_particle_ind.pkl") for number in range(1, 11)]
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(len(labels)))


def test_all_particles_get_the_coordinates_of_their_decoded_maps(ours: Path, theirs: Path) -> None:
    """cryoDRGN's sampled coordinates come from unclipped maps; ours treat them as the sketch was treated."""
    settings = LandscapeFullSettings(
        skip_umap=True, maps_per_state=0, path_points=0, leiden=False, bootstrap=2, cryodrgn_layout=True
    )
    said = io.StringIO()
    numbers = run_landscape_full(RunFiles(ours), settings, Progress(said))
    assert numbers["coordinates_by"] == "decode"
    files = RunFiles(ours).landscape
    coordinates = np.load(files.full.coordinates)
    basis = VolumeComponents.load(files)
    sketch_rows = np.loadtxt(files.sketch_rows, dtype=int)
    np.testing.assert_allclose(coordinates[sketch_rows], basis.pca.scores, atol=1e-4)
    sampled = read_pickled_array(theirs / "landscape.5" / "landscape_full" / "ind.sampled.pkl")
    expected = read_pickled_array(theirs / "landscape.5" / "landscape_full" / "vol_pca_sampled.pkl")
    assert abs(np.corrcoef(coordinates[sampled, 0], expected[:, 0])[0, 1]) > 0.999
    assert read_pickled_array(ours / "landscape_full" / "vol_pca_all.pkl").shape == (1000, 20)
    assert (ours / "cryoDRGN_analyze_landscape.ipynb").is_file()


def random_run(folder: Path, kind: str) -> None:
    """A run of random weights, saved as the programs save it: kind is train_dec, abinit, or an encoding."""
    generator = torch.Generator().manual_seed(1)

    def linear(rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
        weight = torch.randn(rows, columns, generator=generator) / columns**0.5
        return weight, 0.1 * torch.randn(rows, generator=generator)

    frequencies = torch.randn(12, 3, generator=generator) * 0.5
    n_outputs = 1 if kind == "abinit" else 2
    shapes = [("main.0", 16, 26), ("main.2.linear", 16, 16), ("main.4", n_outputs, 16)]
    stem = "mlp." if kind == "abinit" else "decoder."
    weights = {"rand_freqs": frequencies}
    for name, rows, columns in shapes:
        weights[f"{stem}{name}.weight"], weights[f"{stem}{name}.bias"] = linear(rows, columns)
    folder.mkdir(parents=True)
    config = (
        "lattice_args:\n  D: 17\n  extent: 0.5\nmodel_args:\n  zdim: 2\n  pe_type: gaussian\n  pe_dim: 4\n"
    )
    config += "  feat_sigma: 0.5\n  domain: fourier\n  activation: relu\n  layers: 1\n  dim: 16\n"
    if kind == "abinit":
        parameters = {
            "resolution": 17,
            "z_dim": 2,
            "n_layers": 1,
            "hidden_dim": 16,
            "pe_type": "gaussian",
            "pe_dim": 4,
        }
        parameters |= {"feat_sigma": 0.5, "domain": "hartley", "pe_type_conf": None}
        checkpoint = {
            "hypervolume_params": parameters,
            "hypervolume_state_dict": weights,
            "output_mask_radius": 7,
        }
        config += "data_norm_mean: 0.0\ndata_norm_std: 3.0\n"
    else:
        checkpoint = {"norm": [0.0, 3.0], "epoch": 1, "model_state_dict": weights}
    (folder / "config.yaml").write_text(config)
    torch.save(checkpoint, folder / "weights.1.pkl")
    write_pickled_array(folder / "z.1.pkl", np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32))


@pytest.mark.parametrize("kind", ["train_dec", "abinit"])
def test_every_kind_of_run_goes_through_with_the_weights_of_its_file(kind: str, tmp_path: Path) -> None:
    """cryoDRGN's full analysis of a train_dec run never loaded the weights; ours must equal decode and project."""
    random_run(tmp_path / "work", kind)
    out = tmp_path / "out"
    settings = LandscapeSettings(
        sketch_size=20,
        n_states=3,
        skip_umap=True,
        pc_dim=4,
        plot_dim=0,
        workdir=tmp_path / "work",
        epoch="1",
    )
    run_landscape(RunFiles(out), settings, Progress(io.StringIO()))
    from gem_plugin.io.run.settings import write_step_settings

    write_step_settings(RunFiles(out), "landscape", settings)  # the command line records them
    full_settings = LandscapeFullSettings(
        n_states=3, skip_umap=True, maps_per_state=2, path_points=0, leiden=False, bootstrap=2
    )
    run_landscape_full(RunFiles(out), full_settings, Progress(io.StringIO()))
    files = LandscapeFiles(out / "landscape")
    coordinates = np.load(files.full.coordinates)
    source = open_cryodrgn_source(tmp_path / "work", "1", 128, None, False)
    basis = VolumeComponents.load(files)
    for row in (0, 31, 59):
        volume = next(source.decode(source.latents[[row]]))
        np.testing.assert_allclose(
            coordinates[row],
            basis.pca.project(select_masked_voxels(volume, basis.mask)),
            atol=1e-3 * coordinates.std(),
        )
    assert (
        np.abs(
            np.corrcoef(coordinates[np.loadtxt(files.sketch_rows, dtype=int), 0], basis.pca.scores[:, 0])[
                0, 1
            ]
        )
        > 0.9999
    )


@pytest.mark.parametrize("kind", ["train_dec", "abinit"])
def test_a_smaller_box_is_a_fourier_crop_of_the_full_one(kind: str, tmp_path: Path) -> None:
    """In cryoDRGN, -d of an abinit run crops the box in real space instead."""
    random_run(tmp_path / "work", kind)
    decoder = read_decoder(tmp_path / "work" / "config.yaml", tmp_path / "work" / "weights.1.pkl")
    latents = np.ones((1, 2), np.float32)
    full, small = (next(decoder.decode(latents, box)) for box in (16, 10))

    def spectrum(volume: np.ndarray) -> np.ndarray:
        return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(volume)))

    inner = (slice(2, 9),) * 3  # frequencies -3 .. 3, untouched by the sphere of the small box
    expected = spectrum(full)[5:12, 5:12, 5:12]
    grid = np.indices((7, 7, 7)) - 3
    inside = (grid**2).sum(axis=0) <= 9
    np.testing.assert_allclose(
        spectrum(small)[inner][inside], expected[inside], atol=1e-3 * np.abs(expected).max()
    )


@pytest.mark.parametrize("box", [31, 32])
def test_impossible_boxes_are_refused(theirs: Path, box: int) -> None:
    decoder = read_decoder(theirs / "config.yaml", theirs / "weights.5.pkl")
    with pytest.raises(InputError, match="expected an even box up to 30"):
        next(decoder.decode(np.zeros((1, 4), np.float32), box))


@pytest.mark.parametrize(
    "encoding", ["gaussian", "geom_ft", "geom_full", "geom_lowf", "geom_nohighf", "linear_lowf"]
)
@pytest.mark.parametrize("domain", ["fourier", "hartley"])
def test_decoders_equal_those_of_the_package(encoding: str, domain: str, tmp_path: Path) -> None:
    models = pytest.importorskip("cryodrgn.models", reason="the optional package cryodrgn is absent")
    lattice = pytest.importorskip("cryodrgn.lattice").Lattice(17, extent=0.5)
    torch.manual_seed(3)
    pe_dim = 8 if encoding == "linear_lowf" else 4
    network = models.get_decoder(5, 17, 2, 24, domain, encoding, pe_dim, torch.nn.ReLU, 0.5).eval()
    (tmp_path / "config.yaml").write_text(
        f"lattice_args:\n  D: 17\n  extent: 0.5\nmodel_args:\n  zdim: 2\n  pe_type: {encoding}\n  pe_dim: {pe_dim}\n"
        "  activation: relu\n"
    )
    torch.save({"norm": [0.1, 2.0], "model_state_dict": network.state_dict()}, tmp_path / "weights.1.pkl")
    decoder = read_decoder(tmp_path / "config.yaml", tmp_path / "weights.1.pkl")
    latents = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    for box in (16, 10):
        coordinates = lattice.coords if box == 16 else lattice.get_downsample_coords(box + 1)
        for latent, volume in zip(latents, decoder.decode(latents, box)):
            expected = network.eval_volume(coordinates, box + 1, 0.5 * box / 16, (0.1, 2.0), latent).numpy()
            np.testing.assert_allclose(volume, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("latent_encoding", [None, "geom"])
def test_abinit_decoder_equals_that_of_the_package(latent_encoding: str | None, tmp_path: Path) -> None:
    models = pytest.importorskip("cryodrgn.models_ai", reason="the optional package cryodrgn is absent")
    lattice = pytest.importorskip("cryodrgn.lattice").Lattice(17, extent=0.5)
    torch.manual_seed(3)
    network = models.HyperVolume(17, 2, 2, 24, "gaussian", 4, 0.5, "hartley", latent_encoding).eval()
    (tmp_path / "config.yaml").write_text("model_args:\n  zdim: 2\ndata_norm_mean: 0.1\ndata_norm_std: 2.0\n")
    checkpoint = {
        "hypervolume_params": network.get_building_params(),
        "hypervolume_state_dict": network.state_dict(),
        "output_mask_radius": 7,
    }
    torch.save(checkpoint, tmp_path / "weights.1.pkl")
    decoder = read_decoder(tmp_path / "config.yaml", tmp_path / "weights.1.pkl")
    latents = np.random.default_rng(0).normal(size=(2, 2)).astype(np.float32)
    for latent, volume in zip(latents, decoder.decode(latents, 16)):
        expected = models.eval_volume_method(network, lattice, 2, (0.1, 2.0), latent, 7).numpy()
        np.testing.assert_allclose(volume, expected, atol=2e-5 * np.abs(expected).max())


def test_half_of_the_frequencies_is_enough() -> None:
    """The map of a Hermitian transform: decoding half and mirroring equals decoding every frequency."""
    generator = torch.Generator().manual_seed(0)
    layers = ((torch.randn(2, 9 * 2 + 1, generator=generator), torch.zeros(2), False),)
    shared = {
        "layers": layers,
        "frequencies": encoding_frequencies("geom_ft", 3, 8),
        "is_grouped_by_axis": True,
    }
    shared |= {"latent_frequencies": None, "negative_slope": 0.0, "full_box_size": 8, "norm": (0.0, 1.0)}
    decoder = CryodrgnDecoder(**shared, is_hartley=False, sphere_radius=None)
    coordinates, places = decoder._points(8)
    assert len(places) < 0.55 * (4 / 3) * np.pi * 4.5**3
    volume = next(decoder.decode(np.ones((1, 1), np.float32), 8))
    values = torch.zeros(9**3)
    with torch.no_grad():
        for point, place in zip(coordinates, places):
            real, imaginary = decoder._evaluate(point[None], torch.ones(1, 1))[0, 0]
            values[9**3 - 1 - place] = real + imaginary
            values[place] = real - imaginary
    spectrum = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(values.reshape(9, 9, 9)[:-1, :-1, :-1].numpy())))
    np.testing.assert_allclose(volume, (spectrum.real - spectrum.imag) / 512, atol=1e-5)
