"""A large set of make_dataset.py, made in pieces by several processes and joined: the maker uses one processor."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pandas as pd
import starfile

SEEDS_BETWEEN_PIECES = 7919  # pieces of one set share no random numbers
MAPS = ("consensus", "consensus_half1", "consensus_half2")
OF_IMAGES = ("which", "kind", "gain", "angles", "origins")  # arrays of truth.npz with a row an image


def make_in_pieces(
    folder: Path,  # made; particles.star, particles.mrcs, truth.npz and the maps are written there
    command_of: Callable[[Path, int, int], Sequence[str]],  # folder, particles, seed -> the maker's command
    n_particles: int,
    n_pieces: int,
    seed: int,
) -> None:
    """Run the maker n_pieces times side by side, one thread each, and join what it made."""
    pieces = [folder / f"piece{number}" for number in range(n_pieces)]
    sizes = np.diff(np.linspace(0, n_particles, n_pieces + 1).astype(int)).tolist()
    seeds = [seed + number * SEEDS_BETWEEN_PIECES for number in range(n_pieces)]
    one_thread = {**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

    def make(piece: Path, size: int, of_piece: int) -> None:
        words = [str(word) for word in command_of(piece, size, of_piece)]
        subprocess.run(words, check=True, capture_output=True, env=one_thread)

    with ThreadPoolExecutor(n_pieces) as pool:
        for done in [pool.submit(make, *one) for one in zip(pieces, sizes, seeds, strict=True)]:
            done.result()
    join_pieces(folder, pieces)
    for piece in pieces:
        shutil.rmtree(piece)


def join_pieces(folder: Path, pieces: Sequence[Path]) -> None:
    """One set of several; the maps are the means of theirs, weighted by their particles."""
    tables: list[dict[str, Any]] = [starfile.read(piece / "particles.star") for piece in pieces]
    sizes = [len(table["particles"]) for table in tables]
    joined = pd.concat([table["particles"] for table in tables], ignore_index=True)
    joined["rlnImageName"] = [f"{row:06d}@particles.mrcs" for row in range(1, len(joined) + 1)]
    starfile.write({"optics": tables[0]["optics"], "particles": joined}, folder / "particles.star")
    _join_stacks(folder / "particles.mrcs", [piece / "particles.mrcs" for piece in pieces], sizes)
    for name in MAPS:
        maps = [mrcfile.read(piece / f"{name}.mrc") for piece in pieces]
        _write(folder / f"{name}.mrc", np.average(maps, axis=0, weights=sizes), pieces[0] / f"{name}.mrc")
    truths = [np.load(piece / "truth.npz") for piece in pieces]
    of_images = {name: np.concatenate([truth[name] for truth in truths]) for name in OF_IMAGES}
    of_all = {name: truths[0][name] for name in truths[0].files if name not in OF_IMAGES}
    np.savez(folder / "truth.npz", **of_all, **of_images)


def _join_stacks(path: Path, stacks: Sequence[Path], sizes: Sequence[int]) -> None:
    with mrcfile.open(stacks[0], header_only=True) as first:
        box, voxel_size = int(first.header.nx), first.voxel_size
    with mrcfile.new_mmap(path, (sum(sizes), box, box), mrc_mode=2, overwrite=True) as joined:
        joined.set_image_stack()
        start = 0
        for stack, size in zip(stacks, sizes, strict=True):
            joined.data[start : start + size] = mrcfile.read(stack)
            start += size
        joined.voxel_size = voxel_size
        joined.update_header_from_data()


def _write(path: Path, volume: np.ndarray, like: Path) -> None:
    with mrcfile.open(like, header_only=True) as other:
        voxel_size = other.voxel_size
    with mrcfile.new(path, volume.astype(np.float32), overwrite=True) as file:
        file.voxel_size = voxel_size
