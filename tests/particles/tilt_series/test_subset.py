"""Subsets keep every column, group and row of a particle, and re-read as themselves."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tilt_projects import FORMS, RELION, SERIES, WARPTOOLS, changed_star, read

from gem_plugin.errors import InputError
from gem_plugin.io.star.text import read_star_document
from gem_plugin.notices import listening
from gem_plugin.particles.tilt_series import TiltImages, TiltSeriesParticles, write_subset
from gem_plugin.particles.tilt_series.images import TiltImageReader

CHOSEN = np.array([9, 4, 1])  # of both half-sets


def _same(found: TiltSeriesParticles, expected: TiltSeriesParticles) -> None:
    """But for the numbers of rows, which are those of the smaller file."""
    assert found.names.tolist() == expected.names.tolist()
    for field in dataclasses.fields(TiltImages):
        if field.name not in ("file_rows", "stack_names"):
            np.testing.assert_array_equal(
                getattr(found.images, field.name), getattr(expected.images, field.name)
            )
    for name in ("coordinates_in_angstroms", "rotation_matrices", "half_sets", "optics_groups", "tomograms"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    with TiltImageReader(found) as one, TiltImageReader(expected) as other:
        rows = np.arange(len(expected.images))
        np.testing.assert_array_equal(one.read(rows), other.read(rows))


@pytest.mark.parametrize("form", FORMS)
def test_a_subset_re_reads_as_itself(own_project: Path, form: str) -> None:
    particles = read(own_project / form)
    target = (own_project / form).parent / "Select" / "job007" / "particles.star"
    written = write_subset(particles, CHOSEN, target)
    expected = particles.take(np.sort(CHOSEN))
    _same(read(written.particles), expected)
    if form == SERIES:
        assert written.optimisation_set is None
    else:
        assert written.optimisation_set == target.with_name("optimisation_set.star")
        _same(read(written.optimisation_set), expected)
        assert read(written.optimisation_set).tomograms_path == particles.tomograms_path


@pytest.mark.parametrize("form", FORMS)
def test_header_groups_and_rows_are_verbatim(own_project: Path, form: str) -> None:
    particles = read(own_project / form)
    target = (own_project / form).parent / "External" / "job002" / "chosen.star"
    write_subset(particles, CHOSEN, target, project=(own_project / form).parent)
    before, after = read_star_document(particles.path), read_star_document(target)
    assert [block.name for block in after.blocks] == [block.name for block in before.blocks]
    for old, new in zip(before.blocks, after.blocks):
        assert new.labels == old.labels
        assert new.pairs == old.pairs
        rows_before = [before.row_bytes(old, row) for row in range(old.n_rows)]
        rows_after = [after.row_bytes(new, row) for row in range(new.n_rows)]
        assert set(rows_after) <= set(rows_before)
        if old.name == "optics":
            assert rows_after == rows_before


def test_all_rows_of_a_particle_stay_together_also_those_that_are_not_used(own_project: Path) -> None:
    with changed_star(own_project / SERIES) as blocks:
        blocks[""].loc[5, "rlnCtfScalefactor"] = 0.0
        blocks[""] = blocks[""].sample(frac=1, random_state=1)
    particles = read(own_project / SERIES, max_tilts=4)
    assert particles.image_counts.max() == 4
    write_subset(particles, CHOSEN, own_project / "image_series" / "chosen.star")
    document = read_star_document(own_project / "image_series" / "chosen.star")
    counts = read(own_project / SERIES)
    all_rows = {name: int(n) for name, n in zip(counts.names, counts.image_counts)}
    n_written = document.blocks[0].n_rows
    expected = sum(all_rows[name] for name in particles.names[CHOSEN])
    assert n_written in (expected, expected + 1)  # one more where the row of weight 0 is among them
    assert n_written > 4 * len(CHOSEN)


def test_names_that_started_from_the_file_are_changed_so_that_the_project_finds_them(
    own_project: Path, tmp_path: Path
) -> None:
    """WarpTools' --relative_output_paths: the stacks lie below the star file, not below the project."""
    (own_project / ".gui_projectdir").touch()
    particles = read(own_project / WARPTOOLS)
    target = own_project / "Select" / "job009" / "particles.star"
    written = write_subset(particles, CHOSEN, target)
    text = target.read_text()
    assert "warptools/subtomo/TS_" in text
    assert written.optimisation_set is not None
    assert "warptools/particles_tomograms.star" in written.optimisation_set.read_text()
    _same(read(written.optimisation_set), particles.take(np.sort(CHOSEN)))


def test_trajectories_are_passed_on(own_project: Path) -> None:
    motion = own_project / "relion5" / "motion.star"
    motion.write_text("\ndata_general\n\n_rlnParticleNumber 12\n")
    path = own_project / RELION
    path.write_text(path.read_text().replace('""', "motion.star"))
    particles = read(path)
    assert particles.trajectories_path == motion
    written = write_subset(
        particles, CHOSEN, own_project / "relion5" / "Select" / "job003" / "particles.star"
    )
    assert "_rlnTomoTrajectoriesFile" in written.optimisation_set.read_text()
    assert read(written.optimisation_set).trajectories_path == motion


def test_wrong_choices_are_refused(own_project: Path) -> None:
    particles = read(own_project / RELION)
    target = own_project / "relion5" / "new.star"
    with pytest.raises(InputError, match=r"No particle .* was chosen"):
        write_subset(particles, np.array([], dtype=int), target)
    with pytest.raises(InputError, match="has particles 0 to 11; 12 was requested"):
        write_subset(particles, np.array([3, 12]), target)
    with pytest.raises(InputError, match="chosen twice"):
        write_subset(particles, np.array([3, 3]), target)
    with pytest.raises(InputError, match="is one of the files that are read"):
        write_subset(particles, CHOSEN, particles.path)
    assert not target.exists()


def test_files_that_are_there_are_not_overwritten_unasked(own_project: Path) -> None:
    particles, target = read(own_project / RELION), own_project / "relion5" / "new.star"
    write_subset(particles, CHOSEN, target)
    with pytest.raises(InputError, match=r"new.star, .*new_optimisation_set.star are there already"):
        write_subset(particles, CHOSEN[:2], target)
    write_subset(particles, CHOSEN[:2], target, overwrite=True)
    assert len(read(target)) == 2


def test_one_half_set_alone_is_warned_of(own_project: Path) -> None:
    particles = read(own_project / RELION)
    with listening(lambda notice: None) as heard:
        write_subset(particles, np.array([0, 2]), own_project / "relion5" / "new.star")
    assert [notice.sentence for notice in heard if "all 2 particles are of half-set 1" in notice.sentence]
