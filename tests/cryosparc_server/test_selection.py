"""Chosen particles of a run sent into a workspace: gem-cryosparc-select --run, as the explorer calls it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cryosparc_server.commands import INPUTS, N_PARTICLES, assert_has_all_fields_of, load, newest, run
from cryosparc_server.conftest import GENERATION
from cryosparc_server.fake_steps import fake_run_steps, latents_of, states_of
from cryosparc_server.faults import IGNORED_WARNINGS
from cryosparc_server.instance import Instance
from cryosparc_server.slots import SLOT_FIELDS
from gem_plugin.adapters.cryosparc.selection import SelectionOrder, send_selection
from gem_plugin.imaging.symmetry import settings_of_symmetry
from gem_plugin.io.array_files import write_array
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.expansion import expand_table
from gem_plugin.particles.prepared import load_prepared_table, save_prepared_table
from gem_plugin.progress import Progress

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS
CHOSEN = [31, 4, 17, 5]


@pytest.fixture
def rows_file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.txt"
    path.write_text("# rows, counted from 0\n" + "".join(f"{row}\n" for row in CHOSEN))
    return path


def make_offline_run(particles: Path, project: Path) -> Path:
    """The files of `gem-em run` from a job directory, without the work."""
    run_files = RunFiles(Path("offline_run"))
    values = {"particles": particles.absolute(), "project_folder": project, "map": particles}
    if particles.is_dir():
        values["map"] = project / "J42" / "J42_volume_map.mrc"
    fake_run_steps(["prepare", "train"], run_files, values, Progress())
    return run_files.root


def test_rows_of_a_job_come_back_as_one_particle_group(rows, instance: Instance, rows_file: Path, capsys):
    assert run("train", *INPUTS) == 0
    capsys.readouterr()
    assert run("select", "--run", str(instance.folder / "J43" / "gem"), "--rows", str(rows_file)) == 0
    assert capsys.readouterr().out == "J44\n"  # nothing else, so that a program can read it
    job = newest(instance)
    assert (job.uid, job.status, list(job.outputs)) == ("J44", "completed", ["particles"])
    assert job.inputs["particles"].connections == [("J43", "particles")]
    found = load("J44", "particles")
    assert_has_all_fields_of(found, rows[sorted(CHOSEN)])
    latents = latents_of(N_PARTICLES)[sorted(CHOSEN)]
    for mode in range(3):
        np.testing.assert_array_equal(found[f"components_mode_{mode}/value"], latents[:, mode])
    assert "4 particles chosen in" in job.texts()
    assert GENERATION < 5 or job.tile is not None


def test_states_and_conditions_choose_as_in_every_select(rows, instance: Instance):
    assert run("run", *INPUTS) == 0
    folder = str(instance.folder / "J43" / "gem")
    assert run("select", "--run", folder, "--states", "2", "--exclude", "--title", "not two") == 0
    assert_has_all_fields_of(load("J44", "particles"), rows[states_of(N_PARTICLES) != 2])
    if GENERATION >= 5:
        assert newest(instance).title == "not two"


def test_a_failed_job_still_gives_its_particles_through_the_refinement(rows, instance: Instance, rows_file):
    """The files of an interrupted job can be explored; its output cannot be connected, that of its source can."""
    assert run("train", *INPUTS) == 0
    instance.jobs["J43"].status = "failed"
    assert run("select", "--run", str(instance.folder / "J43" / "gem"), "--rows", str(rows_file)) == 0
    assert newest(instance).inputs["particles"].connections == [("J42", "particles")]
    assert_has_all_fields_of(load("J44", "particles"), rows[sorted(CHOSEN)])


def test_an_offline_run_finds_its_job_by_the_names_of_its_files(rows, instance: Instance, rows_file: Path):
    folder = instance.folder / "J42"
    write_cs_rows(folder / "J42_011_particles.cs", rows)
    run_folder = make_offline_run(folder, instance.folder)
    assert run("select", "--run", str(run_folder), "--rows", str(rows_file)) == 0
    assert newest(instance).inputs["particles"].connections == [("J42", "particles")]
    assert_has_all_fields_of(load("J43", "particles"), rows[sorted(CHOSEN)])


def test_paths_of_an_export_do_not_reach_the_workspace(rows, instance: Instance, rows_file, tmp_path: Path):
    """The blob fields are those that the server knows, not those of the exported file."""
    exported = rows.copy()
    exported["blob/path"] = [b">" + path for path in exported["blob/path"].tolist()]
    group = tmp_path / "P3_J42_nonuniform_refine_new" / "J42_particles" / "J42_particles_exported.cs"
    write_cs_rows(group, exported)
    (group.parent / "J7").symlink_to(instance.folder / "J7")
    run_folder = make_offline_run(group, group.parent)
    assert run("select", "--run", str(run_folder), "--rows", str(rows_file)) == 0
    assert_has_all_fields_of(load("J43", "particles"), rows[sorted(CHOSEN)])


def test_a_file_without_a_job_in_its_name_needs_the_job(
    rows, instance: Instance, rows_file, tmp_path, capsys
):
    write_cs_rows(tmp_path / "subset.cs", rows)
    run_folder = make_offline_run(tmp_path / "subset.cs", instance.folder)
    assert run("select", "--run", str(run_folder), "--rows", str(rows_file)) == 2
    assert "Name it: --particles J42." in capsys.readouterr().err
    assert run("select", "--run", str(run_folder), "--rows", str(rows_file), "--particles", "J42") == 0
    assert_has_all_fields_of(load("J43", "particles"), rows[sorted(CHOSEN)])


def test_a_job_without_the_particles_is_refused_before_anything_is_made(
    rows, instance: Instance, rows_file, tmp_path, capsys
):
    others = rows.copy()
    others["uid"][17] += 5
    write_cs_rows(tmp_path / "J42_others.cs", others)
    run_folder = make_offline_run(tmp_path / "J42_others.cs", instance.folder)
    assert run("select", "--run", str(run_folder), "--rows", str(rows_file)) == 2
    expected = f"J42.particles lacks 1 of the 4 chosen particles; the first is {others['uid'][17]}."
    assert expected in capsys.readouterr().err
    assert list(instance.jobs) == ["J7", "J42"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "rows.txt"], "Expected either --landscape, such as --landscape J51, or --run"),
        (["--run", "absent", "--rows", "rows.txt"], "There is no folder absent"),
        (["--run", "{run}"], "Expected either --states, such as --states 1,3, or --rows"),
        (["--run", "{run}", "--rows", "rows.txt"], "entry 1 is 40; the run has 40 particles, rows 0 to 39"),
        (["--run", "{run}", "--rows", "rows.txt", "--scratch", "x"], "--scratch has no effect beside --run"),
        (["--landscape", "J43", "--particles", "J42"], "--particles has no effect beside --landscape"),
    ],
)
def test_wrong_options_are_one_sentence(rows, instance: Instance, capsys, arguments, message):
    Path("rows.txt").write_text("40\n")
    assert run("train", *INPUTS) == 0
    capsys.readouterr()
    given = [text.format(run=instance.folder / "J43" / "gem") for text in arguments]
    assert run("select", *given) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert list(instance.jobs) == ["J7", "J42", "J43"]


def test_wrong_workspace_project_or_login_leaves_no_job(rows, instance: Instance, capsys, monkeypatch):
    assert run("train", *INPUTS) == 0
    folder = instance.folder / "J43" / "gem"
    for project, workspace in (("P9", "W1"), ("P3", "W9")):
        with pytest.raises(Exception, match=f"CryoSPARC did not find .*({project}|{workspace})"):
            send_selection(SelectionOrder(folder, np.array([1]), project, workspace))
    monkeypatch.setenv("CRYOSPARC_PASSWORD", "wrong")
    with pytest.raises(Exception, match="while logging in"):
        send_selection(SelectionOrder(folder, np.array([1]), "P3", "W1"))
    assert list(instance.jobs) == ["J7", "J42", "J43"]


def test_a_program_can_start_it_without_a_console_script(rows, instance: Instance, rows_file: Path):
    """As the explorer does: exit code, number of the job on stdout, one sentence on stderr."""
    assert run("train", *INPUTS) == 0
    command = [sys.executable, "-m", "gem_plugin.adapters.cryosparc.commands", "select", "--project", "P3"]
    command += ["--workspace", "W1", "--run", str(instance.folder / "J43" / "gem"), "--rows"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([*command, rows_file], capture_output=True, text=True, env=environment, timeout=100)
    assert (done.returncode, done.stdout) == (0, "J44\n"), done.stderr
    assert_has_all_fields_of(load("J44", "particles"), rows[sorted(CHOSEN)])
    rows_file.write_text("99\n")
    done = subprocess.run([*command, rows_file], capture_output=True, text=True, env=environment, timeout=100)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def test_views_of_a_run_that_was_expanded_here_are_sent_with_all_slots(
    rows, instance: Instance, rows_file: Path, tmp_path: Path
):
    """CryoSPARC does not know their uids, so nothing can be passed on; un-expanded particles are its own rows."""
    folder = instance.folder / "J42"
    write_cs_rows(folder / "J42_011_particles.cs", rows)
    run_folder = make_offline_run(folder, instance.folder)
    run_files = RunFiles(run_folder)
    table, noise, origin = load_prepared_table(run_files)
    symmetry = settings_of_symmetry("C3")[0]
    save_prepared_table(run_files.prepared_table, expand_table(table, symmetry), noise, origin)
    write_array(run_files.latents, latents_of(3 * N_PARTICLES))
    assert run("select", "--run", str(run_folder), "--rows", str(rows_file)) == 0
    found = load("J43", "particles")
    chosen = np.array(sorted(CHOSEN))
    assert found["sym_expand/idx"].tolist() == (chosen % 3).tolist()
    np.testing.assert_array_equal(found["sym_expand/src_uid"], rows["uid"][chosen // 3])
    np.testing.assert_array_equal(found["uid"] == found["sym_expand/src_uid"], chosen % 3 == 0)
    poses = Rotation.from_rotvec(rows["alignments3D/pose"][chosen // 3].astype(float)).as_matrix()
    expected = symmetry.operators[chosen % 3].transpose(0, 2, 1) @ poses
    matrices = Rotation.from_rotvec(found["alignments3D/pose"].astype(float)).as_matrix()
    np.testing.assert_allclose(matrices, expected, atol=1e-5)
    np.testing.assert_array_equal(found["ctf/df1_A"], rows["ctf/df1_A"][chosen // 3])
    assert run("select", "--run", str(run_folder), "--rows", str(rows_file), "--unexpanded") == 0
    assert_has_all_fields_of(load("J44", "particles"), rows[np.unique(chosen // 3)])


def test_a_server_without_the_slot_gets_the_views_without_it(
    rows, instance: Instance, rows_file: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.delitem(SLOT_FIELDS["particle"], "sym_expand")
    folder = instance.folder / "J42"
    write_cs_rows(folder / "J42_011_particles.cs", rows)
    run_folder = make_offline_run(folder, instance.folder)
    run_files = RunFiles(run_folder)
    table, noise, origin = load_prepared_table(run_files)
    expanded = expand_table(table, settings_of_symmetry("C3")[0])
    save_prepared_table(run_files.prepared_table, expanded, noise, origin)
    run_files.latents.unlink()
    assert run("select", "--run", str(run_folder), "--rows", str(rows_file)) == 0
    assert "does not take the slot sym_expand" in capsys.readouterr().err
    assert len(load("J43", "particles")) == len(CHOSEN)
