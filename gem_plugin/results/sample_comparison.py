"""sample_populations.csv and sample_comparison.csv: the fractions of the states in each sample and what differs, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.landscape.sample_comparison import SampleComparison
from gem_plugin.results.csv_tables import read_text_rows, write_text_rows
from gem_plugin.results.micrographs import MICROGRAPHS, MINIMUM_GROUPS, PARTICLES, STACKS

SIGNIFICANT = 0.05
MADE_BY = "gem-em landscape --compare COLUMN"
POPULATION_COLUMNS = (
    *("compared_by", "sample", "particles", "groups", "drawn_by", "by_posteriors"),
    *("state", "counted_fraction", "fraction", "lower", "upper"),
)
COMPARISON_COLUMNS = (
    *("first_sample", "second_sample", "state", "first_fraction", "second_fraction"),
    *(
        "difference",
        "difference_lower",
        "difference_upper",
        "p_value",
        "corrected_p_value",
        "smallest_p_value",
    ),
)


class Difference(NamedTuple):
    """One state in two samples; fractions of their particles."""

    state: int
    first: float
    second: float
    difference: float  # second less first
    lower: float  # of the 90 % interval
    upper: float
    p_value: float  # corrected for the numbers of states and pairs of samples

    @property
    def is_significant(self) -> bool:
        return self.p_value < SIGNIFICANT


@dataclass(frozen=True, eq=False)
class ComparedSamples:
    """Populations of k states in s samples, and the differences of p pairs; index i is state i + 1."""

    compared_by: str  # the column
    names: tuple[str, ...]  # (s,)
    drawn_by: str  # "micrographs", "image stacks" or "particles"
    by_posteriors: bool
    n_particles: np.ndarray  # (s,) int64
    n_groups: np.ndarray  # (s,) int64
    counted: np.ndarray  # (s, k)
    fractions: np.ndarray  # (s, k)
    lower: np.ndarray  # (s, k) of the 90 % interval
    upper: np.ndarray  # (s, k)
    pairs: tuple[tuple[str, str], ...]  # (p,)
    differences: np.ndarray  # (p, k): second less first
    difference_lower: np.ndarray  # (p, k)
    difference_upper: np.ndarray  # (p, k)
    p_values: np.ndarray  # (p, k)
    corrected_p_values: np.ndarray  # (p, k)
    smallest_p_values: np.ndarray  # (p,)

    @classmethod
    def of(
        cls,
        found: SampleComparison,
        names: Sequence[str],
        compared_by: str,
        drawn_by: str,
        by_posteriors: bool,
    ) -> "ComparedSamples":
        pairs = tuple((names[first], names[second]) for first, second in found.pairs.tolist())
        values = {
            name: getattr(found, name)
            for name in (
                *("n_particles", "n_groups", "counted", "fractions", "lower", "upper"),
                *("differences", "difference_lower", "difference_upper"),
                *("p_values", "corrected_p_values", "smallest_p_values"),
            )
        }
        return cls(compared_by, tuple(names), drawn_by, by_posteriors, pairs=pairs, **values)

    def differences_of(self, pair: int) -> list[Difference]:
        """All states of a pair of samples, the surest difference first."""
        first, second = (self.names.index(name) for name in self.pairs[pair])
        found = [
            Difference(
                index + 1,
                float(self.fractions[first, index]),
                float(self.fractions[second, index]),
                float(self.differences[pair, index]),
                float(self.difference_lower[pair, index]),
                float(self.difference_upper[pair, index]),
                float(self.corrected_p_values[pair, index]),
            )
            for index in range(self.fractions.shape[1])
        ]
        return sorted(found, key=lambda one: (one.p_value, -abs(one.difference)))

    @property
    def states_that_differ(self) -> list[int]:
        """States that differ between any two samples."""
        return (1 + np.flatnonzero((self.corrected_p_values < SIGNIFICANT).any(axis=0))).tolist()

    def verdict(self, pair: int) -> str:
        """Whether two samples differ, in which states and by how much, in words."""
        name_1, name_2 = self.pairs[pair]
        ordered = self.differences_of(pair)
        different = [one for one in ordered if one.is_significant]
        if different:
            states = _listed([str(number) for number in sorted(one.state for one in different)])
            what = "; ".join(_in_words(one, name_1, name_2) for one in different)
            return (
                f"{name_1} and {name_2} differ in state{'s' if len(different) > 1 else ''} {states}: {what}."
            )
        if self.smallest_p_values[pair] > SIGNIFICANT:
            return (
                f"{name_1} and {name_2} cannot be distinguished: with so few {self.drawn_by} no p-value can be below "
                f"{self.smallest_p_values[pair]:.2g}. More {self.drawn_by} are needed."
            )
        widths = (self.difference_upper[pair] - self.difference_lower[pair]) / 2
        return (
            f"No difference between {name_1} and {name_2} was found. Nearest to one is {_in_words(ordered[0], name_1, name_2)}. "
            f"Differences below about {100 * widths.max():.1f} % would not have been seen."
        )

    @property
    def sentence(self) -> str:
        """How the samples were compared, and what the numbers do not contain."""
        fractions = (
            "maximum likelihood over the particles of each sample, in one model for all"
            if self.by_posteriors
            else "counts, as the model gives no uncertainty of the latents; states that overlap then look more alike than they are"
        )
        few = [
            f"{name} ({count})"
            for name, count in zip(self.names, self.n_groups.tolist())
            if count < MINIMUM_GROUPS and self.drawn_by != PARTICLES
        ]
        caution = {
            MICROGRAPHS: f" Intervals of samples with few micrographs are too narrow: {', '.join(few)}."
            if few
            else "",
            STACKS: " Micrographs are not known; image stacks were taken for them.",
            PARTICLES: (
                " Too few micrographs are known, so particles were drawn and permuted one by one: intervals are too narrow and "
                "p-values too small where micrographs differ. Do not take a difference for proven."
            ),
        }[self.drawn_by]
        return (
            f"Fractions are {fractions}, with 90 % intervals from drawing {self.drawn_by} again. p-values are those of permuting which "
            f"{self.drawn_by} belong to which sample, corrected for the numbers of states and pairs of samples: below {SIGNIFICANT} "
            "anywhere in one of twenty comparisons of equal samples. A difference may also come from how a sample was made, picked, "
            f"imaged or selected.{caution}"
        )

    def save(self, files: LandscapeFiles) -> None:
        """Write sample_populations.csv and sample_comparison.csv."""
        of_run = (self.drawn_by, int(self.by_posteriors))
        measured = self.counted, self.fractions, self.lower, self.upper
        populations = []
        for sample, name in enumerate(self.names):
            sizes = self.n_particles[sample], self.n_groups[sample]
            for index in range(self.fractions.shape[1]):
                numbers = (values[sample, index] for values in measured)
                populations.append((self.compared_by, name, *sizes, *of_run, index + 1, *numbers))
        comparison = []
        for pair, names in enumerate(self.pairs):
            first, second = (self.names.index(name) for name in names)
            of_pair = (
                self.differences, self.difference_lower, self.difference_upper,
                self.p_values, self.corrected_p_values,
            )  # fmt: skip
            for index in range(self.fractions.shape[1]):
                fractions = self.fractions[first, index], self.fractions[second, index]
                numbers = (values[pair, index] for values in of_pair)
                comparison.append((*names, index + 1, *fractions, *numbers, self.smallest_p_values[pair]))
        write_text_rows(files.sample_populations, POPULATION_COLUMNS, populations)
        write_text_rows(files.sample_comparison, COMPARISON_COLUMNS, comparison)

    @classmethod
    def load(cls, files: LandscapeFiles) -> "ComparedSamples":
        """The comparison of a landscape; InputError where it made none."""
        populations = read_text_rows(files.sample_populations)
        comparison = read_text_rows(files.sample_comparison)
        if not populations or not comparison:
            raise InputError(
                f"{files.sample_comparison} is missing: no samples were compared. Run `{MADE_BY}` on {files.root.parent}."
            )
        names = tuple(dict.fromkeys(row["sample"] for row in populations))
        pairs = tuple(dict.fromkeys((row["first_sample"], row["second_sample"]) for row in comparison))
        of_samples = _Table(populations, len(names), files.sample_populations)
        of_pairs = _Table(comparison, len(pairs), files.sample_comparison)
        return cls(
            compared_by=populations[0]["compared_by"],
            names=names,
            drawn_by=populations[0]["drawn_by"],
            by_posteriors=populations[0]["by_posteriors"] == "1",
            n_particles=of_samples.numbers("particles")[:, 0].astype(np.int64),
            n_groups=of_samples.numbers("groups")[:, 0].astype(np.int64),
            counted=of_samples.numbers("counted_fraction"),
            fractions=of_samples.numbers("fraction"),
            lower=of_samples.numbers("lower"),
            upper=of_samples.numbers("upper"),
            pairs=pairs,
            differences=of_pairs.numbers("difference"),
            difference_lower=of_pairs.numbers("difference_lower"),
            difference_upper=of_pairs.numbers("difference_upper"),
            p_values=of_pairs.numbers("p_value"),
            corrected_p_values=of_pairs.numbers("corrected_p_value"),
            smallest_p_values=of_pairs.numbers("smallest_p_value")[:, 0],
        )


class _Table(NamedTuple):
    rows: list[dict[str, str]]
    n_first: int
    path: Path

    def numbers(self, column: str) -> np.ndarray:  # (n_first, k)
        try:
            return np.array([float(row[column]) for row in self.rows]).reshape(self.n_first, -1)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.path} has no number in the column {column} of every state. Run `{MADE_BY}` again."
            ) from error


def _in_words(one: Difference, name_1: str, name_2: str) -> str:
    return (
        f"state {one.state} with {100 * one.first:.1f} % of {name_1} and {100 * one.second:.1f} % of {name_2} "
        f"({100 * one.difference:+.1f} %, 90 % interval {100 * one.lower:+.1f} to {100 * one.upper:+.1f} %, {p_in_words(one.p_value)})"
    )


def p_in_words(value: float) -> str:
    """p = 0.0123; of the smallest that permutations give, p < 0.001."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
