"""Where images are kept: in single precision, in half precision on a GPU, or on disk."""

import pytest
import torch

from gem_plugin.errors import InputError
from gem_plugin.heterogeneity.settings import TrainSettings
from gem_plugin.steps.train import images
from gem_plugin.steps.train.images import check_memory, precision_in_memory

N, BOX = 1_000_000, 128
GB = 1e9
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("device", "free", "precision"),
    [
        (CUDA, 140 * GB, torch.float32),  # 82 GB of images
        (CUDA, 80 * GB, torch.float16),  # 49 GB
        (CUDA, 60 * GB, None),
        (CPU, 200 * GB, torch.float32),
        (CPU, 140 * GB, None),  # a CPU keeps half of its memory for others, and has no half precision
    ],
)
def test_images_are_kept_as_well_as_they_fit(device, free, precision, monkeypatch):
    monkeypatch.setattr(images, "free_memory_in_bytes", lambda device: free)
    assert precision_in_memory(N, BOX, device) == precision


def test_memory_that_is_asked_for_is_refused_only_where_half_precision_does_not_fit_either(monkeypatch):
    monkeypatch.setattr(images, "free_memory_in_bytes", lambda device: 60 * GB)
    settings = TrainSettings(cache="memory")
    check_memory(settings, N, N, BOX, CUDA)
    with pytest.raises(InputError, match="Use --cache disk"):
        check_memory(settings, N, N, BOX, CPU)
