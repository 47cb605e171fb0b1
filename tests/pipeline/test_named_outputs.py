"""Every command and function that writes where the user says: what is there already is not lost, inputs never."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from cryosparc_rows import make_rows
from gaussianem_folder import write_gaussianem_folder

import gem_plugin as gem
from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.pipeline.finished_runs import check_nothing_is_lost
from gem_plugin.pipeline.run_steps import RUN_STEPS, run_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.progress import Progress
from gem_plugin.settings import settings_from_values
from gem_plugin.steps.convert.settings import ConvertSettings
from gem_plugin.steps.convert.step import run_convert
from gem_plugin.steps.import_gaussianem.settings import ImportGaussianemSettings
from gem_plugin.steps.import_gaussianem.step import run_import_gaussianem
from gem_plugin.steps.simulate.settings import SimulateSettings
from gem_plugin.steps.simulate.step import run_simulate

QUIET = Progress(io.StringIO())
WHAT_TO_DO = r"would be lost\. Give another name, such as --out \S+-2\S*, or --overwrite"


def step(name: str, **values: object) -> Callable[[RunFiles, Path, bool], None]:
    def do(run: RunFiles, out: Path, overwrite: bool) -> None:
        given = {**values, "out": out, "overwrite": overwrite}
        run_step(STEPS[name], run, settings_from_values(STEPS[name].settings_class, given), QUIET)

    return do


def api(write: Callable[[gem.Run], Callable[..., Path]]) -> Callable[[RunFiles, Path, bool], None]:
    def do(run: RunFiles, out: Path, overwrite: bool) -> None:
        write(gem.open_run(run.root))(out, overwrite=overwrite)

    return do


WRITERS = {
    "write-star": ("out.star", step("write-star")),
    "write-star without latents": ("out.star", step("write-star", latents=False)),
    "select": ("out.star", step("select", states=(1,))),
    "Selection.write": ("out.star", api(lambda run: run.select("state == 1").write)),
    "Run.write": ("out.star", api(lambda run: run.write)),
    "Volume.write": ("out.mrc", api(lambda run: run.decode(run.latents[0]).write)),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("run.log", ".gem.lock")
    }


@pytest.mark.parametrize("name", list(WRITERS))
def test_a_file_that_is_there_is_replaced_only_when_that_is_asked_for(
    old_run: Path, tmp_path: Path, name: str
):
    file, write = WRITERS[name]
    run, out = RunFiles(old_run), tmp_path / file
    write(run, out, False)
    made = out.read_bytes()
    out.write_text("of the user")
    before = contents(old_run)
    with pytest.raises(InputError, match=f"{file} is there already .*{WHAT_TO_DO}"):
        write(run, out, False)
    assert out.read_text() == "of the user"
    assert contents(old_run) == before
    write(run, out, True)
    assert len(out.read_bytes()) == pytest.approx(len(made), rel=0.05)


@pytest.mark.parametrize("name", [name for name, (file, _) in WRITERS.items() if file == "out.star"])
def test_the_particles_that_the_run_started_from_are_never_replaced(old_run: Path, name: str):
    run = gem.open_run(old_run)
    star = run.original.path
    before = star.read_bytes()
    with pytest.raises(InputError, match="is one of the files that are read, and would be destroyed"):
        WRITERS[name][1](RunFiles(old_run), star, True)
    assert star.read_bytes() == before


def test_chosen_rows_do_not_take_the_place_of_all_particles_with_latents(old_run: Path, tmp_path: Path):
    run, rows = RunFiles(old_run), tmp_path / "rows.txt"
    rows.write_text("3\n5\n")
    run_step(STEPS["write-star"], run, STEPS["write-star"].settings_class(), QUIET)
    run_step(
        STEPS["write-star"], run, STEPS["write-star"].settings_class(), QUIET
    )  # made anew: nothing is lost
    before = run.particles(".star").read_bytes()
    run_step(STEPS["write-star"], run, STEPS["write-star"].settings_class(rows=rows), QUIET)
    assert run.particles(".star").read_bytes() == before
    assert len(gem.read_particles(run.selected(".star"))) == 2
    with pytest.raises(InputError, match=WHAT_TO_DO):
        run_step(STEPS["write-star"], run, STEPS["write-star"].settings_class(rows=rows), QUIET)


@pytest.mark.parametrize("is_named", [True, False])
def test_maps_of_eval_vol_are_replaced_whole_and_only_when_asked_for(
    old_run: Path, tmp_path: Path, is_named: bool
):
    run, points = RunFiles(old_run), tmp_path / "z.txt"
    out = tmp_path / "maps" if is_named else run.volumes

    def decode(lines: str, **more: object) -> None:
        points.write_text(lines)
        values = {"z_values": points, "out": out if is_named else None, **more}
        run_step(
            STEPS["eval-vol"], run, settings_from_values(STEPS["eval-vol"].settings_class, values), QUIET
        )

    decode("1 0\n0 1\n1 1\n")
    (out / "notes.txt").write_text("of the user")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=rf"{out.name} holds vol_000\.mrc, .*{WHAT_TO_DO}"):
        decode("1 0\n")
    points.write_text("1 0\n0 1\n1 1\n")
    assert contents(tmp_path) == before
    decode("1 0\n", overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["notes.txt", "vol_000.mrc"]


def test_export_ply_does_not_replace_the_files_of_gaussianem(old_run: Path, tmp_path: Path):
    folder = tmp_path / "gaussianem"
    folder.mkdir()
    (folder / "cfg.json").write_text("of GaussianEM")
    with pytest.raises(InputError, match=rf"holds cfg\.json already .*{WHAT_TO_DO}"):
        step("export-ply")(RunFiles(old_run), folder, False)
    assert [path.name for path in folder.iterdir()] == ["cfg.json"]
    assert (folder / "cfg.json").read_text() == "of GaussianEM"
    step("export-ply")(RunFiles(old_run), folder, True)
    assert sorted(path.name for path in folder.iterdir()) == ["cfg.json", "point_cloud.ply"]


def test_simulate_replaces_no_file_of_its_names_and_leaves_none_when_it_breaks(tmp_path: Path):
    (tmp_path / "consensus.mrc").write_text("of the user")
    small = {"n_particles": 10, "box": 32, "pixel_size": 8.0, "atom_width": 5.0, "conformations": 2}
    with pytest.raises(InputError, match=rf"holds consensus\.mrc already .*{WHAT_TO_DO}"):
        run_simulate(SimulateSettings(out=tmp_path, **small), QUIET)
    stopped = Progress(io.StringIO(), check_stop=stop_at_the_first_batch)
    with pytest.raises(KeyboardInterrupt):
        run_simulate(SimulateSettings(out=tmp_path, overwrite=True, **small), stopped)
    assert [path.name for path in tmp_path.iterdir()] == ["consensus.mrc"]
    assert (tmp_path / "consensus.mrc").read_text() == "of the user"


def stop_at_the_first_batch() -> None:
    raise KeyboardInterrupt


def test_import_gaussianem_takes_no_folder_with_files_in_it(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    write_gaussianem_folder(source)
    out = tmp_path / "run"
    out.mkdir()
    (out / "latents.npy").write_text("of another run")
    with pytest.raises(InputError, match=r"run is not empty; expected a new folder .* --out \S+run-2"):
        run_import_gaussianem(ImportGaussianemSettings(source=source, out=out), QUIET)
    assert [path.name for path in out.iterdir()] == ["latents.npy"]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    rows = make_rows(12)
    write_cs_rows(tmp_path / "J42" / "J42_011_particles.cs", rows)
    for path in np.unique(rows["blob/path"]).tolist():
        stack = tmp_path / path.decode()
        stack.parent.mkdir(parents=True, exist_ok=True)
        box_size = int(rows["blob/shape"][0, 0])
        mrcfile.write(stack, np.zeros((12, box_size, box_size), np.float32), voxel_size=3.0)
    return tmp_path / "J42"


def convert(**values: object) -> None:
    run_convert(ConvertSettings(**values), QUIET)  # type: ignore[arg-type]


def test_convert_to_star_replaces_no_star_and_no_link_of_another_set(job: Path, tmp_path: Path):
    out = tmp_path / "out.star"
    convert(particles=job, out=out)
    with pytest.raises(InputError, match=rf"out\.star is there already .*{WHAT_TO_DO}"):
        convert(particles=job, out=out)
    link = next(path for path in tmp_path.joinpath("out_stacks").rglob("*.mrcs"))
    (tmp_path / "else.mrc").touch()
    link.unlink()
    link.symlink_to(tmp_path / "else.mrc")
    with pytest.raises(InputError, match=r"is a link to \S+else\.mrc, not to .*--overwrite"):
        convert(particles=job, out=tmp_path / "second.star", stack_folder=tmp_path / "out_stacks")
    assert not (tmp_path / "second.star").exists()
    convert(particles=job, out=out, overwrite=True)
    assert link.resolve() != tmp_path / "else.mrc"


def test_convert_that_breaks_leaves_neither_links_nor_folders(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("gem_plugin.steps.convert.step.starfile.write", full_disk)
    with pytest.raises(OSError, match="No space left"):
        convert(particles=job, out=tmp_path / "new" / "out.star")
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name != "new"] == before


def test_convert_to_cs_never_writes_onto_the_job(job: Path, tmp_path: Path):
    convert(particles=job, out=tmp_path / "all.star", stacks="name")
    original = job / "J42_011_particles.cs"
    before = original.read_bytes()
    with pytest.raises(InputError, match="is one of the files that are read, and would be destroyed"):
        convert(particles=tmp_path / "all.star", original=job, out=original, overwrite=True)
    assert original.read_bytes() == before
    (tmp_path / "some.csg").write_text("of the user")
    with pytest.raises(InputError, match=rf"some\.csg is there already .*{WHAT_TO_DO}"):
        convert(particles=tmp_path / "all.star", original=job, out=tmp_path / "some.cs")


def test_a_run_is_not_begun_in_a_folder_with_particles_of_the_user(tmp_path: Path):
    (tmp_path / "particles.star").write_text("of the user")
    values = {"particles": tmp_path / "particles.star", "map": tmp_path / "map.mrc"}
    with pytest.raises(
        InputError, match=r"holds particles\.star of another origin, .* Give a new folder, such as"
    ):
        check_nothing_is_lost(RUN_STEPS, RunFiles(tmp_path), values)
    with pytest.raises(InputError, match=r"holds particles\.star of another origin"):
        gem.fit(values["particles"], values["map"], tmp_path, show_progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["particles.star"]


def test_every_option_that_names_an_output_has_a_test_here():
    """A new command with --out must be looked at too."""
    from gem_plugin.cli.main import available_commands, gem_em

    with_out = set()
    for name in available_commands():
        command = gem_em.get_command(None, name)  # type: ignore[arg-type]
        options = {option for parameter in command.params for option in parameter.opts}
        with contextlib.suppress(AttributeError):
            if options & {"--out", "--outdir", "-o", "--stack-folder"}:
                with_out.add(name)
    looked_at = {"run", "write-star", "write-cs", "select", "eval-vol", "export-ply", "convert", "simulate"}
    elsewhere = {"demo", "rerun", "templates"}  # they take new folders, or replace nothing
    assert with_out == looked_at | elsewhere | {"import-gaussianem", "landscape", "landscape-full"}
