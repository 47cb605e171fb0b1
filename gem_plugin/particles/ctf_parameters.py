"""The CTF of the particles of a table, as tensors."""

from dataclasses import fields

import torch

from gem_plugin.imaging.ctf import CtfParameters
from gem_plugin.particles.table import ParticleTable


def ctf_parameters_of(table: ParticleTable) -> CtfParameters:
    """The table's CTF columns, which have the same names; take the rows first where only some are needed."""
    columns = {field.name: getattr(table, field.name) for field in fields(CtfParameters)}
    return CtfParameters(
        **{name: torch.as_tensor(values, dtype=torch.float32) for name, values in columns.items()}
    )
