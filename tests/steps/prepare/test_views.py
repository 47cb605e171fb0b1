"""Several rows of one image: read and prepared once, left out together, written back as the rows that they are."""

import io
from pathlib import Path

import numpy as np
import pytest
from prepared_images import assert_refused, prepared_with_notices, warnings_in
from relion_projects import RelionProject, noisy_images
from symmetric_set import expanded, particle_lines

from gem_plugin.io.cryosparc.files import read_cs_rows
from gem_plugin.io.mrc.stacks import open_stack
from gem_plugin.io.run.excluded import read_excluded
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared
from gem_plugin.progress import Progress
from gem_plugin.reports.sections.inputs import inputs_section
from gem_plugin.results.run import Run
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare
from gem_plugin.steps.select.settings import SelectSettings
from gem_plugin.steps.select.step import run_select

N_IMAGES, ORDER = 40, 3


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path / "run")


@pytest.fixture
def project(tmp_path: Path) -> RelionProject:
    """40 images, not expanded."""
    return RelionProject(tmp_path / "project", n_particles=N_IMAGES).write()


def test_an_image_of_three_views_is_prepared_once_and_as_without_copies(
    project: RelionProject, run: RunFiles, tmp_path: Path
) -> None:
    plain, _ = prepared_with_notices(project, RunFiles(tmp_path / "plain"))
    expanded(project, ORDER)
    said = io.StringIO()
    summary = run_prepare(run, PrepareSettings(particles=project.star), Progress(said))
    assert "40 images, 120 views" in said.getvalue()
    assert {"particles": 120, "images": 40, "views": 120, "physical_particles": 40}.items() <= summary.items()
    data = load_prepared(run)
    assert open_stack(run.prepared_images).shape[0] == N_IMAGES
    assert data.images.shape[0] == N_IMAGES * ORDER
    np.testing.assert_array_equal(data.images[np.arange(120)], plain.images[np.repeat(np.arange(40), ORDER)])
    np.testing.assert_array_equal(data.images[7, 3], plain.images[2, 3])
    np.testing.assert_array_equal(data.noise_spectrum, plain.noise_spectrum)
    assert "40 images, 120 views" in inputs_section(Run(run))


def test_an_image_that_cannot_be_used_takes_all_its_views_along(
    project: RelionProject, run: RunFiles
) -> None:
    images = noisy_images(N_IMAGES, 16)
    images[5] = np.nan
    project.write_stacks(images)
    expanded(project, ORDER)
    data, notices = prepared_with_notices(project, run)
    assert "3 of 120 particles are left out" in warnings_in(notices)
    assert read_excluded(run).rows.tolist() == [15, 16, 17]
    assert np.flatnonzero(~data.is_used).tolist() == [15, 16, 17]


def test_a_view_with_an_impossible_scale_is_left_out_alone(project: RelionProject, run: RunFiles) -> None:
    more = expanded(project, ORDER)
    more.columns["_rlnCtfScalefactor"] = ["1.0"] * 120
    more.columns["_rlnCtfScalefactor"][16] = "0.0"
    more.write_star()
    data, _ = prepared_with_notices(more, run)
    assert np.flatnonzero(~data.is_used).tolist() == [16]
    assert data.images[15].std() > 0


def joined_twice(project: RelionProject) -> RelionProject:
    """Expanded, with rows 4 and 30 once more at the end, as a joined file has them."""
    more = expanded(project, ORDER)
    for values in more.columns.values():
        values += [values[4], values[30]]
    more.write_star()
    return more


def test_one_view_twice_is_refused_with_the_count(project: RelionProject, run: RunFiles) -> None:
    more = joined_twice(project)
    assert_refused(
        more, run, "2 of 122 rows show an image in the pose .*row 120 as row 4 .*row 121 as row 30"
    )


def test_dropped_rows_are_in_no_file_that_is_written(
    project: RelionProject, run: RunFiles, tmp_path: Path
) -> None:
    more = joined_twice(project)
    for label, values in more.columns.items():  # the repeated rows come first
        more.columns[label] = values[-2:] + values[:-2]
    more.write_star()
    data, notices = prepared_with_notices(more, run, drop_duplicates=True)
    assert "2 of 122 rows" in warnings_in(notices)
    assert data.table.file_rows.tolist() == [row for row in range(122) if row not in (6, 32)]
    chosen = np.array([0, 1, 5, 6, 119])
    rows = tmp_path / "rows.txt"
    np.savetxt(rows, chosen, fmt="%d")
    run_select(run, SelectSettings(rows=rows, out=tmp_path / "out.star"), Progress(io.StringIO()))
    lines = particle_lines(more.star)
    assert particle_lines(tmp_path / "out.star") == [lines[row] for row in data.table.file_rows[chosen]]


def test_copies_by_links_are_read_once(project: RelionProject, run: RunFiles) -> None:
    """The way round a program that takes each name once: one folder under several names."""
    more = expanded(project, ORDER)
    for copy in (1, 2):
        (project.folder / f"Copy{copy}").symlink_to("Extract")
        names = more.columns["_rlnImageName"]
        names[copy::ORDER] = [name.replace("Extract", f"Copy{copy}") for name in names[copy::ORDER]]
    more.write_star()
    data, _ = prepared_with_notices(more, run)
    assert open_stack(run.prepared_images).shape[0] == N_IMAGES
    assert data.table.particle_indices.tolist() == np.repeat(np.arange(N_IMAGES), ORDER).tolist()


def test_half_sets_drawn_after_the_expansion_are_drawn_again_for_particles(
    project: RelionProject, run: RunFiles
) -> None:
    more = expanded(project, ORDER)
    more.columns["_rlnRandomSubset"] = [str(1 + row % 2) for row in range(120)]
    more.write_star()
    data, notices = prepared_with_notices(more, run)
    assert "40 of 40 particles have views in both half-sets" in warnings_in(notices)
    of_particles = data.table.half_sets.reshape(N_IMAGES, ORDER)
    assert (of_particles == of_particles[:, :1]).all()
    assert particle_lines(more.star)[1].split()[-1] == "2"  # the file itself stays


@pytest.mark.parametrize(
    ("star", "says"),
    [
        ("relion/01b_sym_by_links/expanded.star", "120 images, 360 views"),
        ("cryosparc/sym_expand/P1/J50", "30 images, 60 views"),
    ],
)
def test_shared_cases_are_prepared_once_an_image(
    shared_cases: Path, run: RunFiles, star: str, says: str
) -> None:
    said = io.StringIO()
    summary = run_prepare(run, PrepareSettings(particles=shared_cases / star), Progress(said))
    assert says in said.getvalue()
    assert open_stack(run.prepared_images).shape[0] == summary["images"]


@pytest.mark.parametrize("name", ["all.star", "all_nouid.star"])
def test_an_expanded_set_converted_from_cryosparc_is_prepared(
    shared_cases: Path, run: RunFiles, tmp_path: Path, name: str
) -> None:
    folder = shared_cases / "cryosparc/sym_expand"
    text = (folder / name).read_text().replace("cases/sym_expand/all_stacks", "all_stacks")
    (tmp_path / "J5").symlink_to(
        folder / "P1/J5"
    )  # the links of the case lead to its stacks by absolute paths
    text = text.replace("all_stacks/J5", "J5").replace("particles.mrcs", "particles.mrc")
    (tmp_path / name).write_text(text)
    summary = run_prepare(
        run, PrepareSettings(particles=tmp_path / name, normalise="never"), Progress(io.StringIO())
    )
    assert (summary["images"], summary["views"]) == (30, 60)


def test_chosen_copies_of_cryosparc_are_these_rows(shared_cases: Path, run: RunFiles, tmp_path: Path) -> None:
    job = shared_cases / "cryosparc/sym_expand/P1/J50"
    run_prepare(run, PrepareSettings(particles=job), Progress(io.StringIO()))
    chosen = np.array([1, 2, 5, 31, 58])
    np.savetxt(tmp_path / "rows.txt", chosen, fmt="%d")
    settings = SelectSettings(rows=tmp_path / "rows.txt", out=tmp_path / "out.cs")
    run_select(run, settings, Progress(io.StringIO()))
    original = read_cs_rows(job / "J50_particles_expanded.cs")
    np.testing.assert_array_equal(read_cs_rows(tmp_path / "out.cs"), original[chosen])
