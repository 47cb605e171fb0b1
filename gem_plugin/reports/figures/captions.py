"""What each figure shows, in a sentence: the captions of report.html, told from the names of the files."""

import re

CAPTIONS = (  # pattern of the whole name, caption with the groups of the pattern; the first that fits
    (
        r"training",
        "Left: loss of each epoch on the particles trained on and on those kept aside; both should fall and then stay. "
        "Right: information that the latents carry; near 0 they are empty.",
    ),
    (
        r"latents_explained_variance",
        "How much of the spread of the latents lies along each of their components.",
    ),
    (
        r"latents_pca",
        "All particles on the two largest components of their latents. Dots: particles whose maps were decoded.",
    ),
    (
        r"latents_umap",
        "All particles in a UMAP layout of their latents: neighbours are alike, distances across the plot mean little. "
        "Dots: particles whose maps were decoded.",
    ),
    (
        r"landscape_mask_slices",
        "Central sections of the mean map; maps are compared inside the outline, which is where they differ.",
    ),
    (
        r"landscape_vol_pca_explained_variance",
        "How much of the differences between maps lies along each volume component.",
    ),
    (
        r"landscape_vol_pca_annotated_(\d+)_(\d+)",
        "Volume components {0} and {1}, with the numbers of some sketch maps.",
    ),
    (
        r"landscape_vol_pca_(\d+)_(\d+)",
        "Sketch maps on volume components {0} and {1}, coloured by state: points close together are like maps.",
    ),
    (r"landscape_umap_annotated", "The UMAP layout, with the numbers of some sketch maps."),
    (r"landscape_umap", "All particles in the UMAP layout of their latents, coloured by state."),
    (
        r"landscape_dendrogram",
        "How groups of sketch maps were merged, the likest first; the dashed line is where the tree was cut into states.",
    ),
    (
        r"landscape_state_choices",
        "How good other numbers of states would be; dotted: the number taken. Stability near 1: a random half of the maps "
        "gives the same states. A continuous motion has no right number.",
    ),
    (
        r"landscape_state_means",
        "Mean map of each state added up along z, all on one scale, with the number of its particles.",
    ),
    (
        r"landscape_state_particle_counts",
        "Particles of each state, each counted with the sketch map nearest to it.",
    ),
    (r"landscape_state_volume_counts", "Sketch maps of each state."),
    (
        r"full_state_particle_counts",
        "Particles of each state of landscape-full, which groups all particles by their own maps. These are other states "
        "than the ones above, with numbers of their own.",
    ),
    (
        r"full_(pca|umap)_states",
        "All particles at the place of their own map ({0}), coloured by state of landscape-full.",
    ),
    (
        r"full_(pca|umap)_leiden",
        "All particles at the place of their own map ({0}), coloured by Leiden community.",
    ),
    (r"full_free_energy_(\d+)", "Free energy along volume component {0}; the band is the bootstrap error."),
    (
        r"full_free_energy_(\d+)_(\d+)",
        "Free energy on volume components {0} and {1} (left) and its bootstrap error (right).",
    ),
    (
        r"full_free_energy_path_(\d+)_(\d+)",
        "The path of least free energy between two states, on volume components {0} and {1}.",
    ),
    (r"full_path_profile", "Free energy along that path, with its bootstrap error."),
    (
        r"free_energy_of_latent_components",
        "Free energy on the two largest latent components (left) and its bootstrap error (right).",
    ),
    (
        r"motion_of_gaussians",
        "How far each Gaussian moves over the particles (root mean square), from three sides.",
    ),
    (
        r"amplitude_change_of_gaussians",
        "How much the amplitude of each Gaussian changes: where it is large, density comes and goes.",
    ),
    (r"motion_of_parts", "Parts that move together, from three sides, and how far each moves."),
    (
        r".*fsc.*",
        "Half-map correlation of the maps made from the particles; the resolution is where a curve falls below the line.",
    ),
    (
        r".*local_resolution.*",
        "Local resolution of the maps made from the particles, on one section through them.",
    ),
)
FULL_NAMES = {"pca": "volume components", "umap": "UMAP"}


def caption_of(stem: str) -> str:
    """A sentence on the figure with this file name; its name in words where none is known."""
    for pattern, caption in CAPTIONS:
        if found := re.fullmatch(pattern, stem):
            return caption.format(*(FULL_NAMES.get(group, group) for group in found.groups()))
    return stem.replace("_", " ")
