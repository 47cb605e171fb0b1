"""Decoding shared by several devices."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

Map = TypeVar("Map")  # an array, or a tensor on its device
MAPS_PER_PIECE = 16  # decoded by one device before the next piece


def decode_in_turn(
    decoders: Sequence[Callable[[np.ndarray], Iterator[Map]]],  # one for each device
    latents: np.ndarray,  # (k, latent_size)
) -> Iterator[Map]:
    """Maps in the order of the latents; with several decoders each works on its own piece at the same time."""
    if len(decoders) == 1:
        yield from decoders[0](latents)
        return
    pieces = [latents[start : start + MAPS_PER_PIECE] for start in range(0, len(latents), MAPS_PER_PIECE)]
    with ThreadPoolExecutor(len(decoders)) as pool:
        for start in range(0, len(pieces), len(decoders)):
            some = pieces[start : start + len(decoders)]
            work = [pool.submit(_all_of, decoder, piece) for decoder, piece in zip(decoders, some)]
            for one in work:
                yield from one.result()


def _all_of(decoder: Callable[[np.ndarray], Iterator[Map]], latents: np.ndarray) -> list[Map]:
    return list(decoder(latents))
