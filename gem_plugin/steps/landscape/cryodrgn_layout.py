"""The results once more in the folder tree of cryoDRGN's landscape analysis, for scripts that expect it.

Same names, same kinds of values, same 1-based labels. Members of a state are relative links, which survive moving.
What was written here is kept in a list, so that results of cryoDRGN itself in the same folder are never replaced.
"""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_array, read_arrays, write_numbers
from gem_plugin.io.foreign.cryodrgn import write_pickled_array
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.new_files import free_name
from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import FullLandscapeFiles, LandscapeFiles
from gem_plugin.io.run.names import map_file, map_files, state_name
from gem_plugin.io.whole_files import whole_file, write_text_whole
from gem_plugin.progress import Progress
from gem_plugin.results.cryodrgn_decoder import original_rows
from gem_plugin.results.sketch import Sketch
from gem_plugin.steps.landscape.job import LandscapeJob

MADE_BY = "gem-em landscape"
LIST_NAME = "cryodrgn_layout.json"  # names in the folder of the tree that were written here
NOTEBOOK = "cryoDRGN_analyze_landscape.ipynb"
MAXIMUM_NAMES = 3  # that a message holds
NAMES_OF_TREE = (
    "mask.mrc", "mask_slices.png", "umap.pkl", "kmeans*", "vol_pca_*", "vol_pcs", "sketch_clustering_*",
    "landscape_full", NOTEBOOK,
)  # fmt: skip


def check_tree_is_ours(run: RunFiles) -> None:
    """Refuse a folder that holds such results of another origin; called before any work."""
    ours = _listed(run.root)
    others = sorted(
        path.name for name in NAMES_OF_TREE for path in run.root.glob(name) if path.name not in ours
    )
    if others:
        raise InputError(
            f"--cryodrgn-layout: {run.root} holds {', '.join(others[:MAXIMUM_NAMES])}{', ...' if len(others) > MAXIMUM_NAMES else ''} "
            "that GEM did not list as its own, such as results of cryoDRGN, which would be lost. Leave --cryodrgn-layout out, "
            f"or for a run of cryoDRGN give a new folder, such as -o {free_name(run.root)}."
        )


def say_when_tree_is_of_before(run: RunFiles, progress: Progress) -> None:
    if _listed(run.root):
        progress.say(
            f"The folder tree under cryoDRGN's names in {run.root} still shows the landscape of before; "
            "--cryodrgn-layout makes it anew."
        )


def _listed(folder: Path) -> list[str]:
    path = folder / LIST_NAME
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _list_what_was_written(run: RunFiles) -> None:
    """The list of before and what is in the tree by now."""
    written = [path.name for name in NAMES_OF_TREE for path in run.tree.glob(name)]
    names = sorted({*_listed(run.root), *written})
    write_text_whole(run.tree / LIST_NAME, json.dumps(names, indent=1) + "\n")


def write_cryodrgn_layout(job: LandscapeJob, sketch: Sketch, linkage: str) -> None:
    """kmeansK, vol_pca_K.pkl, vol_pcs, sketch_clustering_L_M and the rest, below `target`."""
    target, files, settings = job.run.tree, job.files, job.settings
    n_maps = len(sketch)
    states = read_array(files.state_labels, MADE_BY)
    kmeans = target / f"kmeans{n_maps}"
    clusters = target / f"sketch_clustering_{linkage}_{states.max()}"
    _copy(files.mask, target / "mask.mrc")
    _copy(job.figures / f"{names.MASK_SLICES}.png", target / "mask_slices.png")
    if files.umap.is_file() and not settings.skip_umap:
        write_pickled_array(target / "umap.pkl", read_array(files.umap, MADE_BY))
    _write_kmeans(job, kmeans, sketch)
    _write_components(target, files, job.figures, n_maps)
    _write_clusters(job, clusters, kmeans, sketch, states)
    _list_what_was_written(job.run)


def write_full_layout(
    run: RunFiles, full: FullLandscapeFiles, figure_folder: Path, latents: np.ndarray
) -> None:
    """landscape_full with the coordinates of all particles; `sampled` are all, as none had to be guessed."""
    target, folder = run.tree, run.tree / "landscape_full"
    coordinates = read_array(full.coordinates, "gem-em landscape-full")
    sampled = full.sampled_rows
    rows = np.loadtxt(sampled, dtype=np.int64) if sampled.is_file() else np.arange(len(latents))
    write_pickled_array(folder / "ind.sampled.pkl", rows)
    write_pickled_array(folder / "z.sampled.pkl", latents[rows])
    write_pickled_array(folder / "vol_pca_sampled.pkl", coordinates[rows])
    write_pickled_array(folder / "vol_pca_all.pkl", coordinates)
    if full.umap.is_file():
        write_pickled_array(folder / "umap_vol_pca.pkl", np.load(full.umap, allow_pickle=False))
    labels = full.leiden_states if full.leiden_states.is_file() else full.particle_states
    write_pickled_array(
        folder / "full_clustering" / "cluster_labels.pkl",
        np.load(labels, allow_pickle=False).astype(np.int32),
    )
    kind = "leiden" if full.leiden_states.is_file() else "states"
    _copy(figure_folder / f"full_umap_{kind}.png", folder / "full_clustering" / "umap.png")
    _copy(figure_folder / f"full_pca_{kind}.png", folder / "volpca_landscape.png")
    _copy(full.notebook, target / NOTEBOOK)
    _list_what_was_written(run)


def _write_kmeans(job: LandscapeJob, folder: Path, sketch: Sketch) -> None:
    source, start = job.source, sketch.first_number
    write_pickled_array(folder / "labels.pkl", np.where(sketch.labels < 0, 0, sketch.map_numbers))
    for name in ("centers.txt", "z_values.txt"):
        write_numbers(folder / name, source.latents[sketch.rows])
    write_numbers(folder / "centers_ind.txt", sketch.rows)
    for path in map_files(folder):
        path.unlink()
    mean = np.zeros((source.box_size,) * 3)
    decoded = source.decode(source.latents[sketch.rows])
    tracked = job.progress.track(decoded, "maps as cryoDRGN names them", len(sketch), "map")
    for number, volume in enumerate(tracked):
        write_map(map_file(folder, start + number), volume, source.pixel_size_in_angstroms)
        mean += volume
    write_map(folder / "vol_mean.mrc", mean / len(sketch), source.pixel_size_in_angstroms)


def _write_components(target: Path, files: LandscapeFiles, figure_folder: Path, n_maps: int) -> None:
    from sklearn.decomposition import PCA

    scores = read_array(files.volume_pca_scores, MADE_BY)
    write_pickled_array(target / f"vol_pca_{n_maps}.pkl", scores)
    arrays = read_arrays(files.volume_pca, MADE_BY)
    fitted = PCA(len(arrays["components"]))
    fitted.components_, fitted.mean_ = arrays["components"], arrays["mean"]
    fitted.explained_variance_ = arrays["explained_variance"]
    fitted.explained_variance_ratio_ = arrays["explained_variance_ratio"]
    fitted.n_components_, fitted.n_samples_ = len(arrays["components"]), n_maps
    fitted.n_features_in_, fitted.noise_variance_ = len(arrays["mean"]), 0.0
    fitted.singular_values_ = np.sqrt(arrays["explained_variance"] * (n_maps - 1))
    with whole_file(target / "vol_pca_obj.pkl") as temporary, open(temporary, "wb") as handle:
        pickle.dump(fitted, handle)
    for path in figure_folder.glob("landscape_vol_pca_[0-9]*.png"):
        numbers = path.stem.removeprefix("landscape_vol_pca_")
        _copy(path, target / f"vol_pca_{n_maps}_{numbers}.png")
    for folder in files.component_folders().values():
        for path in map_files(folder):
            _copy(path, target / "vol_pcs" / folder.name / path.name.removeprefix("vol_"))


def _write_clusters(
    job: LandscapeJob, folder: Path, kmeans: Path, sketch: Sketch, states: np.ndarray
) -> None:
    files, figure_folder, settings = job.files, job.figures, job.settings
    if folder.is_dir():
        shutil.rmtree(folder)  # only links and copies of what is kept elsewhere
    write_pickled_array(folder / "state_labels.pkl", states)
    of_particles = read_array(files.particle_states, MADE_BY)
    all_rows = original_rows(settings.workdir) if settings.workdir is not None else None
    for number in range(1, states.max() + 1):
        stem = state_name(number)
        for path in (files.states.mean(number), files.states.standard_deviation(number)):
            _copy(path, folder / path.name)
        rows = np.flatnonzero(of_particles == number)
        rows = rows if all_rows is None else all_rows[rows]
        write_pickled_array(folder / f"{stem}_particle_ind.pkl", rows.astype(np.int64))
        (folder / stem).mkdir()
        for member in np.flatnonzero(states == number):
            name = map_file(kmeans, sketch.first_number + int(member)).name
            (folder / stem / name).symlink_to(Path("..") / ".." / kmeans.name / name)
    names = {"state_volume_counts": "state_volume_counts", "state_particle_counts": "state_particle_counts"}
    names |= {"umap": "umap", "umap_annotated": "umap_annotated"}
    for ours, theirs in names.items():
        _copy(figure_folder / f"landscape_{ours}.png", folder / f"{theirs}.png")
    n_maps = len(sketch)
    for path in figure_folder.glob("landscape_vol_pca_*_*.png"):
        name = path.stem.removeprefix("landscape_vol_pca_")
        if not name.startswith("explained"):
            prefix = "annotated_" if name.startswith("annotated") else ""
            numbers = name.removeprefix("annotated_")
            _copy(
                path,
                folder / f"vol_pca_{prefix}{numbers}.png"
                if prefix
                else folder / f"vol_pca_{n_maps}_{numbers}.png",
            )


def _copy(source: Path, target: Path) -> None:
    """Copy a file where it exists; plots that were skipped have no copy."""
    if source.is_file():
        with whole_file(target) as temporary:
            shutil.copyfile(source, temporary)
