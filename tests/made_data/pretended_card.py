"""A pretended card: tensors on a device of their own, whose values lie in the memory of the CPU.

As on a card, an operation with tensors of two devices is refused, and NumPy sees no tensor before `.cpu()`. The device calls itself
"meta", which no code of ours treats by name; a card would be "cuda", and take the kernels for CUDA.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

CARD = torch.device("meta")
BETWEEN_DEVICES = ("aten._to_copy.default", "aten.copy_.default", "aten._local_scalar_dense.default")


class OnCard(torch.Tensor):
    """A tensor that says it lies on the card."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "OnCard":
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset()}
        made = torch.Tensor._make_wrapper_subclass(cls, held.size(), **layout, dtype=held.dtype, device=CARD)
        made.held = held
        return made

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError("A tensor of the card is no array of NumPy.")

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(function, args, kwargs or {}, None)


class PretendedCard(TorchDispatchMode):
    """While this is entered, `device=CARD` makes tensors of the card."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes_copied = 0  # from the card to the CPU

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(function, args, kwargs or {}, self)


@contextmanager
def pretended_card() -> Iterator[PretendedCard]:
    """A card, for as long as the context lasts; it counts the bytes that are copied from it."""
    tensor, as_tensor = torch.tensor, torch.as_tensor

    def moved(made: torch.Tensor, device: Any) -> torch.Tensor:
        return made if device is None else made.to(device)

    with (
        pytest.MonkeyPatch.context() as patch,
        PretendedCard() as card,
    ):  # these two make tensors outside the dispatcher
        patch.setattr(torch, "tensor", lambda data, device=None, **more: moved(tensor(data, **more), device))
        patch.setattr(
            torch, "as_tensor", lambda data, device=None, **more: moved(as_tensor(data, **more), device)
        )
        yield card


def _done(function: Any, args: Any, kwargs: dict[str, Any], card: PretendedCard | None) -> Any:
    """The operation on the values, with its result on the device that a real one would give it."""
    name, given = str(function), [one for one in tree_leaves((args, kwargs)) if torch.is_tensor(one)]
    there = [one for one in given if isinstance(one, OnCard)]
    if there and name not in BETWEEN_DEVICES:
        _refuse_two_devices(name, args, given)
    device = kwargs.get("device")
    is_on_card = bool(there) if device is None else torch.device(device) == CARD
    here = {**kwargs, "device": torch.device("cpu")} if device is not None and is_on_card else kwargs
    result = function(*tree_map(_held, args), **tree_map(_held, here))
    if name == "aten.copy_.default" or (name.split(".")[1].endswith("_") and there):
        _count(card, args[1:] if not isinstance(args[0], OnCard) else ())
        return args[0]
    if "out" in kwargs:
        return kwargs["out"]
    if not is_on_card:
        _count(card, args)
        return result
    return tree_map(_on_card, result)


def _refuse_two_devices(name: str, args: Any, given: list[torch.Tensor]) -> None:
    for one in given:
        is_index = name.startswith("aten.index.") and one is not args[0] and isinstance(args[0], OnCard)
        if not isinstance(one, OnCard) and one.dim() > 0 and not is_index:
            raise RuntimeError(f"{name}: tensors of two devices")


def _count(card: PretendedCard | None, args: Any) -> None:
    if card is not None:
        copied = [one.held for one in tree_leaves(args) if isinstance(one, OnCard)]
        card.bytes_copied += sum(one.numel() * one.element_size() for one in copied)


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnCard) else value


def _on_card(value: Any) -> Any:
    if not torch.is_tensor(value) or isinstance(value, OnCard):
        return value
    return OnCard(value.resolve_conj().resolve_neg())
