"""The CryoSPARC jobs: which steps each does."""

import dataclasses

from gem_plugin.pipeline.run_steps import RUN_STEPS


@dataclasses.dataclass(frozen=True)
class CryosparcJob:
    """One kind of external job."""

    title: str
    steps: tuple[str, ...]  # in working order
    outputs: tuple[str, ...]
    continues: str | None  # "train" or "landscape": the kind of GEM job whose results it reads
    help: str


JOBS = {
    "run": CryosparcJob(
        "GEM: conformational landscape",
        RUN_STEPS,
        ("latents", "refined", "consensus", "states"),
        None,
        "All steps: from refined particles and their map to states.",
    ),
    "train": CryosparcJob(
        "GEM: train",
        ("prepare", "consensus", "train", "analyze"),
        ("latents", "refined", "consensus"),
        None,
        "Learn how the molecule moves; latents of every particle.",
    ),
    "landscape": CryosparcJob(
        "GEM: landscape",
        ("landscape",),
        ("latents", "states"),
        "train",
        "Conformational states from a train job.",
    ),
    "landscape-full": CryosparcJob(
        "GEM: full landscape",
        ("landscape-full",),
        ("latents", "full-states"),
        "landscape",
        "Exact landscape and states of every particle, from a landscape job.",
    ),
    "select": CryosparcJob(
        "GEM: select",
        ("select",),
        ("chosen",),
        "landscape",
        "The particles of chosen states as one group: --states 1,3. From a landscape job, or from any run made from "
        "CryoSPARC's particles: --run RUN --rows FILE.",
    ),
}
