"""The contrast transfer function, in RELION's sign: positive at low frequency for white particles."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from gem_plugin.units import ANGSTROMS_PER_MILLIMETRE, degrees_to_radians, electron_wavelength_in_angstroms


@dataclass(frozen=True)
class CtfParameters:
    """One value per image; every tensor is (batch,)."""

    defocus_u_in_angstroms: Tensor
    defocus_v_in_angstroms: Tensor
    defocus_angle_in_degrees: Tensor
    phase_shift_in_degrees: Tensor
    b_factor_in_square_angstroms: Tensor
    scale_factor: Tensor
    voltage_in_kilovolts: Tensor
    spherical_aberration_in_millimetres: Tensor
    amplitude_contrast: Tensor

    def take(self, rows: Tensor) -> "CtfParameters":
        """The parameters of the given rows, in the given order."""
        return CtfParameters(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def to(self, device: torch.device | str) -> "CtfParameters":
        return CtfParameters(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def ctf_half_spectra(
    parameters: CtfParameters,
    box_size: int,
    pixel_size_in_angstroms: float,
) -> Tensor:  # (batch, box_size, box_size // 2 + 1), zero frequency first
    """CTF of each image, with its B-factor envelope and scale factor.

    gamma = pi lambda df s^2 - pi/2 Cs lambda^3 s^4 + phase shift;
    CTF = (sqrt(1 - w^2) sin gamma + w cos gamma) exp(-B s^2 / 4) scale (conventions checked with relion_reconstruct).
    """
    column = {field.name: getattr(parameters, field.name)[:, None, None] for field in fields(parameters)}
    device, dtype = parameters.defocus_u_in_angstroms.device, parameters.defocus_u_in_angstroms.dtype
    frequency_y = torch.fft.fftfreq(box_size, pixel_size_in_angstroms, device=device, dtype=dtype)[:, None]
    frequency_x = torch.fft.rfftfreq(box_size, pixel_size_in_angstroms, device=device, dtype=dtype)[None, :]
    squared_frequency = frequency_x**2 + frequency_y**2  # (box, box // 2 + 1), 1/A^2
    azimuth = torch.atan2(frequency_y.expand_as(squared_frequency), frequency_x.expand_as(squared_frequency))

    mean_defocus = (column["defocus_u_in_angstroms"] + column["defocus_v_in_angstroms"]) / 2
    half_difference = (column["defocus_u_in_angstroms"] - column["defocus_v_in_angstroms"]) / 2
    angle = degrees_to_radians(column["defocus_angle_in_degrees"])
    defocus = mean_defocus + half_difference * torch.cos(2 * (azimuth - angle))

    wavelength = electron_wavelength_in_angstroms(column["voltage_in_kilovolts"])
    spherical_aberration = column["spherical_aberration_in_millimetres"] * ANGSTROMS_PER_MILLIMETRE
    gamma = torch.pi * wavelength * defocus * squared_frequency
    gamma = gamma - torch.pi / 2 * spherical_aberration * wavelength**3 * squared_frequency**2
    gamma = gamma + degrees_to_radians(column["phase_shift_in_degrees"])

    contrast = column["amplitude_contrast"]
    envelope = column["scale_factor"] * torch.exp(
        -column["b_factor_in_square_angstroms"] * squared_frequency / 4
    )
    return (torch.sqrt(1 - contrast**2) * torch.sin(gamma) + contrast * torch.cos(gamma)) * envelope
