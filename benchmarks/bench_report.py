"""How large report.html is for a large run, and how long it takes: 300,000 particles, 30 states, maps of 256 voxels a side.

python benchmarks/bench_report.py [-n 300000] [--states 30] [--box 256] [--out FOLDER]

The run is synthetic: nothing is decoded. Maps hold blobs and noise, which packs worse than decoded maps. Figures are
drawn by the functions that draw those of a real run, so that the page holds as many as after landscape and landscape-full.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from gem_plugin.io.array_files import write_array, write_arrays
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.latents.components import fit_latent_components
from gem_plugin.landscape.motion.gaussians import measure_motion, motion_to_arrays
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.particles.table import ParticleTable
from gem_plugin.progress import Progress
from gem_plugin.reports.figures import landscape as figures
from gem_plugin.reports.figures.latents import draw_latent_figures
from gem_plugin.steps.report.settings import ReportSettings
from gem_plugin.steps.report.step import run_report

GOAL_IN_MEGABYTES = 15.0
LATENT_SIZE, N_COMPONENTS, N_SKETCH_MAPS, N_GAUSSIANS = 8, 20, 1000, 8000
N_TRAJECTORIES, POINTS_OF_TRAJECTORY = 8, 10
DIFFERENT_MAPS = 6  # the others are links to these: a disk holds them, and each is read all the same
PIXEL_SIZE_IN_ANGSTROMS = 1.5
UMAP_LABELS = ("UMAP 1 (arbitrary units)", "UMAP 2 (arbitrary units)")
COMPONENT_LABELS = ("volume component 1 (map units)", "volume component 2 (map units)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=300_000)
    parser.add_argument("--states", type=int, default=30)
    parser.add_argument("--box", type=int, default=256)
    parser.add_argument("--out", type=Path, help="where the run is made; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        run = make_large_run(Path(folder) / "run", options.n, options.states, options.box)
        start = time.perf_counter()
        run_report(run, ReportSettings(chimerax=False), Progress())
        seconds = time.perf_counter() - start
        size = run.report.stat().st_size / 1e6
        print(
            f"{options.n:,} particles, {options.states} states, box {options.box}: report.html {size:.2f} MB in {seconds:.0f} s"
        )
        print(f"goal: under {GOAL_IN_MEGABYTES:.0f} MB")


def make_large_run(root: Path, n_particles: int, n_states: int, box: int) -> RunFiles:
    """Every file that the report reads, and every figure."""
    run, generator = RunFiles(root), np.random.default_rng(0)
    centres = 3 * generator.normal(size=(n_states, LATENT_SIZE))
    states = generator.integers(0, n_states, n_particles)
    latents = (centres[states] + generator.normal(size=(n_particles, LATENT_SIZE))).astype(np.float32)
    layout = latents[:, :2] + 0.1 * generator.normal(size=(n_particles, 2)).astype(np.float32)
    write_array(run.latents, latents)
    write_array(run.latents_std, np.abs(generator.normal(size=latents.shape)).astype(np.float32))
    _write_table(run, n_particles, box, generator)
    _write_landscape(run, latents, layout.astype(np.float32), states + 1, generator)
    _write_maps(run, n_states, box, generator)
    places = 60 * generator.normal(size=(20, N_GAUSSIANS, 3))
    motion = measure_motion(places, np.abs(generator.normal(size=(20, N_GAUSSIANS))), seed=0)
    write_arrays(run.motion, **motion_to_arrays(motion))
    run.history.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{epoch},{90 - epoch},{epoch / 10},{91 - epoch}\n" for epoch in range(1, 31))
    run.history.write_text("epoch,loss,kl,validation_loss\n" + rows)
    return run


def _write_table(run: RunFiles, n: int, box: int, generator: np.random.Generator) -> None:
    def uniform(low: float, high: float) -> np.ndarray:
        return generator.uniform(low, high, n).astype(np.float32)

    turns = np.linalg.qr(generator.normal(size=(n, 3, 3)))[0]
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    table = ParticleTable(
        image_names=np.array([f"{row + 1:06d}@stack.mrcs" for row in range(n)], dtype=object),
        stack_names=np.full(n, "stack.mrcs", dtype=object),
        slice_indices=np.arange(n),
        rotation_matrices=turns.astype(np.float32),
        shifts_in_angstroms=generator.normal(size=(n, 2)).astype(np.float32),
        defocus_u_in_angstroms=uniform(8000, 20000),
        defocus_v_in_angstroms=uniform(8000, 20000),
        defocus_angle_in_degrees=uniform(0, 180),
        phase_shift_in_degrees=uniform(0, 0),
        b_factor_in_square_angstroms=uniform(0, 0),
        scale_factor=uniform(1, 1),
        voltage_in_kilovolts=uniform(300, 300),
        spherical_aberration_in_millimetres=uniform(2.7, 2.7),
        amplitude_contrast=uniform(0.1, 0.1),
        contrast_sign=uniform(1, 1),
        half_sets=(1 + np.arange(n) % 2).astype(np.int8),
        optics_groups=1 + np.arange(n) % 9,
        pixel_size_in_angstroms=PIXEL_SIZE_IN_ANGSTROMS,
        box_size=box,
    )
    origin = ParticleOrigin(run.root / "particles.star", run.root, box, PIXEL_SIZE_IN_ANGSTROMS)
    save_prepared_table(run.prepared_table, table, np.ones(box // 2 + 1), origin)


def _write_landscape(
    run: RunFiles, latents: np.ndarray, layout: np.ndarray, states: np.ndarray, generator: np.random.Generator
) -> None:
    files, full = run.landscape, run.landscape.full
    n = len(latents)
    coordinates = generator.normal(size=(n, N_COMPONENTS)).astype(np.float32)
    coordinates[:, :LATENT_SIZE] += latents
    write_array(files.umap, layout)
    write_array(files.particle_states, states)
    write_array(full.coordinates, coordinates)
    write_array(full.umap, layout)
    write_array(full.particle_states, states)
    write_array(full.leiden_states, 1 + np.arange(n) % 50)
    folder, rows = run.figures, generator.choice(n, min(n, N_SKETCH_MAPS), replace=False)
    for annotation in (None, np.arange(len(rows))):
        figures.draw_component_pairs(folder, coordinates[rows], states[rows], 5, annotation)
    figures.draw_states_on_plane(folder / "landscape_umap", layout, states, UMAP_LABELS)
    figures.draw_states_on_plane(folder / "full_umap_states", layout, states, UMAP_LABELS)
    figures.draw_states_on_plane(folder / "full_pca_states", coordinates[:, :2], states, COMPONENT_LABELS)
    figures.draw_state_sizes(folder / "landscape_state_particle_counts", np.bincount(states)[1:], "particles")
    draw_latent_figures(folder, latents, fit_latent_components(latents), rows[:20], layout)


def _write_maps(run: RunFiles, n_states: int, box: int, generator: np.random.Generator) -> None:
    files = run.landscape
    sources = [run.root / "maps" / f"{number}.mrc" for number in range(DIFFERENT_MAPS)]
    volumes = [_blobs(box, generator) for _ in sources]
    for path, volume in zip(sources, volumes):
        write_map(path, volume, PIXEL_SIZE_IN_ANGSTROMS)
    means = [volumes[number % DIFFERENT_MAPS][::2, ::2, ::2] for number in range(n_states)]
    figures.draw_state_slices(
        run.figures / "landscape_state_means",
        means,
        np.ones(n_states),
        [""] * n_states,
        2 * PIXEL_SIZE_IN_ANGSTROMS,
    )
    wanted = [files.states.mean(number) for number in range(1, n_states + 1)]
    wanted += [
        run.analyze.component_folder(component) / f"vol_{point:03d}.mrc"
        for component in range(1, N_TRAJECTORIES + 1)
        for point in range(1, POINTS_OF_TRAJECTORY + 1)
    ]
    for number, path in enumerate(wanted):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(sources[number % DIFFERENT_MAPS], path)


def _blobs(box: int, generator: np.random.Generator) -> np.ndarray:
    """Forty blobs within the middle half of the box, and noise of a twentieth of their height."""
    places = np.arange(box) - box / 2
    volume = 0.05 * generator.normal(size=(box, box, box)).astype(np.float32)
    for centre in generator.uniform(-box / 4, box / 4, size=(40, 3)):
        z, y, x = (np.exp(-((places - middle) ** 2) / (2 * (box / 25) ** 2)) for middle in centre)
        volume += (z[:, None, None] * y[:, None] * x).astype(np.float32)
    return volume


if __name__ == "__main__":
    main()
