"""What the explorer shows of compared samples: the verdicts, and the fraction of every state in each sample."""

from typing import Any

from gem_plugin.results.run import Run
from gem_plugin.results.sample_comparison import ComparedSamples


def described_samples(run: Run) -> dict[str, Any] | None:
    """Numbers and sentences for the page, fractions from 0 to 1; None where no samples were compared."""
    files = run.files.landscape
    if not files.sample_comparison.is_file():
        return None
    compared = ComparedSamples.load(files)
    different = compared.states_that_differ
    return {
        "names": list(compared.names),
        "verdicts": [compared.verdict(pair) for pair in range(len(compared.pairs))],
        "method": compared.sentence,
        "states": [
            {
                "number": index + 1,
                "differs": index + 1 in different,
                "fractions": compared.fractions[:, index].tolist(),
                "lower": compared.lower[:, index].tolist(),
                "upper": compared.upper[:, index].tolist(),
            }
            for index in range(compared.fractions.shape[1])
        ],
    }
