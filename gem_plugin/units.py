"""Physical constants, unit conversions and what a size means, each once."""

import math

ANGSTROMS_PER_MILLIMETRE = 1e7
VOLTS_PER_KILOVOLT = 1e3
COLLAPSED_KL_IN_NATS = (
    0.1  # per particle: less, and latents carry nothing. Two equal states take log 2 = 0.69, one of 5 % 0.2
)
ONE_CYCLE, RISING, CONSTANT, ANNEALING = range(4)  # stages of a training, as numbers in its history


def electron_wavelength_in_angstroms(voltage_in_kilovolts):
    """Relativistic de Broglie wavelength, as RELION computes it: 12.2643247 / sqrt(V (1 + 0.978466e-6 V)).

    Takes a number, an array or a tensor; gives the same kind.
    """
    volts = voltage_in_kilovolts * VOLTS_PER_KILOVOLT
    return 12.2643247 / (volts * (1 + 0.978466e-6 * volts)) ** 0.5


def degrees_to_radians(degrees):
    """Takes a number, an array or a tensor; gives the same kind."""
    return degrees * (math.pi / 180)
