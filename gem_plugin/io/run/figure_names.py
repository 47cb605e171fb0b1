"""The table of the figures of a run: names without ending of the files in RUN/figures. {} stands for numbers or names."""

from pathlib import Path

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")
TRAINING = "training"
# analyze
LATENTS_EXPLAINED_VARIANCE = "latents_explained_variance"
LATENTS_PCA = "latents_pca"
LATENTS_UMAP = "latents_umap"
# landscape
MASK_SLICES = "landscape_mask_slices"
EXPLAINED_VARIANCE = "landscape_vol_pca_explained_variance"
VOLUME_COMPONENTS = "landscape_vol_pca_{}_{}"
VOLUME_COMPONENTS_ANNOTATED = "landscape_vol_pca_annotated_{}_{}"
UMAP = "landscape_umap"
UMAP_ANNOTATED = "landscape_umap_annotated"
DENDROGRAM = "landscape_dendrogram"
STATE_CHOICES = "landscape_state_choices"
STATE_MEANS = "landscape_state_means"
STATE_PARTICLE_COUNTS = "landscape_state_particle_counts"
STATE_MAP_COUNTS = "landscape_state_volume_counts"
OF_LANDSCAPE = (
    VOLUME_COMPONENTS,
    VOLUME_COMPONENTS_ANNOTATED,
    UMAP,
    UMAP_ANNOTATED,
    STATE_CHOICES,
)  # not always made
SAMPLES = "landscape_samples"
SAMPLE_ENERGIES = "landscape_samples_energy_{}_{}"  # numbers of two samples
OF_SAMPLES = (SAMPLES, SAMPLE_ENERGIES)
POSITIONS = "landscape_positions"  # of particles in tomograms
# landscape-full
FULL_STATE_PARTICLE_COUNTS = "full_state_particle_counts"
FULL_STATES_ON_PLANE = "full_{}_states"  # pca or umap
FULL_LEIDEN_ON_PLANE = "full_{}_leiden"
FULL_ENERGY_CURVE = "full_free_energy_{}"
FULL_ENERGY_MAP = "full_free_energy_{}_{}"
FULL_ENERGY_PATH = "full_free_energy_path_{}_{}"
FULL_PATH_PROFILE = "full_path_profile"
FULL_POSITIONS = "full_positions"
# report
FIRST_PAGE = "first_page"
PAPER_FIGURE = "paper_figure"
ENERGY_OF_LATENTS = "free_energy_of_latent_components"
MOTION = "motion_of_gaussians"
OUTLIERS = "outliers_of_training"
POSE_CHANGES = "pose_changes_of_training"
AMPLITUDE_CHANGE = "amplitude_change_of_gaussians"
PARTS = "motion_of_parts"
# reconstruct
FSC_OF_STATES = "fsc_of_states"
FSC_MOTION_UNDONE = "fsc_with_the_motion_undone"
LOCAL_RESOLUTION = "local_resolution_{}"


def is_of_free_energy(stem: str) -> bool:
    """Whether a figure shows the free energy along volume components."""
    return stem.startswith(FULL_ENERGY_CURVE.format(""))


def remove_figures(folder: Path, *names: str) -> None:
    """Delete figures of an earlier start of a step, which would stand beside the new ones."""
    for name in names:
        for suffix in FIGURE_SUFFIXES:
            for path in folder.glob(name.replace("{}", "*") + suffix):
                path.unlink()
