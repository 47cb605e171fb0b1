"""The map decides whether it has a symmetry, and about which axes."""

from pathlib import Path

import pytest
from symmetric_maps import symmetric_map

from gem_plugin.errors import InputError
from gem_plugin.imaging.symmetry import Symmetry, settings_of_symmetry
from gem_plugin.notices import listening
from gem_plugin.particles.symmetry_check import check_symmetry_of_map, symmetry_of_map

MAP = Path("run_class001.mrc")
OF_ONE_NAME = [
    pytest.param(name, index, id=f"{name} {index}")
    for name in ("C3", "D3", "D7", "T", "O", "I")
    for index in range(len(settings_of_symmetry(name)))
]


@pytest.mark.parametrize(("name", "index"), OF_ONE_NAME)
def test_the_axes_of_the_map_are_taken_whatever_the_program(name: str, index: int) -> None:
    """D3 of CryoSPARC has its 2-fold axis along y, I may be any of I1 to I4."""
    expected = settings_of_symmetry(name)[index]
    said: list[str] = []
    with listening(lambda notice: said.append(notice.sentence)):
        found = symmetry_of_map(name, symmetric_map(expected), None, MAP)
    assert found.name == expected.name
    assert bool(said) == (index > 0)  # other axes than RELION's are said
    assert all(expected.name in sentence for sentence in said)


def test_another_symmetry_is_refused_with_the_one_that_fits() -> None:
    with pytest.raises(
        InputError,
        match=r"--symmetry C4: .*run_class001.mrc does not have it.*C4: -?0\.\d\d .*--symmetry C3\.",
    ):
        symmetry_of_map("C4", symmetric_map(settings_of_symmetry("C3")[0]), None, MAP)


def test_named_axes_are_not_exchanged_for_others() -> None:
    with pytest.raises(InputError, match=r"--symmetry I1: .*give --symmetry I3\."):
        symmetry_of_map("I1", symmetric_map(settings_of_symmetry("I3")[0]), None, MAP)


def test_a_map_of_one_molecule_has_none() -> None:
    with pytest.raises(InputError, match="It has no other usual symmetry either"):
        symmetry_of_map("D2", symmetric_map(Symmetry()), None, MAP)


def test_a_map_that_is_nearly_symmetric_is_used_with_a_warning() -> None:
    symmetry = settings_of_symmetry("C2")[0]
    volume = symmetric_map(symmetry) + 0.45 * symmetric_map(Symmetry(), seed=5)
    said: list[str] = []
    with listening(lambda notice: said.append(notice.sentence)):
        assert symmetry_of_map("C2", volume, None, MAP).name == "C2"
    assert "only to 0.8" in said[0] or "only to 0.9" in said[0]


def test_another_map_than_that_of_the_expansion_is_refused() -> None:
    symmetry = settings_of_symmetry("C3")[0]
    check_symmetry_of_map(symmetry, symmetric_map(symmetry), MAP)
    check_symmetry_of_map(Symmetry(), symmetric_map(Symmetry()), MAP)
    with pytest.raises(InputError, match="prepared with the symmetry C3, but this map"):
        check_symmetry_of_map(symmetry, symmetric_map(Symmetry()), MAP)
