"""Alignments per class: each particle has the pose and shift of its best class."""

from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.jobs import CryosparcParticles
from gem_plugin.notices import listening
from gem_plugin.particles.cryosparc_classes import with_best_class
from gem_plugin.particles.from_cryosparc import table_from_cryosparc

N, CLASSES = 6, 3
SOURCE = Path("a.cs")


def without_alignments() -> np.ndarray:
    rows = make_rows(N)
    kept = [name for name in rows.dtype.names if not name.startswith("alignments3D/")]
    return rows[kept].copy()


def joined(rows: np.ndarray, fields: dict[str, np.ndarray]) -> np.ndarray:
    new = np.empty(
        len(rows),
        dtype=[
            *((name, rows.dtype[name]) for name in rows.dtype.names),
            *((name, values.dtype, values.shape[1:]) for name, values in fields.items()),
        ],
    )
    for name in rows.dtype.names:
        new[name] = rows[name]
    for name, values in fields.items():
        new[name] = values
    return new


def values_per_class() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    posteriors = np.full((N, CLASSES), 0.1, np.float32)
    posteriors[np.arange(N), [0, 2, 1, 2, 2, 0]] = 0.8
    return {
        "pose": generator.normal(size=(N, CLASSES, 3)).astype(np.float32),
        "shift": generator.normal(size=(N, CLASSES, 2)).astype(np.float32),
        "class_posterior": posteriors,
    }


@pytest.mark.parametrize("form", ["multi", "slots"])
def test_the_best_class_of_each_particle(form: str) -> None:
    values = values_per_class()
    if form == "multi":
        split = {"alignments3D_multi/split": np.array([0, 1] * 3, np.uint32)}
        fields = {f"alignments3D_multi/{name}": one for name, one in values.items()} | split
    else:
        fields = {
            f"alignments_class3D_{number}/{name}": one[:, number]
            for name, one in values.items()
            for number in range(CLASSES)
        }
    with listening(lambda notice: None) as notices:
        found = with_best_class(joined(without_alignments(), fields), SOURCE)
    best = np.array([0, 2, 1, 2, 2, 0])
    np.testing.assert_array_equal(found["alignments3D/pose"], values["pose"][np.arange(N), best])
    np.testing.assert_array_equal(found["alignments3D/shift"], values["shift"][np.arange(N), best])
    np.testing.assert_array_equal(found["alignments3D/class"], best)
    np.testing.assert_array_equal(found["alignments3D/psize_A"], found["blob/psize_A"])
    assert "alignments of 3 classes" in notices[0].sentence
    assert "2 of class 0, 1 of class 1, 3 of class 2" in notices[0].sentence
    if form == "multi":
        with listening(lambda notice: None):
            table = table_from_cryosparc(
                CryosparcParticles(joined(without_alignments(), fields), SOURCE, Path())
            )
        assert table.half_sets.tolist() == [1, 2] * 3


def test_one_class_without_an_axis_for_it() -> None:
    values = values_per_class()
    fields = {f"alignments3D_multi/{name}": one[:, 0] for name, one in values.items()}
    with listening(lambda notice: None):
        found = with_best_class(joined(without_alignments(), fields), SOURCE)
    np.testing.assert_array_equal(found["alignments3D/pose"], values["pose"][:, 0])


def test_alignments_of_a_refinement_come_first() -> None:
    rows = make_rows(N)
    assert with_best_class(rows, SOURCE) is rows
    assert with_best_class(without_alignments(), SOURCE).dtype == without_alignments().dtype


def test_classes_that_cannot_be_compared_are_refused() -> None:
    fields = {f"alignments3D_multi/{name}": one for name, one in values_per_class().items()}
    del fields["alignments3D_multi/shift"]
    with pytest.raises(InputError, match=r"a.cs: alignments of several classes without shift"):
        with_best_class(joined(without_alignments(), fields), SOURCE)
    fields = {f"alignments3D_multi/{name}": one for name, one in values_per_class().items()}
    fields["alignments3D_multi/class_posterior"][4, 1] = np.nan
    with pytest.raises(InputError, match=r"class posterior is not a number in 1 of 6 rows, first in row 4"):
        with_best_class(joined(without_alignments(), fields), SOURCE)
