"""What each figure shows, in a sentence: the captions of report.html, found by the names of the files."""

import re

from gem_plugin.io.run import figure_names as names

NUMBER, PLANE = r"(\d+)", r"(pca|umap)"
TITLES = (  # pattern of the whole name, title with the groups of the pattern; the first that fits
    (names.FIRST_PAGE, "What was found"),
    (names.PAPER_FIGURE, "Figure for a paper"),
    (names.TRAINING, "Training"),
    (names.LATENTS_EXPLAINED_VARIANCE, "Variance of the latents"),
    (names.LATENTS_PCA, "Components of the latents"),
    (names.LATENTS_UMAP, "UMAP of the latents"),
    (names.MASK_SLICES, "Mask of the landscape"),
    (names.EXPLAINED_VARIANCE, "Variance of the maps"),
    (
        names.VOLUME_COMPONENTS_ANNOTATED.format(NUMBER, NUMBER),
        "Volume components {0} and {1}, numbered maps",
    ),
    (names.VOLUME_COMPONENTS.format(NUMBER, NUMBER), "Volume components {0} and {1}"),
    (names.UMAP_ANNOTATED, "UMAP of the latents, numbered maps"),
    (names.UMAP, "States on the UMAP of the latents"),
    (names.DENDROGRAM, "How maps were joined into states"),
    (names.STATE_CHOICES, "Other numbers of states"),
    (names.STATE_MEANS, "Mean map of each state"),
    (names.STATE_PARTICLE_COUNTS, "Particles of each state"),
    (names.STATE_MAP_COUNTS, "Sketch maps of each state"),
    (names.SAMPLES, "Samples compared"),
    (names.SAMPLE_ENERGIES.format(NUMBER, NUMBER), "Free energy of samples {0} and {1}"),
    (names.POSITIONS, "States in a tomogram"),
    (names.FULL_POSITIONS, "States of landscape-full in a tomogram"),
    (names.FULL_STATE_PARTICLE_COUNTS, "Particles of each state of landscape-full"),
    (names.FULL_STATES_ON_PLANE.format(PLANE), "States of landscape-full on {0}"),
    (names.FULL_LEIDEN_ON_PLANE.format(PLANE), "Leiden communities on {0}"),
    (names.FULL_ENERGY_CURVE.format(NUMBER), "Free energy along volume component {0}"),
    (names.FULL_ENERGY_MAP.format(NUMBER, NUMBER), "Free energy on volume components {0} and {1}"),
    (names.FULL_ENERGY_PATH.format(NUMBER, NUMBER), "Minimum-energy path"),
    (names.FULL_PATH_PROFILE, "Free energy along the path"),
    (names.ENERGY_OF_LATENTS, "Free energy of the latents"),
    (names.MOTION, "Motion of the Gaussians"),
    (names.AMPLITUDE_CHANGE, "Amplitude change of the Gaussians"),
    (names.PARTS, "Parts that move"),
    (names.OUTLIERS, "Outliers"),
    (names.POSE_CHANGES, "Changes of the poses"),
    (names.FSC_OF_STATES, "Half-map FSC of the states"),
    (names.FSC_MOTION_UNDONE, "Half-map FSC with the motion undone"),
    (r"local_resolution_(.+)", "Local resolution: {0}"),
)
CAPTIONS = (  # pattern of the whole name, caption with the groups of the pattern; the first that fits
    (
        names.FIRST_PAGE,
        "Left to right, as far as there are any: the states as surfaces in one view, the consensus coloured by what changes, the particles.",
    ),
    (
        names.PAPER_FIGURE,
        "The figure for a paper: free energy or landscape, states, motion, populations with 90 % intervals, and the half-map FSC of the "
        "states where they were reconstructed.",
    ),
    (
        names.TRAINING,
        "Left: loss per epoch on training particles and on held-out (validation) particles; both should fall and then level off; "
        "dotted: from there the learning rate fell to 0. "
        "Right: information in the latents (KL divergence); near 0 they have collapsed to the prior.",
    ),
    (
        names.LATENTS_EXPLAINED_VARIANCE,
        "Fraction of the variance of the latents along each of their principal components.",
    ),
    (
        names.LATENTS_PCA,
        "All particles on the two largest components of their latents. Dots: particles whose maps were decoded.",
    ),
    (
        names.LATENTS_UMAP,
        "All particles in a UMAP layout of their latents: neighbours are similar, distances across the plot mean little. "
        "Dots: particles whose maps were decoded.",
    ),
    (
        names.MASK_SLICES,
        "Central slices of the mean map; maps are compared inside the outline of the mask.",
    ),
    (
        names.EXPLAINED_VARIANCE,
        "Fraction of the variance between maps along each volume component.",
    ),
    (
        names.VOLUME_COMPONENTS_ANNOTATED.format(NUMBER, NUMBER),
        "Volume components {0} and {1}, with the numbers of some sketch maps.",
    ),
    (
        names.VOLUME_COMPONENTS.format(NUMBER, NUMBER),
        "Sketch maps on volume components {0} and {1}, coloured by state: points close together are similar maps.",
    ),
    (names.UMAP_ANNOTATED, "The UMAP layout, with the numbers of some sketch maps."),
    (names.UMAP, "All particles in the UMAP layout of their latents, coloured by state."),
    (
        names.DENDROGRAM,
        "How sketch maps were joined into states, most similar first; the dashed line is where the tree was cut.",
    ),
    (
        names.STATE_CHOICES,
        "Scores of each number of states; dotted: the number chosen. Stability near 1: a random subset of the maps "
        "gives the same states. A continuous motion has no correct number of states.",
    ),
    (
        names.STATE_MEANS,
        "Projection along z of the mean map of each state, all on one colour scale, with the number of its particles.",
    ),
    (
        names.SAMPLES,
        "Left: fraction of each state in each sample, with 90 % intervals. Right: difference between two samples (percentage points) "
        "and its corrected p-value; states above the dashed line differ.",
    ),
    (
        names.SAMPLE_ENERGIES.format(NUMBER, NUMBER),
        "Free energy of samples {0} and {1} on the two largest latent components, their difference (second less first; negative where the "
        "second sample has more particles; lines: two standard errors) and its standard error.",
    ),
    (
        f"{names.POSITIONS}|{names.FULL_POSITIONS}",
        "Left: the tomogram with most particles, seen along z (above) and along y (below), in the colours of the states; grey: in no state. "
        "Right: how many of the nearest neighbours of a particle are in its own state; bars in grey: by chance, with states permuted within each tomogram.",
    ),
    (
        names.STATE_PARTICLE_COUNTS,
        "Particles of each state, each counted with the sketch map nearest to it.",
    ),
    (names.STATE_MAP_COUNTS, "Sketch maps of each state."),
    (
        names.FULL_STATE_PARTICLE_COUNTS,
        "Particles of each state of landscape-full (column full_state), which clusters all particles by their own maps. "
        "These states differ from those of landscape (column state) and have their own numbers.",
    ),
    (
        names.FULL_STATES_ON_PLANE.format(PLANE),
        "All particles at the coordinates of their own map ({0}), coloured by state of landscape-full.",
    ),
    (
        names.FULL_LEIDEN_ON_PLANE.format(PLANE),
        "All particles at the coordinates of their own map ({0}), coloured by Leiden community.",
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
        "The minimum-energy path between two states (line), on volume components {0} and {1}, and the particles whose maps were written (dots).",
    ),
    (
        names.FULL_PATH_PROFILE,
        "Above: free energy along the minimum-energy path, with its bootstrap error. Below: how many particles are near each point; "
        "where there are none, the path is a guess.",
    ),
    (
        names.ENERGY_OF_LATENTS,
        "Free energy on the two largest latent components (left) and its bootstrap error (right).",
    ),
    (
        names.MOTION,
        "How far each Gaussian moves over the particles (root mean square, Å), seen along three axes.",
    ),
    (
        names.AMPLITUDE_CHANGE,
        "How much the amplitude of each Gaussian changes: where it is large, the model fades density (partial occupancy, or a motion too large for it).",
    ),
    (
        names.PARTS,
        "Parts that move as one, seen along three axes; 1 is the rest, the last one moves most; bars: motion with its standard error.",
    ),
    (
        names.OUTLIERS,
        "Left: probability of each particle to be an outlier, on a logarithmic scale; above 0.5 it is in no state. "
        "Right: contrast of the outliers and of the other particles.",
    ),
    (
        names.POSE_CHANGES,
        "How far training moved the orientation (left) and the centre (right) of each particle from the pose of the input.",
    ),
    (
        r".*fsc.*",
        "Half-map FSC of the maps reconstructed from the particles; the resolution is where a curve falls below the line.",
    ),
    (
        r".*local_resolution.*",
        "Local resolution of the maps reconstructed from the particles, in one slice.",
    ),
)
FULL_NAMES = {"pca": "volume components", "umap": "UMAP"}


def caption_of(stem: str) -> str:
    """A sentence on the figure with this file name; its name in words where none is known."""
    for pattern, caption in CAPTIONS:
        if found := re.fullmatch(pattern, stem):
            return caption.format(*(FULL_NAMES.get(group, group) for group in found.groups()))
    return stem.replace("_", " ")


def title_of(stem: str) -> str:
    """A title in words for the figure with this file name."""
    for pattern, title in TITLES:
        if found := re.fullmatch(pattern, stem):
            groups = (FULL_NAMES.get(group, group).replace("_", " ") for group in found.groups())
            return title.format(*groups)
    return stem.replace("_", " ")
