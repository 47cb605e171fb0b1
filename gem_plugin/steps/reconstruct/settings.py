"""Settings of reconstruct, and the combinations that are refused."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.settings import setting

LOCAL_OPTIONS = ("local_threshold", "local_window")


@dataclass(frozen=True)
class ReconstructSettings:
    """What to reconstruct, and how."""

    particle_states: Path | None = setting(
        None,
        "Array (.npy) with the state of every particle, 0 for none; default: the landscape's states.",
        reads_file=True,
    )
    z_values: Path | None = setting(
        None,
        "Text file of latents, one point per line: reconstruct around them instead of the states.",
        reads_file=True,
    )
    particles: Path | None = setting(
        None,
        "Text file of particle rows (from 0, one per line): reconstruct around their latents.",
        reads_file=True,
    )
    deformed: bool = setting(
        False, "Undo the motion of every particle first: one map of the whole molecule with all particles."
    )
    parts: int = setting(
        12,
        "Number of rigid parts when the motion is undone; more parts follow bending better.",
        minimum=1,
        maximum=100,
    )
    given_poses: bool = setting(
        False, "Use the poses of the input also where training refined them; by default the refined ones."
    )
    mask: Path | None = setting(
        None, "Mask for the FSC; default: from each pair of half-maps.", reads_file=True
    )
    local_resolution: bool = setting(
        False, "Measure the local resolution too: correlation of the half-maps in a small window."
    )
    local_threshold: float = setting(
        0.5,
        "Correlation that counts as resolved inside a window, which holds too few shells for 0.143.",
        minimum=0.05,
        maximum=0.95,
    )
    local_window: float | None = setting(
        None, "Width of that window in Angstrom; default: six times the resolution of the map.", minimum=1.0
    )
    seed: int = setting(0, "Seed for randomised phases and for particles that have no half-set.", minimum=0)
    threads: int | None = setting(None, "CPU threads; default: all processors of this job.", minimum=1)
    device: str = setting("cpu", "cpu, cuda, cuda:N, or auto: where the Fourier slices are inserted.")


def check_reconstruct_settings(settings: ReconstructSettings) -> None:
    given = [
        name
        for name in ("particle_states", "z_values", "particles", "deformed")
        if getattr(settings, name) not in (None, False)
    ]
    if len(given) > 1:
        flags = " and ".join("--" + name.replace("_", "-") for name in given)
        raise InputError(
            f"{flags} ask for different maps. Give one of them, and call the command again for the other."
        )
    usual = ReconstructSettings()
    changed = [name for name in LOCAL_OPTIONS if getattr(settings, name) != getattr(usual, name)]
    if changed and not settings.local_resolution:
        raise InputError(
            f"--{changed[0].replace('_', '-')} has no effect without --local-resolution. Give both or none."
        )
