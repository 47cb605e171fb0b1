"""What each figure shows, in a sentence: the captions of report.html, told from the names of the files."""

import re

from gem_plugin.io.run import figure_names as names

NUMBER, PLANE = r"(\d+)", r"(pca|umap)"
CAPTIONS = (  # pattern of the whole name, caption with the groups of the pattern; the first that fits
    (
        names.TRAINING,
        "Left: loss of each epoch on the particles trained on and on those kept aside; both should fall and then stay. "
        "Right: information that the latents carry; near 0 they are empty.",
    ),
    (
        names.LATENTS_EXPLAINED_VARIANCE,
        "How much of the spread of the latents lies along each of their components.",
    ),
    (
        names.LATENTS_PCA,
        "All particles on the two largest components of their latents. Dots: particles whose maps were decoded.",
    ),
    (
        names.LATENTS_UMAP,
        "All particles in a UMAP layout of their latents: neighbours are alike, distances across the plot mean little. "
        "Dots: particles whose maps were decoded.",
    ),
    (
        names.MASK_SLICES,
        "Central sections of the mean map; maps are compared inside the outline, which is where they differ.",
    ),
    (
        names.EXPLAINED_VARIANCE,
        "How much of the differences between maps lies along each volume component.",
    ),
    (
        names.VOLUME_COMPONENTS_ANNOTATED.format(NUMBER, NUMBER),
        "Volume components {0} and {1}, with the numbers of some sketch maps.",
    ),
    (
        names.VOLUME_COMPONENTS.format(NUMBER, NUMBER),
        "Sketch maps on volume components {0} and {1}, coloured by state: points close together are like maps.",
    ),
    (names.UMAP_ANNOTATED, "The UMAP layout, with the numbers of some sketch maps."),
    (names.UMAP, "All particles in the UMAP layout of their latents, coloured by state."),
    (
        names.DENDROGRAM,
        "How groups of sketch maps were merged, the likest first; the dashed line is where the tree was cut into states.",
    ),
    (
        names.STATE_CHOICES,
        "How good other numbers of states would be; dotted: the number taken. Stability near 1: a random half of the maps "
        "gives the same states. A continuous motion has no right number.",
    ),
    (
        names.STATE_MEANS,
        "Mean map of each state added up along z, all on one scale, with the number of its particles.",
    ),
    (
        names.STATE_PARTICLE_COUNTS,
        "Particles of each state, each counted with the sketch map nearest to it.",
    ),
    (names.STATE_MAP_COUNTS, "Sketch maps of each state."),
    (
        names.FULL_STATE_PARTICLE_COUNTS,
        "Particles of each state of landscape-full, which groups all particles by their own maps. These are other states "
        "than the ones above, with numbers of their own.",
    ),
    (
        names.FULL_STATES_ON_PLANE.format(PLANE),
        "All particles at the place of their own map ({0}), coloured by state of landscape-full.",
    ),
    (
        names.FULL_LEIDEN_ON_PLANE.format(PLANE),
        "All particles at the place of their own map ({0}), coloured by Leiden community.",
    ),
    (
        names.FULL_ENERGY_CURVE.format(NUMBER),
        "Free energy along volume component {0}; the band is the bootstrap error.",
    ),
    (
        names.FULL_ENERGY_MAP.format(NUMBER, NUMBER),
        "Free energy on volume components {0} and {1} (left) and its bootstrap error (right).",
    ),
    (
        names.FULL_ENERGY_PATH.format(NUMBER, NUMBER),
        "The path of least free energy between two states, on volume components {0} and {1}.",
    ),
    (names.FULL_PATH_PROFILE, "Free energy along that path, with its bootstrap error."),
    (
        names.ENERGY_OF_LATENTS,
        "Free energy on the two largest latent components (left) and its bootstrap error (right).",
    ),
    (
        names.MOTION,
        "How far each Gaussian moves over the particles (root mean square), from three sides.",
    ),
    (
        names.AMPLITUDE_CHANGE,
        "How much the amplitude of each Gaussian changes: where it is large, density comes and goes.",
    ),
    (names.PARTS, "Parts that move together, from three sides, and how far each moves."),
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
