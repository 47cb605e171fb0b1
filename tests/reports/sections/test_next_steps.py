"""Commands in the report: they are taken by the programs that they name, wherever they are typed, and name what exists."""

import dataclasses
import html
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import mrcfile
import numpy as np
import pytest
from full_run import give_half_sets, make_full_run, report_text_of
from relion_set import make_relion_run
from tiny_run import make_tiny_run

from gem_plugin.cli.main import gem_em
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table, save_prepared_table
from gem_plugin.reports.sections.next_steps import next_steps_section
from gem_plugin.reports.sections.relion_commands import (
    RelionState,
    reconstruction_commands,
    refinement_commands,
)
from gem_plugin.results.run import Run

N_STATES_SHOWN = 3
OUR_PROGRAM = "from gem_plugin.cli.main import main; main()"
MPI_FOR_TESTS = {"mpirun": "mpirun --allow-run-as-root --oversubscribe", "--j 4": "--j 1 --iter 1"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """A run with half-sets, in a folder with spaces."""
    run = make_full_run(tmp_path_factory.mktemp("next") / "my project")
    give_half_sets(run)
    return run


@pytest.fixture(scope="module")
def blocks(run: RunFiles) -> list[list[str]]:
    """The lines of every block of commands in the report."""
    found = re.findall(r"<pre>(.*?)</pre>", report_text_of(run), re.S)
    return [html.unescape(block).splitlines() for block in found]


def test_our_own_commands_are_accepted(blocks: list[list[str]], run: RunFiles) -> None:
    ours = [shlex.split(line) for block in blocks for line in block if line.startswith("gem-em ")]
    assert {words[1] for words in ours} >= {"select", "explore", "reconstruct", "diagnose", "landscape-full"}
    for _, step, *arguments in ours:
        command = gem_em.get_command(click.Context(gem_em), step)
        assert command is not None
        with command.make_context(step, list(arguments)) as context:
            assert Path(context.params["run_folder"]) == run.root.absolute()


def test_select_as_printed_writes_the_particles_of_the_state(
    blocks: list[list[str]], run: RunFiles, tmp_path: Path
) -> None:
    (line,) = {line for block in blocks for line in block if line.startswith("gem-em select")}
    program = [sys.executable, "-c", OUR_PROGRAM, *shlex.split(line)[1:]]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    states = np.load(run.landscape.root / "particle_states.npy")
    assert f"{(states == 1).sum()} of {len(states)} particles written" in done.stdout + done.stderr


def test_commands_of_relion_name_files_that_exist(blocks: list[list[str]], run: RunFiles) -> None:
    relion = [block for block in blocks if any("relion_" in line for line in block)]
    assert len(relion) == N_STATES_SHOWN + 1
    for block in relion:
        project = Path(shlex.split(block[0])[1])
        assert project == run.root.parent
        for line in block[2:]:
            words = shlex.split(line)
            given = [words[place + 1] for place, word in enumerate(words) if word in ("--i", "--ref")]
            ours = [name for name in given if not name.startswith("gem_state")]
            assert all((project / name).is_file() for name in ours), line


def test_without_half_sets_no_half_maps_are_asked_for(run: RunFiles) -> None:
    state = dataclasses.replace(RelionState.of(Run(run), 1), has_half_sets=False)
    commands = reconstruction_commands(state)
    assert len(commands) == 3
    assert not any("--subset" in command for command in commands)


def test_state_of_one_half_set_alone_has_no_half_maps(run: RunFiles, tmp_path: Path) -> None:
    """Its star file has no rlnRandomSubset, so that relion_reconstruct --subset would find no particles."""
    shutil.copytree(run.root.parent, tmp_path / "copy")
    copy = RunFiles(tmp_path / "copy" / run.root.name)
    states = np.load(copy.landscape.particle_states)
    table, noise, origin = load_prepared_table(copy)
    half_sets = np.where(states == 1, 2, table.half_sets).astype(np.int8)
    moved = dataclasses.replace(origin, particle_file=copy.root.parent / origin.particle_file.name)
    save_prepared_table(copy.prepared_table, dataclasses.replace(table, half_sets=half_sets), noise, moved)
    assert not RelionState.of(Run(copy), 1).has_half_sets
    assert RelionState.of(Run(copy), 2).has_half_sets


def test_a_reference_in_another_box_is_enlarged_first(run: RunFiles) -> None:
    state = dataclasses.replace(RelionState.of(Run(run), 1), reference=None)
    enlarge, refine = refinement_commands(state)[-2:]
    assert enlarge.startswith("relion_image_handler")
    assert shlex.split(refine)[shlex.split(refine).index("--ref") + 1] == "gem_state_001/reference.mrc"


def test_diameter_holds_the_molecule_and_fits_the_box(run: RunFiles) -> None:
    state = RelionState.of(Run(run), 1)
    assert 40 <= state.diameter_in_angstroms <= 0.95 * 24 * 4.0
    assert state.low_pass_in_angstroms == 20


def test_project_folder_is_that_of_the_images_and_not_of_the_star_file(run: RunFiles, tmp_path: Path) -> None:
    """Image names of a job's star file are relative to the folder above all jobs."""
    project = tmp_path / "project"
    shutil.copytree(run.root.parent, project / "Extract" / "job001")
    copy = RunFiles(project / "Extract" / "job001" / "run")
    table, noise, origin = load_prepared_table(copy)
    name = "Extract/job001/stack.mrcs"
    moved = dataclasses.replace(table, stack_names=np.full(len(table), name, dtype=object))
    (project / name).touch()
    star = copy.root.parent / "particles.star"
    save_prepared_table(copy.prepared_table, moved, noise, dataclasses.replace(origin, particle_file=star))
    state = RelionState.of(Run(copy), 1)
    assert state.project_folder == project
    assert state.path(state.particles) == "Extract/job001/run/landscape/states/state_001.star"


def test_cryosparc_is_told_which_star_file_to_import(run: RunFiles) -> None:
    page = report_text_of(run)
    chapter = page[page.index('<section id="next">') :]
    assert "Import Particle Stack" in chapter
    assert html.escape(str(run.landscape.states.particles(1, ".star").absolute())) in chapter


@pytest.mark.relion
@pytest.mark.slow
@pytest.mark.parametrize("is_binned", [False, True])
def test_relion_runs_the_commands_as_printed(relion: Path, tmp_path: Path, is_binned: bool) -> None:
    """Half-maps, mask and resolution; then one iteration of the refinement. The same from a smaller working box."""
    run = make_relion_run(tmp_path / "my project", is_binned)
    blocks = [html.unescape(one) for one in re.findall(r"<pre>(.*?)</pre>", report_text_of(run), re.S)]
    reconstruct, *_, refine = (block for block in blocks if re.search("^(relion_|mpirun )", block, re.M))
    for there, here in MPI_FOR_TESTS.items():
        refine = refine.replace(there, here)
    for script in (reconstruct, refine):
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    folder = run.root.parent / "gem_state_001"
    assert (folder / "postprocess.mrc").is_file()
    assert sorted(folder.glob("run_it*_half1_class001.mrc"))
    with mrcfile.open(folder / "mask.mrc") as mask:
        assert 0.001 < (mask.data > 0.5).mean() < 0.5


def test_scenes_for_molstar_are_named_beside_the_scripts(tmp_path: Path) -> None:
    tiny = make_tiny_run(tmp_path)
    tiny.chimerax.root.mkdir()
    scripts = ("states", "states_overlay", "figure", "movie")
    assert "Mol*" not in next_steps_section(Run(tiny))
    for path in (tiny.chimerax.scene_of_states, *map(tiny.chimerax.script, scripts)):
        path.touch()
    text = next_steps_section(Run(tiny))
    assert tiny.chimerax.scene_of_states.name in text.split("<h3>In Mol*</h3>")[1]
    for name in scripts:
        shown = re.search(rf"<td>{name}.cxc</td><td>([^<]*)</td>", text)
        assert shown, name
        assert len(shown[1]) > 20, "what it shows"
