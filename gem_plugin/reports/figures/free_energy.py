"""Figures of the free energy: curves, maps, paths."""

import contextlib
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.landscape.free_energy import FreeEnergy, estimate_free_energy
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.landscape.paths import EnergyPath
from gem_plugin.reports.figures.save import (
    OKABE_ITO,
    SEQUENTIAL,
    SMALL_MARKER,
    THIN_LINE,
    add_colour_bar,
    new_figure,
    save_figure,
)

BOOTSTRAP_SAMPLES = 30  # of a first look


def draw_energy_curve(
    stem: Path, centres: np.ndarray, energy: np.ndarray, error: np.ndarray, component: int
) -> list[Path]:
    """Free energy along one component with its bootstrap error as a band."""
    figure, panels = new_figure(height_of_panel=0.75)
    axes = panels[0, 0]
    axes.fill_between(centres, energy - error, energy + error, color=OKABE_ITO[5], alpha=0.5, lw=0)
    axes.plot(centres, energy, color=OKABE_ITO[0], linewidth=THIN_LINE)
    axes.set_xlabel(f"volume component {component} (map units)")
    axes.set_ylabel("free energy (kT)")
    return save_figure(figure, stem)


def draw_energy_map(
    stem: Path,
    landscape: FreeEnergy,
    components: tuple[int, int],
    path_points: np.ndarray | None = None,  # (p, 2)
    path_particles: np.ndarray | None = None,  # (p, 2): where the particles are whose maps are written
    coordinate: str = "volume component {} (map units)",  # with {} for the number
) -> list[Path]:
    """Free energy and its error on the plane of two components; white where too few particles were seen."""
    figure, panels = new_figure(2, height_of_panel=0.85)
    extent = (
        float(landscape.x_centres[0]),
        float(landscape.x_centres[-1]),
        float(landscape.y_centres[0]),
        float(landscape.y_centres[-1]),
    )
    titles = ("free energy (kT)", "bootstrap error (kT)")
    for axes, values, title in zip(panels[0], (landscape.energy_in_kt, landscape.error_in_kt), titles):
        image = axes.imshow(values, origin="lower", extent=extent, aspect="auto", cmap=SEQUENTIAL)
        add_colour_bar(figure, image, axes, title)
        axes.set_xlabel(coordinate.format(components[0]))
        axes.set_ylabel(coordinate.format(components[1]))
        if path_points is not None:
            axes.plot(*path_points.T, "-", color=OKABE_ITO[3], linewidth=THIN_LINE)
        if path_particles is not None:
            axes.plot(
                *path_particles.T, "o", color=OKABE_ITO[3], markersize=SMALL_MARKER, mec="white", mew=0.4
            )
    return save_figure(figure, stem)


def draw_energy_of_latents(stem: Path, latents: np.ndarray, particles: np.ndarray | None) -> list[Path]:
    """A first look along the two largest latent components; nothing where particles are too few, or alike."""
    plane = fit_latent_components(latents).scores[:, :2].astype(np.float64)
    if plane.shape[1] < 2:
        return []
    with contextlib.suppress(InputError):  # too few particles, or none of them differ: no figure then
        landscape = estimate_free_energy(
            plane, np.random.default_rng(0), n_bootstrap=BOOTSTRAP_SAMPLES, particle_indices=particles
        )
        if landscape.has_energies:
            return draw_energy_map(stem, landscape, (1, 2), coordinate="latent component {} (latent units)")
    return []


def draw_path_profile(
    stem: Path,
    path: EnergyPath,
    near: np.ndarray,  # (p,) number of particles near each point
) -> list[Path]:
    """Free energy along the path, with its bootstrap error; below it how many particles are near each point."""
    figure, panels = new_figure(n_rows=2, height_of_panel=0.75)
    axes = panels[0, 0]
    axes.errorbar(
        path.distance,
        path.energy_in_kt,
        path.error_in_kt,
        fmt="o-",
        capsize=2,
        markersize=SMALL_MARKER,
        linewidth=THIN_LINE,
        color=OKABE_ITO[0],
    )
    axes.set_ylabel("free energy (kT)")
    below = panels[1, 0]
    below.plot(path.distance, near, "o-", markersize=SMALL_MARKER, linewidth=THIN_LINE, color=OKABE_ITO[7])
    below.set_ylim(bottom=0)
    below.set_xlabel("distance along the minimum-energy path (map units)")
    below.set_ylabel("particles near")
    return save_figure(figure, stem)
