"""The one table of the steps: where each lives and what it does. Nothing is imported until a step is loaded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gem_plugin.garbage import seldom_looked_for
from gem_plugin.settings import check_settings


@dataclass(frozen=True)
class Step:
    """One step: a settings dataclass and a function run(run, settings, progress) -> summary numbers."""

    name: str
    module: str  # of the function
    settings_module: str  # imports nothing heavy
    settings_class_name: str
    function_name: str
    help: str  # one line
    needs: tuple[str, ...]  # the steps whose results it reads; doing one of those again makes this one stale
    check_name: str | None = None  # of the function beside the settings that refuses wrong combinations

    @property
    def is_there(self) -> bool:
        """Whether the step's module exists; it is not imported."""
        return find_spec(self.module) is not None

    @property
    def settings_class(self) -> type:
        return getattr(import_module(self.settings_module), self.settings_class_name)

    def check_settings(self, settings: Any) -> None:
        """Raise InputError for values outside their limits, and for settings that contradict each other."""
        check_settings(settings)
        if self.check_name is not None:
            getattr(import_module(self.settings_module), self.check_name)(settings)

    @property
    def function(self) -> Callable[..., dict[str, Any]]:
        with seldom_looked_for():
            return getattr(import_module(self.module), self.function_name)


def _step(
    name: str,
    help: str,
    needs: tuple[str, ...] = (),
    settings_module: str | None = None,
    check_name: str | None = None,
) -> Step:
    """A step under its usual names: eval-vol -> gem_plugin.steps.eval_vol.step, EvalVolSettings, run_eval_vol."""
    snake_name = name.replace("-", "_")
    class_name = "".join(word.capitalize() for word in name.split("-")) + "Settings"
    folder = f"gem_plugin.steps.{snake_name}"
    return Step(
        name,
        f"{folder}.step",
        settings_module or f"{folder}.settings",
        class_name,
        f"run_{snake_name}",
        help,
        needs,
        check_name,
    )


_ALL_STEPS = (
    _step(
        "prepare",
        "Read the particles, Fourier-crop and normalise them into one stack.",
        check_name="check_prepare_settings",
    ),
    _step("consensus", "Represent the consensus map by Gaussians fitted to the images.", ("prepare",)),
    _step(
        "train",
        "Learn how the Gaussians move; give every particle its latents.",
        ("consensus",),
        "gem_plugin.heterogeneity.settings",  # the engine reads them too
        check_name="check_contradictions",
    ),
    _step("analyze", "Maps at k-means centres, trajectories and plots of the latent space.", ("train",)),
    _step("eval-vol", "Decode the maps of chosen particles or latent values.", ("train",)),
    _step(
        "landscape",
        "Sketch maps, their volume components, and the conformational states.",
        ("train",),
        check_name="check_landscape_settings",
    ),
    _step(
        "landscape-full",
        "Components, free energy and state of every particle.",
        ("landscape",),
        check_name="check_full_settings",
    ),
    _step(
        "reconstruct",
        "Maps from the particles: half-maps, resolution, and whether each state differs from the rest.",
        ("landscape",),
        check_name="check_reconstruct_settings",
    ),
    _step("diagnose", "Checks of the run, each with a number, a threshold and a sentence.", ("train",)),
    _step("flex", "Move an atomic model with the Gaussians, to states and along trajectories.", ("train",)),
    _step("select", "Write the particles of chosen states as star or cs.", ("landscape",)),
    _step("write-star", "Write chosen particles as a star file, rows as in the original.", ("prepare",)),
    _step("write-cs", "Write chosen particles as a cs file, rows as in the original.", ("prepare",)),
    _step("export-ply", "Write the Gaussians as files that GaussianEM loads.", ("train",)),
    _step("report", "The report page and the PDF with all plots."),
)
STEPS = {step.name: step for step in _ALL_STEPS}
RUN_STEPS = ("prepare", "consensus", "train", "analyze", "landscape", "report")  # of the command run


def steps_made_stale_by(name: str) -> tuple[str, ...]:
    """All steps that read, directly or through others, what this step writes."""
    stale = {name}
    for step in _ALL_STEPS:  # listed in working order, so one pass finds them all
        if stale.intersection(step.needs):
            stale.add(step.name)
    return tuple(step.name for step in _ALL_STEPS if step.name in stale and step.name != name)


def steps_needed_by(names: Sequence[str]) -> tuple[str, ...]:
    """All earlier steps whose results the given steps read, directly or through others, in working order."""
    needed = set(names)
    for step in reversed(_ALL_STEPS):
        if step.name in needed:
            needed.update(step.needs)
    return tuple(step.name for step in _ALL_STEPS if step.name in needed and step.name not in names)
