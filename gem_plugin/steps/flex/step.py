"""flex: move an atomic model with the Gaussians, to every state and along the trajectories."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.atoms.models import AtomicModel, read_atomic_model, write_conformations
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.outliers import particles_in_states
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.landscape.motion.atoms import CarriedAtoms, carry_atoms
from gem_plugin.landscape.motion.chain_closure import close_chains
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import MapGrid
from gem_plugin.results.latent_points import read_latent_table
from gem_plugin.results.run import Run
from gem_plugin.steps.flex.reference import Clouds, clouds_of, mean_cloud, reference_for
from gem_plugin.steps.flex.settings import FlexSettings

NAME_OF_CONFORMATIONS = re.compile(r"states|z_values|pc\d+")
TABLES = ("displacement", "occupancy")


def run_flex(files: RunFiles, settings: FlexSettings, progress: Progress) -> dict[str, Any]:
    """Write flex/*.cif and .pdb with one model a conformation, and tables of displacement and occupancy a residue."""
    if settings.model is None:
        raise InputError(
            "--model is missing. Expected an atomic model (PDB or mmCIF) fitted into the consensus map."
        )
    _check_model_is_no_result(files, settings.model)
    with progress.waiting(f"reading {settings.model.name}"):
        model = read_atomic_model(settings.model)
    run = Run(files)
    source = run.decoder(MapGrid())
    if source.clouds_at is None:
        raise InputError(
            f"The model of {files.root} has no Gaussians, so there is no motion to apply to the atoms."
        )
    if settings.z_values is not None:  # before any work
        read_latent_table(settings.z_values, source.latents.shape[1])
    generator = np.random.default_rng(settings.seed)
    shift = 0.0
    if settings.origin == "corner":
        shift = source.box_size // 2 * source.cloud_pixel_size_in_angstroms
    rows = np.flatnonzero(particles_in_states(files, source.n_particles))
    reference = reference_for(model.positions_in_angstroms - shift, source, generator, progress.track, rows)
    starts, ends = model.positions_in_angstroms[model.bonds.T]
    lengths = np.linalg.norm(ends - starts, axis=1)
    summary: dict[str, Any] = {
        "atoms": len(model.positions_in_angstroms),
        "residues": len(model.residue_names),
    }
    with progress.waiting("Gaussians of the conformations"):
        conformations = _conformations(run, settings, source, generator)
    for path in _earlier_files(files.flex):
        path.unlink()
    for name, clouds in conformations.items():
        with progress.waiting(f"{name}: atoms"):
            carried = carry_atoms(
                model.positions_in_angstroms - shift,
                model.residue_of_atom,
                reference[0][0],
                reference[1][0],
                *clouds,
                progress.track,
            )
            positions, residues = carried.positions_in_angstroms, model.residue_of_atom
            closed = close_chains(positions, residues, model.bonds, lengths, progress.track)
            carried = carried._replace(positions_in_angstroms=closed)
            _write(files.flex, name, model, carried, shift)
        summary[f"{name}_conformations"] = len(clouds[0])
        summary[f"{name}_largest_displacement_in_angstroms"] = round(
            float(carried.displacement_in_angstroms.max()), 2
        )
        progress.say(f"{name}: {len(clouds[0])} conformations")
    return summary


def _conformations(
    run: Run, settings: FlexSettings, source: VolumeSource, generator: np.random.Generator
) -> dict[str, Clouds]:
    """Name of the file -> Gaussians of its models."""
    found: dict[str, Clouds] = {}
    if run.has_states():
        states = run.states()
        means = [mean_cloud(source, states.rows(number), generator) for number in states.numbers]
        found["states"] = (
            np.concatenate([positions for positions, _ in means]),
            np.concatenate([amplitudes for _, amplitudes in means]),
        )
    for series in run.series:
        if series.latents is not None:
            found[series.folder.name] = clouds_of(source, series.latents)
    if settings.z_values is not None:
        found["z_values"] = clouds_of(source, read_latent_table(settings.z_values, source.latents.shape[1]))
    if not found:
        raise InputError(
            f"{run.files.root} has neither states nor trajectories. Run gem-em landscape, or give --z-values."
        )
    return found


def _check_model_is_no_result(files: RunFiles, path: Path) -> None:
    folder = files.as_users_know(files.flex).resolve()
    if path.resolve().parent == folder and NAME_OF_CONFORMATIONS.fullmatch(path.stem):
        raise InputError(
            f"--model {path} is a file that this step writes itself, and would be destroyed. Give the model under another name."
        )


def _earlier_files(folder: Path) -> list[Path]:
    """What this step wrote before; other files that someone put there stay."""
    endings = (".cif", ".pdb", *(f"_{what}.csv" for what in TABLES))
    return [
        path
        for ending in endings
        for path in folder.glob("*" + ending)
        if NAME_OF_CONFORMATIONS.fullmatch(path.name.removesuffix(ending))
    ]


def _write(folder: Path, name: str, model: AtomicModel, carried: CarriedAtoms, shift: float) -> None:
    write_conformations(
        folder / f"{name}.cif",
        model,
        carried.positions_in_angstroms + shift,
        carried.displacement_in_angstroms,
        carried.occupancy,
    )
    tables = (carried.displacement_in_angstroms, carried.occupancy)
    for what, values in zip(TABLES, tables, strict=True):
        write_text_whole(folder / f"{name}_{what}.csv", _table(model, values))


def _table(model: AtomicModel, values: np.ndarray) -> str:  # (k, residues)
    header = ["chain", "residue", "name", *(f"model_{number}" for number in range(1, len(values) + 1)), "rms"]
    rms = np.sqrt((values**2).mean(0))
    lines = [",".join(header)]
    for index, (chain, number, name) in enumerate(model.residue_names):
        numbers = [f"{value:.3f}" for value in (*values[:, index], rms[index])]
        lines.append(",".join([chain, number, name, *numbers]))
    return "\n".join(lines) + "\n"
