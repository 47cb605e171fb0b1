"""The CTF of the particles of a table, as tensors."""

from dataclasses import fields

import torch

from gem_plugin.imaging.ctf import OPTIONAL_PARAMETERS, CtfParameters
from gem_plugin.particles.table import ParticleTable


def ctf_parameters_of(table: ParticleTable) -> CtfParameters:
    """The table's CTF columns, which have the same names; take the rows first where only some are needed."""
    names = [field.name for field in fields(CtfParameters) if field.name not in OPTIONAL_PARAMETERS]
    columns = {name: torch.as_tensor(getattr(table, name), dtype=torch.float32) for name in names}
    optics, which = table.optics, table.optics_rows
    even = torch.as_tensor(optics.even_zernike[which]) if optics.even_zernike.any() else None
    return CtfParameters(
        **columns,
        even_zernike=even,
        magnification=torch.as_tensor(optics.magnification[which]) if optics.is_stretched else None,
        image_processing=torch.as_tensor(table.image_processing) if table.image_processing.any() else None,
    )
