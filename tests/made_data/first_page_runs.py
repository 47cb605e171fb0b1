"""Small runs of every kind that the first page speaks of: the tiny run with one thing changed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tiny_run import N_PARTICLES, N_STATES, make_tiny_run

from gem_plugin.io.array_files import write_array, write_arrays
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import write_step_summary
from gem_plugin.landscape.checks.diagnostic import Diagnostic
from gem_plugin.landscape.motion.gaussians import GaussianMotion, motion_to_arrays
from gem_plugin.landscape.motion.moving_parts import MovingParts
from gem_plugin.results.checks import LONG, RunChecks
from gem_plugin.results.continuum import StateContinuum, save_continua
from gem_plugin.results.populations import StatePopulations

N_GAUSSIANS = 80


def run_of_kind(root: Path, kind: str) -> RunFiles:
    """One of KINDS."""
    run = RunFiles(root) if kind in ("empty",) else make_tiny_run(root)
    KINDS[kind](run)
    return run


def give_motion(run: RunFiles, moves_by: Sequence[float] = (12.0,), mass_change: float = 0.05) -> None:
    """A still body and parts that move by so many Å, rms; mass_change: of the parts as a whole."""
    generator = np.random.default_rng(0)
    positions = generator.normal(size=(N_GAUSSIANS, 3)) * 8
    parts = 1 + np.arange(N_GAUSSIANS) % (1 + len(moves_by))
    distances = np.array([0.6, *moves_by])
    ways = np.array([1.0, 0.5, 0.2]) / np.linalg.norm([1.0, 0.5, 0.2])
    displacement = distances[parts - 1]
    n_parts = len(distances)
    table = MovingParts(
        np.bincount(parts, minlength=n_parts + 1)[1:],
        np.bincount(parts)[1:] / N_GAUSSIANS,
        np.full(n_parts, 0.02),
        np.zeros((n_parts, 3)),
        distances,
        np.full(n_parts, 0.5),
        np.array([0.02, *(0.9 if mass_change > 0.3 else 0.1 for _ in moves_by)]),
        np.array([0.01, *(mass_change for _ in moves_by)]),
    )
    change = table.amplitude_change[parts - 1]
    motion = GaussianMotion(
        positions,
        np.ones(N_GAUSSIANS),
        displacement,
        2 * displacement[:, None] * ways,
        change,
        parts,
        table,
        np.ones(N_GAUSSIANS),
    )
    write_arrays(run.motion, **motion_to_arrays(motion))
    run.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    run.checkpoint.write_bytes(b"")


def give_support(run: RunFiles, nats: float = 4.2) -> None:
    write_step_summary(run, "train", {"support_in_nats": nats, "support_error": 0.3, "epochs": 3})


def give_checks(run: RunFiles, z_scores: Sequence[float]) -> None:
    """Of the half-maps of states 1, 2 ...; below 4 a state is not supported."""
    found = [
        Diagnostic(f"state {number} may be noise", z, 4.0, z < 4.0, f"State {number}.", "Merge it.")
        for number, z in enumerate(z_scores, start=1)
    ]
    found.append(Diagnostic("half-sets missing", 0.0, 0.0, False, "None is missing.", ""))
    RunChecks().with_found(found, LONG, run).save(run)


def give_populations(run: RunFiles, fractions: Sequence[float]) -> None:
    values = np.array(fractions)
    table = StatePopulations(
        values, values, values - 0.02, values + 0.03, -np.log(values / values.max()), 0 * values + 0.1,
        np.full(len(values), 20), "micrographs", True,
    )  # fmt: skip
    table.save(run.landscape)


def good(run: RunFiles) -> None:
    give_motion(run)
    give_support(run)
    give_checks(run, (12.0, 8.0, 15.0))
    give_populations(run, (0.3, 0.25, 0.45))


def one_state(run: RunFiles) -> None:
    give_support(run)
    for number in range(2, N_STATES + 1):
        run.landscape.states.mean(number).unlink()
    write_array(run.landscape.particle_states, np.ones(N_PARTICLES, np.int64))
    write_step_summary(run, "landscape", {"one_cloud": True, "states": 1})
    give_checks(run, (12.0,))
    give_motion(run)


def one_state_still(run: RunFiles) -> None:
    one_state(run)
    give_motion(run, ())


def continuum(run: RunFiles) -> None:
    one_state(run)
    save_continua(run.landscape, [StateContinuum(0, True, 190.0, 250.0, 0.3, 5.0, 36.2, 0.9)])


def state_that_is_a_continuum(run: RunFiles) -> None:
    good(run)
    save_continua(run.landscape, [StateContinuum(2, False, 20.0, 25.0, 0.3, 5.0, 6.2, 0.9)])


def one_cloud(run: RunFiles) -> None:
    good(run)
    write_step_summary(run, "landscape", {"one_cloud": True, "states": N_STATES})


def junk(run: RunFiles) -> None:
    good(run)
    probabilities = np.where(np.arange(N_PARTICLES) < 0.3 * N_PARTICLES, 0.9, 0.1)
    write_array(run.outliers, probabilities.astype(np.float32))


def no_landscape(run: RunFiles) -> None:
    import shutil

    give_support(run)
    shutil.rmtree(run.landscape.root)


def cryodrgn(run: RunFiles) -> None:
    run.settings.write_text('[landscape]\nworkdir = "elsewhere"\nepoch = 49\n')


def only_particles(run: RunFiles) -> None:
    no_landscape(run)
    run.latents.unlink()
    run.latents_std.unlink()
    import shutil

    shutil.rmtree(run.analyze.root)


def unsupported(run: RunFiles) -> None:
    good(run)
    give_support(run, 0.1)


def unchecked(run: RunFiles) -> None:
    good(run)
    run.checks.unlink()
    run.landscape.populations.unlink()


def states_not_supported(run: RunFiles) -> None:
    good(run)
    give_checks(run, (1.0, 0.5, -0.4))


def two_supported(run: RunFiles) -> None:
    good(run)
    give_checks(run, (9.0, 0.5, 7.0))


def only_amplitudes(run: RunFiles) -> None:
    good(run)
    give_motion(run, (1.5,), mass_change=0.45)


def two_parts(run: RunFiles) -> None:
    good(run)
    give_motion(run, (5.0, 20.0))


def nothing_moves(run: RunFiles) -> None:
    good(run)
    give_motion(run, ())


def no_half_sets(run: RunFiles) -> None:
    """No state could be compared with its particles, though checks were run."""
    good(run)
    give_checks(run, ())


KINDS: dict[str, Callable[[RunFiles], None]] = {
    "empty": lambda run: None,
    "good": good,
    "one state": one_state,
    "one state that is still": one_state_still,
    "one cloud": one_cloud,
    "continuum": continuum,
    "state that is a continuum": state_that_is_a_continuum,
    "junk": junk,
    "no landscape": no_landscape,
    "cryoDRGN": cryodrgn,
    "no latents": only_particles,
    "unsupported": unsupported,
    "unchecked": unchecked,
    "states not supported": states_not_supported,
    "two supported": two_supported,
    "only amplitudes": only_amplitudes,
    "two parts": two_parts,
    "nothing moves": nothing_moves,
    "no half-sets": no_half_sets,
}
