"""Symmetric complexes: how well the states of single subunits come back, and whether cooperativity is seen where it is.

Simulated C3 and D2 complexes of 60 Angstrom subunits with one domain that opens by 80 degrees, 48 px of 5 A, SNR 0.1. The run
starts from the poses of the symmetric refinement (gem-em run --symmetry, with a focus mask on one subunit). Printed are the
adjusted Rand index of the states of all subunits, and cooperativity with its error and p-value beside that of the states drawn.
With --figure the observed and expected numbers of every pattern are drawn.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "made_data"))

from complexes import RecoveredStates, recover_states, simulate_complex

GOAL = 0.9
COOPERATIVITIES = (0.0, 0.1, 0.2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--particles", type=int, default=2000)
    parser.add_argument("--symmetries", default="C3,D2")
    parser.add_argument("--figure", type=Path, default=None)
    options = parser.parse_args()
    found: dict[tuple[str, float], RecoveredStates] = {}
    print(
        "symmetry  planted  Rand index (goal 0.9)  cooperativity       p        of the truth        seconds"
    )
    for symmetry in options.symmetries.split(","):
        for planted in COOPERATIVITIES:
            start = time.monotonic()
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                simulate_complex(folder, symmetry, options.particles, planted)
                result = recover_states(folder, folder / "run", symmetry)
            found[symmetry, planted] = result
            _print(symmetry, planted, result, time.monotonic() - start)
    if options.figure is not None:
        draw(found, options.figure)


def _print(symmetry: str, planted: float, result: RecoveredStates, seconds: float) -> None:
    measured, truth = result.subunits.cooperativity, result.true_cooperativity
    assert measured is not None
    print(
        f"{symmetry:8}  {planted:7.2f}  {result.rand_index:21.3f}  {measured.value:+.3f} +- {measured.standard_error:.3f}  "
        f"{measured.p_value:7.4f}  {truth.value:+.3f} +- {truth.standard_error:.3f}  {seconds:7.0f}",
        flush=True,
    )


def draw(found: dict[tuple[str, float], RecoveredStates], path: Path) -> None:
    """A panel for each set: particles of each pattern, observed as bars, expected with its standard deviation as points."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    symmetries = list(dict.fromkeys(symmetry for symmetry, _ in found))
    figure, axes = plt.subplots(
        len(symmetries), len(COOPERATIVITIES), figsize=(10, 3 * len(symmetries)), squeeze=False, sharey="row"
    )
    for (symmetry, planted), result in found.items():
        panel = axes[symmetries.index(symmetry), COOPERATIVITIES.index(planted)]
        patterns = sorted(result.subunits.patterns, key=lambda one: one.counts[0])
        x = np.arange(len(patterns))
        panel.bar(x, [one.observed for one in patterns], color="tab:blue", alpha=0.6, label="observed")
        expected, errors = [one.expected for one in patterns], [one.error for one in patterns]
        panel.errorbar(x, expected, errors, fmt="ko", ms=4, capsize=3, label="expected if independent")
        measured = result.subunits.cooperativity
        assert measured is not None
        panel.set_title(
            f"{symmetry}, planted {planted:.1f}: {measured.value:+.3f} ± {measured.standard_error:.3f}, p {measured.p_value:.2g}",
            fontsize=8,
        )
        panel.set_xticks(x, [str(one.counts[0]) for one in patterns])
        panel.set_xlabel("subunits in state 1")
    for row in axes:
        row[0].set_ylabel("particles")
    axes[0, 0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
