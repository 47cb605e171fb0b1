"""One simulated set in three forms: raw, multiplied by the CTF, and with flipped phases, as extraction writes them."""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from gem_plugin.imaging.ctf import ctf_half_spectra
from gem_plugin.imaging.processed_images import PHASE_FLIPPED, PREMULTIPLIED
from gem_plugin.io.mrc.stacks import open_stack, write_stack
from gem_plugin.particles.ctf_parameters import ctf_parameters_of
from gem_plugin.progress import Progress
from gem_plugin.results.particle_file import read_particles
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

FLAGS = {PREMULTIPLIED: "_rlnCtfDataAreCtfPremultiplied", PHASE_FLIPPED: "_rlnCtfDataArePhaseFlipped"}


def simulate_raw(folder: Path, n_particles: int, snr: float) -> Path:
    """The star file of raw images."""
    settings = SimulateSettings(
        out=folder,
        n_particles=n_particles,
        box=36,
        pixel_size=8.0,
        snr=snr,
        stack_folder=folder.name,
        b_factor=0,
    )
    run_simulate(settings, Progress())
    return folder / "particles.star"


def processed(raw: Path, folder: Path, kind: int, is_flagged: bool = True) -> Path:
    """The star file of the same images, multiplied by their CTF or its sign and normalised again."""
    folder.mkdir()
    table = read_particles(raw)
    parameters = dataclasses.replace(ctf_parameters_of(table))
    transfers = ctf_half_spectra(parameters, table.box_size, table.pixel_size_in_angstroms)
    factors = transfers if kind == PREMULTIPLIED else transfers.sign()
    images = torch.from_numpy(np.array(open_stack(raw.parent / "particles.mrcs")))
    images = torch.fft.irfft2(torch.fft.rfft2(images) * factors, s=images.shape[1:])
    images /= images[:, :6, :6].std()
    with write_stack(folder / "particles.mrcs", table.pixel_size_in_angstroms) as stack:
        stack.append(images.numpy())
    text = raw.read_text().replace(f"@{raw.parent.name}/", f"@{folder.name}/")
    star = folder / "particles.star"
    star.write_text(with_flag(text, FLAGS[kind]) if is_flagged else text)
    return star


def with_flag(text: str, label: str) -> str:
    lines, n_labels, is_optics = [], 0, False
    for line in text.splitlines():
        is_optics = line.startswith("data_optics") or (is_optics and not line.startswith("data_"))
        if is_optics and line.startswith("_rln"):
            n_labels += 1
        elif is_optics and n_labels and line.strip() and label not in "".join(lines):
            lines.append(f"{label} #{n_labels + 1}")
        if is_optics and n_labels and line.strip() and not line.startswith("_rln") and "data_" not in line:
            line += " 1"
        lines.append(line)
    return "\n".join(lines) + "\n"
