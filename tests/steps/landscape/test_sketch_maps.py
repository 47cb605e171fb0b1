"""Maps of the sketch stay where they are decoded, and the landscape made of them there is that of the CPU."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from arm_model import BOX_SIZE, PIXEL_SIZE_IN_ANGSTROMS, arm_source, ring_latents
from pretended_card import CARD, pretended_card

from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.components import VolumeComponents
from gem_plugin.steps.landscape import sketch_maps
from gem_plugin.steps.landscape.settings import LandscapeSettings
from gem_plugin.steps.landscape.sketch_maps import SketchVolumes
from gem_plugin.steps.landscape.step import map_landscape

N_MAPS, BYTES_OF_A_MAP = 40, 4 * BOX_SIZE**3


class SourceOnCard:
    """The arm, decoded on the card; remembers how many maps were requested."""

    def __init__(self) -> None:
        self.n_decoded = 0
        on_cpu = arm_source(ring_latents(120))
        self.source = replace(on_cpu, decode_on_device=self.decode, device=str(CARD))
        self.decode_here = on_cpu.decode

    def decode(self, latents: np.ndarray) -> Iterator[torch.Tensor]:
        self.n_decoded += len(latents)
        return (torch.from_numpy(volume).to(CARD) for volume in self.decode_here(latents))


def landscape(source: VolumeSource, folder: Path) -> dict[str, np.ndarray]:
    """What all uses of the sketch maps give: mask, components, distances, states, and what is measured of a region."""
    region = np.zeros((BOX_SIZE,) * 3, np.float32)
    region[:, :, :12] = 1
    write_map(folder / "left.mrc", region, PIXEL_SIZE_IN_ANGSTROMS)
    run = RunFiles(folder)
    files = run.landscape
    settings = LandscapeSettings(
        sketch_size=N_MAPS, n_states=3, skip_umap=True, region=(f"left={folder / 'left.mrc'}",), focus=False
    )
    map_landscape(source, files, run, settings, Progress(io.StringIO()))
    components = VolumeComponents.load(files)
    maps = {str(path): read_map(path).volume for path in (files.mean_volume, files.states.mean(1))}
    spread = read_map(files.states.standard_deviation(1)).volume
    return {
        **{Path(name).name: volume for name, volume in maps.items()},
        "spread": spread,
        "mask": components.mask,
        "scores": components.pca.scores,
        "components": components.pca.components,
        "distances": components.distances,
        "states": np.load(files.particle_states),
        "occupancy": np.load(files.regions)["occupancy"],
    }


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    return landscape(arm_source(ring_latents(120)), tmp_path_factory.mktemp("cpu"))


def check_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name, values in expected.items():
        np.testing.assert_allclose(
            found[name], values, atol=1e-6 * np.abs(values).max(), rtol=0, err_msg=name
        )


def test_maps_on_a_card_are_decoded_once_and_few_bytes_leave_it(
    on_cpu: dict[str, np.ndarray], tmp_path: Path
) -> None:
    made = SourceOnCard()
    with pretended_card() as card:
        check_same(landscape(made.source, tmp_path), on_cpu)
    assert made.n_decoded == N_MAPS
    assert 0 < card.bytes_copied < N_MAPS * BYTES_OF_A_MAP / 2, "some sums of maps, but no map"


def test_a_card_without_room_decodes_again_and_gives_the_same(
    on_cpu: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketch_maps, "SHARE_OF_A_CARD", 0.0)
    made = SourceOnCard()
    with pretended_card():
        check_same(landscape(made.source, tmp_path), on_cpu)
    assert made.n_decoded == 4 * N_MAPS  # brightest voxels, masked voxels, states, regions


def test_slow_decoders_keep_their_maps_in_a_file_that_goes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketch_maps, "MAXIMUM_SET_IN_MEMORY_IN_BYTES", 0)
    source = replace(arm_source(ring_latents(6)), decoding_is_slow=True)
    with SketchVolumes(source, np.array([4, 1, 5]), tmp_path) as volumes:
        first = [volume.clone() for volume in volumes.all()]
        assert list(tmp_path.glob(".volumes_*/volumes.npy"))
        assert all(torch.equal(*both) for both in zip(first, volumes.all(), strict=True))
        assert torch.equal(next(volumes.at([2])), first[2])
    assert not list(tmp_path.iterdir())
