"""The names of the files of a run have one home: io/run (and results, which reads them)."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import gem_plugin.io.run.analyze_files as analyze_files
import gem_plugin.io.run.chimerax_files as chimerax_files
import gem_plugin.io.run.explore_files as explore_files
import gem_plugin.io.run.files as run_files
import gem_plugin.io.run.landscape_files as landscape_files
import gem_plugin.io.run.reconstruct_files as reconstruct_files
import gem_plugin.io.run.state_files as state_files
from gem_plugin.io.run import figure_names

TABLES = (
    run_files.RunFiles,
    analyze_files.AnalyzeFiles,
    analyze_files.KmeansFiles,
    chimerax_files.ChimeraxFiles,
    explore_files.ExploreFiles,
    landscape_files.LandscapeFiles,
    landscape_files.FullLandscapeFiles,
    reconstruct_files.ReconstructFiles,
    state_files.StateFiles,
)
NUMBERED = re.compile(r"^(state|vol|point)_(\*|$|%|\d)")  # the start of state_001, vol_001.mrc, point_001
HOMES = ("gem_plugin/io/run/", "gem_plugin/results/")
OF_OTHER_PROGRAMS = {  # file -> names that it shares with a run, and why
    "gem_plugin/steps/landscape/cryodrgn_layout.py": "writes the folder tree of cryoDRGN under cryoDRGN's names",
    "gem_plugin/steps/simulate/step.py": "a simulated data set is no run: particles.star, consensus.mrc, truth.npz",
    "gem_plugin/steps/simulate/settings.py": "the same",
    "gem_plugin/steps/simulate/tilt_files.py": "the same of tilt series, under the names of RELION and WarpTools",
    "gem_plugin/steps/simulate/tilt_series.py": "the same",
    "gem_plugin/particles/tilt_series/subset.py": "names the particle files of RELION's own jobs",
    "gem_plugin/steps/demo/step.py": "names the simulated data set",
    "gem_plugin/reports/sections/relion_commands.py": "names the files that RELION's own commands write",
    "gem_plugin/io/relion_project.py": "names the particle files of RELION's own jobs",
    "gem_plugin/adapters/cryosparc/inputs.py": "particles that CryoSPARC gave: the input of a run",
}


def names_of_tables() -> set[str]:
    """File names of every table, numbers and names filled in."""
    names: set[str] = set()
    for table in TABLES:
        files = table(Path("RUN"))
        for name, member in inspect.getmembers(table):
            if name.startswith("_"):
                continue
            if isinstance(member, property):
                found = getattr(files, name)
            else:
                wanted = [one for one in inspect.signature(member).parameters.values() if one.name != "self"]
                if not inspect.isfunction(member) or "remove" in name:
                    continue
                found = getattr(files, name)(*(_example(one) for one in wanted))
            names |= {
                path.name
                for path in (found if isinstance(found, tuple | list) else [found])
                if isinstance(path, Path)
            }
    return names


def _example(parameter: inspect.Parameter) -> int | str:
    return 1 if parameter.annotation is int else ".star" if parameter.name == "suffix" else "NAME"


def literals_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string of the code that holds no blank: paths and names, not sentences or docstrings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not re.search(r"\s", node.value)
        ):
            yield node.lineno, node.value


def test_the_tables_know_the_files_that_matter() -> None:
    names = names_of_tables()
    assert {
        "latents.npy",
        "settings.toml",
        "state_001_mean.mrc",
        "umap.npy",
        "maps.csv",
        "labels.npy",
    } <= names
    assert len(names) > 60


def test_no_other_file_holds_the_name_of_a_file_of_a_run(repository: Path) -> None:
    with_ending = {name for name in names_of_tables() if "." in name}
    figures = {value for name, value in vars(figure_names).items() if name.isupper() and value != "training"}
    found = []
    for path in sorted((repository / "gem_plugin").rglob("*.py")):
        place = path.relative_to(repository).as_posix()
        if place.startswith(HOMES) or place in OF_OTHER_PROGRAMS:
            continue
        for line, text in literals_of(path):
            parts = set(text.split("/"))
            if parts & with_ending or text in figures or any(NUMBERED.match(part) for part in parts):
                found.append(f"{place}:{line} {text}")
    assert not found, "Use the tables of gem_plugin/io/run:\n" + "\n".join(found)


def test_only_the_particle_file_asks_whose_particles_they_are(repository: Path) -> None:
    asks = re.compile(r"is_cryosparc|suffix (==|!=|in) \W|\.endswith\(\"\.(star|cs)|suffix\.lower")
    allowed = ("gem_plugin/results/particle_file.py", "gem_plugin/io/")
    found = []
    for path in sorted((repository / "gem_plugin").rglob("*.py")):
        place = path.relative_to(repository).as_posix()
        if place.startswith(allowed):
            continue
        found += [
            f"{place}:{number} {line.strip()}"
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
            if asks.search(line)
        ]
    assert not found, "Ask ParticleFile:\n" + "\n".join(found)
