"""What the forms of the pipeliner's jobs show: which inputs and settings, in which order, under which labels.

Every other setting of a job can be given in its additional arguments, as --name value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gem_plugin.io.run.files import RunFiles

PARTICLES, MAP, MASK = "in_parts", "in_3dref", "in_mask"  # inputs, as RELION names them
IN_A_JOB = RunFiles(Path())  # names relative to the folder of a job


@dataclass(frozen=True)
class JobForm:
    """The form of one kind of job."""

    name: str  # of the External job that does the work: gem-external-NAME
    title: str
    long_description: str
    inputs: tuple[str, ...]  # PARTICLES is always required, MAP where it is there
    main: tuple[str, ...]  # settings by name
    advanced: tuple[str, ...] = ()
    # settings that may change when the job is continued; not the number of states: the pipeliner keeps outputs that are no more
    may_change: tuple[str, ...] = ()
    can_continue: bool = True
    # what a job that succeeds always leaves, and one that fails has not: particles.star of a select job is at first a link to
    # the particles of the earlier job
    promised_particles: str | None = None
    makes_log: bool = True  # logfile.pdf

    @property
    def program(self) -> str:
        return f"gem-external-{self.name}"

    @property
    def settings(self) -> tuple[str, ...]:
        return (*self.main, *self.advanced)


FORMS = {
    form.name: form
    for form in (
        JobForm(
            "run",
            "Conformational landscape",
            "Learns from refined particles how the molecule moves, as Gaussians whose positions and amplitudes depend on latents of "
            "each particle; then finds the states, checks them against the images, and writes a report. Each state comes with "
            "its particles and a map to refine against.",
            (PARTICLES, MAP, MASK),
            ("n_states", "epochs", "box", "particle_diameter", "symmetry", "device"),
            (
                "latent_size",
                "sketch_size",
                "focus_mask",
                "batch_size",
                "refine_poses",
                "outliers",
                "contrast",
                "halves",
                "invert_contrast",
                "drop_duplicates",
                "compare",
                "skip_umap",
                "seed",
            ),
            ("epochs", "sketch_size", "compare", "skip_umap", "device"),
            promised_particles=IN_A_JOB.particles(".star").as_posix(),
        ),
        JobForm(
            "landscape",
            "States of a landscape, made again",
            "Finds the states of a finished GEM job again, with another number of states, mask or linkage, in a minute. "
            "Nothing is trained.",
            (PARTICLES, MASK),
            ("n_states", "linkage", "sketch_size", "device"),
            ("downsample", "mask_level", "dilate", "pc_dim", "compare", "checks", "skip_umap", "seed"),
            ("sketch_size", "compare", "skip_umap", "device"),
            promised_particles=IN_A_JOB.landscape.particles(".star").as_posix(),
        ),
        JobForm(
            "select",
            "Particles of chosen states",
            "Writes the particles of chosen states, or those that meet conditions, as one star file for the next refinement: the rows "
            "of the original file with all their columns, half-sets and optics groups.",
            (PARTICLES,),
            ("states", "where", "source", "exclude"),
            ("refined_poses", "unexpanded", "min_subunits", "pc_range"),
            can_continue=False,  # a new job takes seconds
            makes_log=False,
        ),
        JobForm(
            "reconstruct",
            "Half-maps of the states from the images",
            "Reconstructs every state of a GEM job from its particle images, as two half-maps with their resolution, and runs the long "
            "checks: whether each state differs from the others by more than noise.",
            (PARTICLES, MASK),
            ("local_resolution", "deformed", "parts", "device"),
            ("local_threshold", "local_window", "given_poses", "seed"),
            ("device",),
        ),
    )
}
LABELS: Mapping[str, str] = {
    PARTICLES: "Input particles",
    MAP: "Input 3D reference",
    MASK: "Input 3D mask",
    "n_states": "Number of states",
    "epochs": "Epochs of training",
    "box": "Working box (pixels)",
    "particle_diameter": "Particle diameter (A)",
    "symmetry": "Symmetry of the refinement",
    "device": "Device",
    "latent_size": "Latent dimensions",
    "sketch_size": "Number of sketch maps",
    "focus_mask": "Mask of what may change",
    "batch_size": "Particles per step",
    "refine_poses": "Refine the poses?",
    "outliers": "Find outliers?",
    "contrast": "Contrast of each particle?",
    "halves": "Train on each half-set too?",
    "invert_contrast": "Invert the contrast?",
    "drop_duplicates": "Leave out duplicates?",
    "compare": "Compare samples by column",
    "skip_umap": "Skip the UMAP?",
    "seed": "Random seed",
    "linkage": "Linkage of the maps",
    "downsample": "Largest box of the maps (voxels)",
    "mask_level": "Level of the mask",
    "dilate": "Margin of the mask (A)",
    "pc_dim": "Number of volume components",
    "checks": "Run the quick checks?",
    "states": "States to keep",
    "where": "Conditions",
    "source": "Which set of states",
    "exclude": "Keep the others instead?",
    "refined_poses": "Write the refined poses?",
    "unexpanded": "One row for each particle?",
    "min_subunits": "Views chosen, at least",
    "pc_range": "Ranges of volume components",
    "local_resolution": "Local resolution too?",
    "deformed": "Undo the motion?",
    "parts": "Rigid parts",
    "local_threshold": "Correlation that counts as resolved",
    "local_window": "Width of the local window (A)",
    "given_poses": "Use the poses of the input?",
}
