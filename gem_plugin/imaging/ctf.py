"""The contrast transfer function, in RELION's sign: positive at low frequency for white particles."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from gem_plugin.imaging.dose_filter import dose_amplitudes
from gem_plugin.imaging.fourier import half_spectrum_frequencies
from gem_plugin.imaging.zernike import EVEN, zernike_sum
from gem_plugin.units import ANGSTROMS_PER_MILLIMETRE, degrees_to_radians, electron_wavelength_in_angstroms

OPTIONAL_PARAMETERS = ("even_zernike", "magnification", "image_processing", "doses", "b_factors_per_dose")


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
    even_zernike: Tensor | None = None  # (batch, k) rad, subtracted from gamma; None for all 0
    magnification: Tensor | None = None  # (batch, 2, 2): the CTF is taken at M s; None for the identity

    image_processing: Tensor | None = (
        None  # (batch,) of processed_images: no part of the CTF; None: all images are raw
    )
    doses: Tensor | None = None  # (batch,) electrons/A^2 before each tilt image; None: no dose filter
    b_factors_per_dose: Tensor | None = None  # (batch,) A^2 per dose, instead of the curve; of dose_filter

    def take(self, rows: Tensor) -> "CtfParameters":
        """The parameters of the given rows, in the given order."""
        return self._with(lambda values: values[rows])

    def to(self, device: torch.device | str) -> "CtfParameters":
        return self._with(lambda values: values.to(device))

    def _with(self, change: Callable[[Tensor], Tensor]) -> "CtfParameters":
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: change(value) for name, value in values.items() if value is not None})


def ctf_half_spectra(
    parameters: CtfParameters,
    box_size: int,
    pixel_size_in_angstroms: float,
) -> Tensor:  # (batch, box_size, box_size // 2 + 1), zero frequency first
    """CTF of each image, with its B-factor envelope and scale factor, and the dose filter of tilt images.

    gamma = pi lambda df u^2 - pi/2 Cs lambda^3 u^4 + phase shift - sum of even Zernike terms at u;
    CTF = (sqrt(1 - w^2) sin gamma + w cos gamma) exp(-B u^2 / 4) scale, all at u = M s, M the magnification matrix
    (conventions checked with relion_reconstruct and relion_project).
    """
    like, magnification = parameters.defocus_u_in_angstroms, parameters.magnification
    x, y = half_spectrum_frequencies(box_size, pixel_size_in_angstroms, like, magnification)
    squared_frequency = x**2 + y**2  # 1/A^2
    column = {
        field.name: getattr(parameters, field.name)[:, None, None]
        for field in fields(parameters)
        if field.name not in OPTIONAL_PARAMETERS
    }
    azimuth = torch.atan2(*torch.broadcast_tensors(y, x))

    mean_defocus = (column["defocus_u_in_angstroms"] + column["defocus_v_in_angstroms"]) / 2
    half_difference = (column["defocus_u_in_angstroms"] - column["defocus_v_in_angstroms"]) / 2
    angle = degrees_to_radians(column["defocus_angle_in_degrees"])
    defocus = mean_defocus + half_difference * torch.cos(2 * (azimuth - angle))

    wavelength = electron_wavelength_in_angstroms(column["voltage_in_kilovolts"])
    spherical_aberration = column["spherical_aberration_in_millimetres"] * ANGSTROMS_PER_MILLIMETRE
    gamma = torch.pi * wavelength * defocus * squared_frequency
    gamma = gamma - torch.pi / 2 * spherical_aberration * wavelength**3 * squared_frequency**2
    gamma = gamma + degrees_to_radians(column["phase_shift_in_degrees"])
    if parameters.even_zernike is not None:
        gamma = gamma - zernike_sum(parameters.even_zernike, x, y, EVEN)

    contrast = column["amplitude_contrast"]
    envelope = column["scale_factor"] * torch.exp(
        -column["b_factor_in_square_angstroms"] * squared_frequency / 4
    )
    if parameters.doses is not None:
        envelope = envelope * dose_amplitudes(
            squared_frequency, parameters.doses, parameters.b_factors_per_dose
        )
    return (torch.sqrt(1 - contrast**2) * torch.sin(gamma) + contrast * torch.cos(gamma)) * envelope
