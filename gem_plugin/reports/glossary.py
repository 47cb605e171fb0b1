"""Every term of the documentation, the report and the explorer, defined once. docs/glossary.md is made of it:

python -m gem_plugin.reports.glossary > docs/glossary.md
"""

from collections.abc import Iterable
from html import escape

GLOSSARY_PAGE = "docs/glossary.md"

GLOSSARY = {  # term -> one or two sentences, with the unit where there is one
    "amplitude change": "Standard deviation of the amplitude of a Gaussian over the particles, divided by its mean. Where it is "
    "large, the model fades density: partial occupancy, or a motion too large for it.",
    "anchor": "One of the points of the molecule (512 by default) at which the encoder reads each image.",
    "anchor score": "How much the log-likelihood of a particle image rises with the amplitude of the density at an anchor: its "
    "derivative, taken from the difference of the image and the projection of the consensus.",
    "basket": "A selection of particles in the explorer with a name, a colour and a count. One basket is active: lasso and box change it.",
    "collapsed to the prior": "Said of latents that hold no information about their images (KL divergence below 0.1 nats per "
    "particle): the data show one conformation, or the signal is too weak.",
    "column": "A number for every particle under one name, such as latent_1, volume_pc_1, state or contrast. The same names work "
    "in gem-em select --where, the explorer, the report and Python.",
    "consensus": "The single structure refined from all particles, and its map. GEM represents it by Gaussians before training.",
    "continuum": "Particles whose conformations lie along a curve, with none rare between its ends. Its length is how far the moving density "
    "goes along it, its resolution how many positions the images distinguish; a closed one is a loop.",
    "contrast": "Factor by which the image of a particle is stronger or weaker than its CTF-modulated projection: 1 is usual, "
    "near 0 there is no molecule. It varies with the thickness of the ice.",
    "coordinates": "The position of a particle on the volume components (map units).",
    "cooperativity": "Correlation of the states of two subunits of one particle: 0 where they are independent, 1 where all subunits of "
    "a particle are in one state, negative where they differ more than by chance. Measured on particles with all subunits.",
    "decoded map": "A map that the model computes from latents. It has no resolution: only maps reconstructed from particles do.",
    "decoder": "The part of the model that turns latents into positions and amplitudes of the Gaussians, and so into a map.",
    "encoder": "The network that estimates the latents of a particle, and their uncertainty, from its image and pose.",
    "encoder inputs": "What the encoder reads of a particle: its anchor scores, its viewing direction, and its CTF and noise.",
    "free energy": "Minus the logarithm of the density of particles, in kT (0.6 kcal/mol at room temperature); the minimum is 0. "
    "It is a true free energy only if the sample was in equilibrium when frozen.",
    "FSC": "Fourier shell correlation: correlation of two maps per shell of spatial frequency, 1 for equal maps.",
    "full state": "The state of landscape to which a particle belongs by its own map, found by landscape-full: column full_state, with the "
    "numbers of landscape. Where landscape-full was given another number of states (-M), a clustering of its own.",
    "Gaussian": "One of the thousands of 3D Gaussian densities that represent the molecule, each with a position (Å), an amplitude and a width (Å).",
    "half-set": "One of the two halves of the particles (1 or 2) that the refinement kept apart; 0: none was given.",
    "held-out particle": "A validation particle: it gets latents but never trains the model. Held-out particles show over-fitting.",
    "job": "A job of RELION or CryoSPARC. One job may run several steps.",
    "junk score": "Hint that a state may be made of broken particles, from its density, its distance to other states and the "
    "uncertainty of its latents: 0 is typical, look at states above 1.",
    "k-means map": "The map decoded for the particle nearest to a k-means centre of the latents; column kmeans20.",
    "KL divergence": "Information that the latents of a particle hold about its image beyond the prior, in nats. It is a "
    "penalty in training, so that latents do not describe noise.",
    "landscape": "The distribution of the particles over their conformations, on volume components.",
    "latent": "One of the few numbers (4 by default) by which the model describes the conformation of a particle. The unit has no "
    "meaning outside the model; the prior has standard deviation 1.",
    "latent component": "Principal component of the latents of all particles: columns latent_pc_1, ... (latent units).",
    "Leiden community": "A cluster of particles in the graph of nearest neighbours, found by landscape-full: column leiden.",
    "linkage": "The rule by which similar maps are joined step by step into states, such as Ward's.",
    "local resolution": "Resolution around each voxel (Å), from the correlation of the half-maps in a small window.",
    "map units": "Unit of volume components: the square root of the summed squared differences of density inside the mask.",
    "mask": "A map with values from 0 (outside) to 1 (inside). Maps are compared inside the mask of the landscape; outside the "
    "focus mask of the training nothing may change.",
    "minimum-energy path": "The path between two states that minimises exp(F/kT) summed along it, where F is the free energy: "
    "the path of largest flux.",
    "motion": "Root mean square displacement over the particles, about the mean position (Å): of a Gaussian, or of a part, whose density "
    "may have moved further than its Gaussians. Of a region: displacement of its centre of mass from the average (Å).",
    "nats": "Unit of information from natural logarithms; 1 nat is 1.44 bits. A gain of 1 nat per particle makes its image 2.7 "
    "times more likely.",
    "occupancy": "How much of a region or Gaussian is present: its mass over the average, or its amplitude over the full one "
    "(fraction, 1: as usual).",
    "one cloud": "Said of maps among which particles are nowhere rare: there is one state or one continuum, and more states are arbitrary cuts.",
    "outlier": "A particle that shows noise alone, or no molecule where its pose says. The column outlier has the probability "
    "(0 to 1); above 0.5 the particle is in no state and no population, but stays in every file.",
    "part": "Gaussians that move, lie together and change together, found from the model. Part 1 is the rest; the last one moves most.",
    "pattern": "A combination of states of the subunits of one particle, such as 3 in state 1 and 1 in state 2, whichever they are.",
    "prior": "The distribution of latents before any image is seen: normal, with mean 0 and standard deviation 1.",
    "reconstructed map": "A map back-projected from particle images, without the decoder; it has half-maps and a resolution.",
    "refined pose": "Orientation and centre of a particle as training corrected them, together with the latents; columns pose_change "
    "(degrees) and shift_change (Å) say how far they moved from the input.",
    "region": "A piece of the molecule that you define by a mask (--region name=mask.mrc).",
    "resolution": "Where the FSC of two half-maps, in a mask and corrected by phase randomisation, falls below 0.143 (Å).",
    "run": "One folder with everything computed from one set of particles, as written by gem-em run.",
    "session": "Of the explorer: baskets, axes, colours, states and waypoints saved under a name, to be opened again.",
    "silhouette": "How much nearer maps are to their own state than to the next one, -1 to 1; higher is better.",
    "sample": "One of several preparations or groups of particles whose states are compared (--compare): column sample, from 1; 0: none.",
    "sketch": "The particles (1,000 by default, distributed evenly over the latents) whose maps describe the landscape.",
    "sketch map": "The decoded map of one particle of the sketch; it represents all particles of its cell. Column sketch_map holds "
    "its number, -1: none.",
    "stability": "How well states are found again from random subsets of the sketch maps: 1, the same states.",
    "state": "A cluster of similar sketch maps with their particles, found by landscape: column state, from 1 by size, 0: none.",
    "step": "One command of a run, such as prepare, train or landscape. Each leaves files that the next step reads.",
    "subunit": "One of the equal parts of a symmetric complex. With --symmetry, or a file expanded by symmetry, every particle has one "
    "view for each, and with a focus mask on one subunit the state of a view is that of its subunit.",
    "support": "How much better held-out particles fit the flexible model than a single structure, after the complexity penalty "
    "(nats per particle). Below two standard errors the latents may describe noise.",
    "trajectory": "A series of latents, and their maps, along a component or through chosen points.",
    "UMAP": "A two-dimensional layout in which neighbours stay neighbours; its distances and axes have no unit.",
    "verdict": "What the checks say of a state: supported, with the standard errors (sigma) by which its particles differ from all others in "
    "two half-maps alike; not supported; unstable, when clustering does not find it again; few particles; or not tested.",
    "view": "A particle image with one of its poses. A particle has one view, or one for each subunit where it was expanded by symmetry.",
    "volume component": "Principal component of the sketch maps inside the mask: columns volume_pc_1, ... (map units).",
    "waypoint": "A particle that you choose in the explorer; trajectories pass through waypoints.",
    "working box": "The box to which the images are Fourier-cropped for training (pixels).",
}


def terms_html(terms: Iterable[str], more: str = "") -> str:
    """A folded list of terms with their definitions; more: a sentence below it, as HTML."""
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(GLOSSARY[term])}</dd>" for term in terms)
    return f'<details class="terms"><summary>Terms</summary><dl>{items}</dl>{more}</details>'


def glossary_page() -> str:
    """The text of docs/glossary.md: a heading for every term, so that each has an anchor."""
    terms = sorted(GLOSSARY, key=str.lower)
    links = ", ".join(f"[{term}](#{anchor_of(term)})" for term in terms)
    entries = "".join(f"\n## {term}\n{GLOSSARY[term]}\n" for term in terms)
    return f"# Glossary\nMade from `gem_plugin/reports/glossary.py`; the report and the explorer show the same definitions.\n\n{links}\n{entries}"


def anchor_of(term: str) -> str:
    """The anchor that Markdown pages give to the heading of a term."""
    return term.lower().replace(" ", "-")


if __name__ == "__main__":
    print(glossary_page(), end="")
