"""Settings of landscape, and the combinations that are refused."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gem_plugin.errors import InputError
from gem_plugin.landscape.linkages import LINKAGES
from gem_plugin.settings import AUTOMATIC, check_input_files, setting


@dataclass(frozen=True)
class LandscapeSettings:
    """How to sketch, mask, analyse and group the maps."""

    sketch_size: int = setting(1000, "Number of sketch maps; 1000 as in cryoDRGN.", minimum=2, flag="-N")
    sketch_ind: Path | None = setting(
        None, "Text file of particle rows (from 0) to use as the sketch.", reads_file=True
    )
    vol_ind: Path | None = setting(
        None,
        "Text file of sketch positions (from 0) to keep; particles of the others get state 0.",
        reads_file=True,
    )
    vol_start_index: int = setting(1, "Number of the first sketch map in file names and labels.", minimum=0)
    downsample: int = setting(128, "Largest box of the maps in voxels.", minimum=8, flag="-d")
    apix: float | None = setting(
        None, "Pixel size of the maps, Angstrom; default: the run's.", minimum=0.01, flag="--Apix"
    )
    flip: bool = setting(False, "Mirror the maps along z: the other hand.")
    skip_vol: bool = setting(False, "Use the sketch of the last run; stop if it no longer fits.")
    keep_volumes: bool = setting(False, "Write all sketch maps (gigabytes); they are cheap to make again.")
    mask: Path | None = setting(
        None, "Mask to use instead of the automatic one (MRC, 0 to 1).", reads_file=True
    )
    skip_mask: bool = setting(False, "Use the mask.mrc that is already in the folder.")
    thresh: float | None = setting(None, "Density threshold of the mask; default: by --mask-level.")
    mask_level: float | None = setting(
        None,
        "Threshold of the mask as a fraction of the bright level (99.99th percentile) of the maps. Default: 0.1 for maps of "
        "Gaussians, which have no noise and whose moving parts are often faint; else 0.5, as in cryoDRGN.",
        minimum=0.0,
        maximum=1.0,
    )
    dilate: float = setting(5.0, "Margin by which the mask grows, Angstrom.", minimum=0)
    cosine_edge: float = setting(0.0, "Width of the soft edge of the mask, Angstrom.", minimum=0)
    pca_weights: str = setting(
        "particles",
        "Weight of a map in the components: its particles, or none.",
        choices=("particles", "none"),
    )
    pc_dim: int = setting(20, "Number of volume components.", minimum=1)
    plot_dim: int = setting(
        5, "Components that are plotted and along which trajectories are made.", minimum=0
    )
    n_states: int | Literal["auto"] = setting(
        AUTOMATIC,
        "Number of states. auto: the groups that are apart in the data; 1 where the maps form one cloud, or one continuum.",
        minimum=1,
        flag="-M",
    )
    linkage: str = setting(
        "ward",
        "Linkage that joins maps into states; ward by default, because average tends to one giant state and singletons.",
        choices=(*LINKAGES, AUTOMATIC),
    )
    region: tuple[str, ...] = setting(
        (), "Regions as name=mask.mrc, separated by commas: occupancy and motion of each."
    )
    focus: bool = setting(True, "With regions: compute components and states from the regions only.")
    differences: str = setting(
        "mean",
        "Difference maps: states minus the mean of all, all pairs, or none.",
        choices=("mean", "pairs", "none"),
    )
    compare: str | None = setting(
        None,
        "Compare samples: the column that says which sample a particle is of, such as rlnOpticsGroup, rlnClassNumber or half_set; "
        "micrograph for the start of the micrograph's name (micrograph:_ up to the first _, micrograph:8 its first 8 letters); "
        "none for no comparison. Default: the samples of prepare --samples, where there are.",
    )
    compare_table: Path | None = setting(
        None,
        "Table (.csv, .tsv, .star, .cs) that holds the column of --compare, joined by its column rlnImageName, uid or "
        "rlnMicrographName; without such a column, one row per particle in the order of the input.",
        reads_file=True,
    )
    checks: bool = setting(
        True,
        "Check the states and what the latents follow: quick half-maps from the images, stability, poses, CTF. "
        "gem-em diagnose and reconstruct do the long checks.",
    )
    skip_umap: bool = setting(False, "Skip the UMAP of the latents.")
    outdir: Path | None = setting(
        None,
        "Folder for the results; default: landscape in the run, or landscape.EPOCH in a cryoDRGN folder.",
        flag="-o",
    )
    workdir: Path | None = setting(
        None, "Folder of a cryoDRGN run; `gem-em landscape WORKDIR EPOCH` sets it."
    )
    epoch: str | None = setting(None, "Epoch of the cryoDRGN run, as in weights.EPOCH.pkl.")
    cryodrgn_layout: bool = setting(False, "Also write the folder tree of cryoDRGN, pickles included.")
    fresh: bool = setting(
        False, "Start from the defaults; otherwise what is not given stays as it was the last time."
    )
    device: str = setting(
        "auto", "auto, cpu, cuda or cuda:N; several, separated by commas, divide the decoding."
    )
    seed: int = setting(0, "Seed of k-means, UMAP and resampling.", minimum=0)


def check_landscape_settings(settings: LandscapeSettings) -> None:
    """Refuse combinations that would have no effect or cannot work, before anything is read."""
    given_mask = settings.mask is not None
    if given_mask and settings.skip_mask:
        raise InputError(
            "--mask and --skip-mask exclude each other: give a mask, or use the one that is there."
        )
    if (given_mask or settings.skip_mask) and settings.thresh is not None:
        raise InputError("--thresh has no effect on a given mask. Leave one of the two out.")
    if settings.mask_level is not None and (given_mask or settings.skip_mask or settings.thresh is not None):
        raise InputError("--mask-level has no effect beside --mask, --skip-mask or --thresh. Leave it out.")
    if settings.compare_table is not None and settings.compare in (None, "none"):
        raise InputError(
            "--compare-table has no effect without --compare. Name the column of it that says the sample."
        )
    if (settings.workdir is None) != (settings.epoch is None):
        raise InputError("A cryoDRGN run needs its folder and an epoch: gem-em landscape WORKDIR EPOCH.")
    if settings.sketch_ind is None:
        check_number_of_states(settings, settings.sketch_size)
    check_region_names(settings.region)
    check_input_files(settings)


def check_number_of_states(settings: LandscapeSettings, n_maps: int) -> None:
    """Refuse more states than maps."""
    if settings.n_states == AUTOMATIC or settings.n_states <= n_maps:
        return
    raise InputError(
        f"-M is {settings.n_states}; expected 1 to {n_maps}, the number of sketch maps. "
        f"Give -M {AUTOMATIC} or a smaller -M."
    )


def check_region_names(regions: tuple[str, ...]) -> None:
    """Refuse what is not name=file, before any work."""
    names = []
    for text in regions:
        name, separator, path = text.partition("=")
        if not separator or not name or not path:
            raise InputError(f"--region is {text!r}; expected name=mask.mrc, several separated by commas.")
        if not Path(path).is_file():
            raise InputError(f"--region {name}: there is no file {path}.")
        names.append(name)
    if len(set(names)) != len(names):
        raise InputError(f"--region names must differ, got {', '.join(names)}.")
