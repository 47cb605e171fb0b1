"""ChimeraX scripts, held against the documented commands by a small strict reader; the files they open, by other readers.

ChimeraX itself is not here. Commands and options are those of its user guide and of the commands' declarations (sources of
January 2026): GRAMMAR lists them. ChimeraX runs a .cxc in the folder of the script, so paths are relative to that folder.
"""

import re
import shlex
from pathlib import Path

import gemmi
import mrcfile
import numpy as np
import pytest
from arm_model import arm_source, ring_latents
from tiny_run import make_tiny_run

from gem_plugin.io.array_files import write_array, write_numbers
from gem_plugin.io.run.files import RunFiles
from gem_plugin.reports.chimerax_scripts import what_script_shows
from gem_plugin.results.kept_products import KeptProducts
from gem_plugin.results.run import Run
from gem_plugin.steps.report import chimerax as motion_step

NUMBER, COLOUR = r"-?\d+(\.\d+)?(e-?\d+)?", r"#[0-9A-Fa-f]{6}"
PALETTE = rf"{COLOUR}(:{COLOUR})+"
MODELS = r"#\d+(-\d+)?"
TEXT = r'"[^"\n]+"'
FRACTION = r"[01](\.\d+)?"
LABEL = rf"label {MODELS} models color black height {NUMBER} offset {NUMBER},{NUMBER},{NUMBER}"
VOLUME = rf"volume {MODELS}( level {NUMBER}| step 1| color {COLOUR}| transparency {FRACTION})+"
VIEW = r"view(( name)? (overlay|tiled))?"
MOUSE = r'mousemode left (rotate|"rotate independent")'
GRAMMAR = (  # whole commands, in order of the user guide
    rf"open {TEXT} id #\d+( name {TEXT})?",
    r'open "[^"]+\.pdb" coordsets true',
    VOLUME,
    rf"volume morph {MODELS} frames \d+ playStep {NUMBER} constantVolume true slider (true|false)",
    rf"color sample {MODELS} map #\d+ palette {PALETTE} range {NUMBER},{NUMBER}",
    rf"color byattribute (bfactor|occupancy) palette {PALETTE}",
    rf"key( {COLOUR}:({NUMBER})?)+",
    rf"hide {MODELS} models",
    r"style sphere",
    r"size atomRadius \d+",
    r"coordset slider #\d+",
    r"set bgColor white",
    r"camera ortho",
    r"lighting soft",
    r"graphics silhouettes true",
    VIEW,
    r"windowsize \d+ \d+",
    rf"tile {MODELS} columns \d+ spacingFactor {NUMBER}",
    LABEL,
    rf"2dlabels text {TEXT}( color (black|{COLOUR}))? size \d+ xpos {FRACTION} ypos {FRACTION}",
    rf"scalebar \d+ thickness \d+ xpos {FRACTION} ypos {FRACTION} color black",
    rf"alias (states_overlay|states_tiled) {VIEW}; {MOUSE}; {VOLUME}; (~label {MODELS} models|{LABEL})",
    r"movie record size \d+,\d+ supersample \d",
    r'movie encode output "movie\.mp4" format h264 quality high framerate 25 wait true',
    r"wait \d+",
    r'save "figure_\w+\.png" width \d+ height \d+ supersample \d transparentBackground true',
    r"close session",
)


def write_all(run: RunFiles) -> list[Path]:
    return motion_step.write_chimerax(Run(run), KeptProducts(run, run.figures))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    """A run in a folder with a space, as if its model were on disk."""
    run = make_tiny_run(tmp_path_factory.mktemp("scripts") / "my run")
    write_numbers(
        run.analyze.component_folder(1) / "z_values.txt", np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    )
    run.checkpoint.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "decoder", lambda *_: arm_source(ring_latents(300)))
        write_all(run)
    return run


def commands_of(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def sessions_of(path: Path) -> list[list[str]]:
    """The commands of a script, divided where it closes everything."""
    parts: list[list[str]] = [[]]
    for command in commands_of(path):
        if command == "close session":
            parts.append([])
        else:
            parts[-1].append(command)
    return [part for part in parts if part]


def models_named(command: str) -> set[int]:
    """Numbers of the models that a command speaks of; colours have six digits and are none."""
    spans = re.findall(r"(?<= )#(\d+)(?:-(\d+))?(?= |$)", command)
    return {number for first, last in spans for number in range(int(first), int(last or first) + 1)}


def test_every_purpose_has_its_script(run: RunFiles) -> None:
    names = {path.stem for path in run.chimerax.root.glob("*.cxc")}
    assert names == {
        "states", "states_overlay", "movie", "figure", "morph_latent_component_1", "colour_by_motion", "colour_by_occupancy", "colour_by_amplitude_change",
        "arrows", "gaussians_pc1",
    }  # fmt: skip
    assert all(what_script_shows(name) for name in names)


def test_commands_are_those_that_chimerax_documents(run: RunFiles) -> None:
    for path in run.chimerax.root.glob("*.cxc"):
        unknown = [one for one in commands_of(path) if not any(re.fullmatch(rule, one) for rule in GRAMMAR)]
        assert unknown == [], path.name


def test_files_are_opened_from_the_folder_of_the_script_and_exist(run: RunFiles) -> None:
    for path in run.chimerax.root.glob("*.cxc"):
        opened = [shlex.split(one)[1] for one in commands_of(path) if one.startswith("open")]
        assert opened, path.name
        assert not any(Path(name).is_absolute() for name in opened)
        assert all((path.parent / name).is_file() for name in opened)


def test_no_command_speaks_of_a_model_before_it_is_opened(run: RunFiles) -> None:
    for path in run.chimerax.root.glob("*.cxc"):
        for session in sessions_of(path):
            opened: set[int] = set()
            for command in session:
                if command.startswith("open"):
                    new = models_named(command) or {1}
                    assert not new & opened, "every model has its own number"
                    opened |= new
                assert models_named(command) <= opened, (path.name, command)


def test_movie_is_recorded_around_the_whole_motion_and_the_script_ends(run: RunFiles) -> None:
    commands = commands_of(run.chimerax.root / "movie.cxc")
    kinds = [command.split()[0] for command in commands]
    assert kinds[-5:] == ["movie", "wait", "volume", "wait", "movie"]
    (frames,) = re.findall(r"frames (\d+)", commands[-3])
    (step,) = re.findall(r"playStep (\S+)", commands[-3])
    assert int(frames) * float(step) == pytest.approx(2, rel=1e-3), "there and back once"
    assert int(commands[-2].split()[1]) > int(frames), "nothing is cut off"


def test_colours_reach_from_zero_to_the_key(run: RunFiles) -> None:
    for name in ("motion", "occupancy"):
        text = (run.chimerax.root / f"colour_by_{name}.cxc").read_text()
        (highest,) = re.findall(r"range 0,(\S+)", text)
        assert f"#FDE725:{float(highest):.3g}" in text
        with mrcfile.open(run.chimerax.root / f"{name}.mrc") as values:
            assert 0 < values.data.max() <= 1.1 * float(highest) + 0.5


def test_levels_cut_the_map_between_solvent_and_peak(run: RunFiles) -> None:
    text = (run.chimerax.root / "colour_by_motion.cxc").read_text()
    (level,) = re.findall(r"volume #1 level (\S+)", text)
    with mrcfile.open(run.chimerax.root / "mean.mrc") as density:
        assert 0.0005 < (density.data > float(level)).mean() < 0.2


def test_occupancy_of_what_is_always_there_is_one(run: RunFiles) -> None:
    motion = Run(run).motion
    assert motion is not None
    np.testing.assert_allclose(motion.occupancy, 1, atol=1e-5)


def test_occupancy_of_what_is_there_in_a_third_of_the_particles_is_a_third() -> None:
    amplitudes = np.ones((300, 4))
    amplitudes[100:, 3] = 0
    motion = motion_step.measure_motion(np.random.default_rng(0).normal(size=(300, 4, 3)), amplitudes, seed=0)
    np.testing.assert_allclose(motion.occupancy, [1, 1, 1, 1 / 3], atol=1e-6)


def test_motion_of_an_older_run_is_read_without_occupancy(run: RunFiles, tmp_path: Path) -> None:
    with np.load(run.motion) as saved:
        older = {name: saved[name] for name in saved.files if name != "occupancy"}
    copy = RunFiles(tmp_path)
    np.savez(copy.motion, **older)
    motion = Run(copy).motion
    assert motion is not None
    assert len(motion.occupancy) == 0


def test_arrows_are_lines_of_the_bild_format(run: RunFiles) -> None:
    starts, number_of_lines = [], 0
    for line in (run.chimerax.root / "motion_arrows.bild").read_text().splitlines():
        number_of_lines += 1
        word, *values = line.split()
        if word == ".comment":
            continue
        numbers = [float(value) for value in values]
        assert word in (".color", ".arrow")
        if word == ".color":
            assert len(numbers) == 3
            assert all(0 <= value <= 1 for value in numbers)
            continue
        assert len(numbers) == 9  # two ends, radius of shaft and head, share of the shaft
        assert 0 < numbers[6] < numbers[7]
        assert 0 < numbers[8] < 1
        starts.append(numbers[:3])
    assert len(starts) == (number_of_lines - 1) // 2
    box = read_box_in_angstroms(run)
    assert np.all((np.array(starts) > 0) & (np.array(starts) < box)), (
        "in the frame of the map, whose corner is zero"
    )


def read_box_in_angstroms(run: RunFiles) -> float:
    with mrcfile.open(run.chimerax.root / "mean.mrc") as density:
        assert density.header.origin.x == density.header.nxstart == 0
        return float(density.header.cella.x)


def test_models_of_a_trajectory_are_read_by_another_reader(run: RunFiles) -> None:
    structure = gemmi.read_structure(str(run.chimerax.root / "gaussians_pc1.pdb"))
    assert [model.num for model in structure] == [1, 2, 3]
    sizes = {sum(1 for _ in model.all()) for model in structure}
    assert len(sizes) == 1, "ChimeraX reads coordinate sets only from models of the same atoms"
    places = np.array([[row.atom.pos.tolist() for row in model.all()] for model in structure])
    assert np.linalg.norm(places[0] - places[2], axis=-1).max() > 10
    assert all(0 <= row.atom.occ <= 99 for row in structure[0].all())


def test_columns_of_the_pdb_lines_are_where_the_format_wants_them(run: RunFiles) -> None:
    atoms = [
        line
        for line in (run.chimerax.root / "gaussians_pc1.pdb").read_text().splitlines()
        if line.startswith("HETATM")
    ]
    for line in atoms:
        assert len(line) == 78
        assert line[12:16] == " CA "
        assert line[21] in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        assert all(float(line[start : start + 8]) is not None for start in (30, 38, 46))
        assert (float(line[54:60]), float(line[60:66])) >= (0, 0)


def test_states_and_scripts_of_a_landscape_without_model(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path / "no model")
    write_array(run.latents, np.zeros((300, 2), np.float32))
    written = write_all(run)
    commands = commands_of(next(path for path in written if path.stem == "states"))
    assert sum(command.startswith("open") for command in commands) == 3
    figure = commands_of(run.chimerax.script("figure"))
    assert [line.split('"')[1] for line in figure if line.startswith("save")] == [
        "figure_states_tiled.png",
        "figure_states_overlay.png",
    ]


def test_a_script_is_read_on_windows_too(run: RunFiles) -> None:
    for path in run.chimerax.root.glob("*.cxc"):
        assert path.read_bytes().isascii()
        named = re.findall(r'"([^"]+\.(?:mrc|bild|pdb|png|mp4))"', path.read_text())
        assert not [name for name in named if "\\" in name or ":" in name]
