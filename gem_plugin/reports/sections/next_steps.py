"""The chapter of report.html on next steps: commands that run as they are printed, for what this run holds."""

import shlex
from html import escape

from gem_plugin.io.run.chimerax_files import ChimeraxFiles
from gem_plugin.io.run.names import state_name
from gem_plugin.reports.chimerax_scripts import what_script_shows
from gem_plugin.reports.sections.html_parts import command_line, gem_command, table
from gem_plugin.reports.sections.relion_commands import (
    RelionState,
    reconstruction_commands,
    refinement_commands,
)
from gem_plugin.results.cryosparc_source import find_cryosparc_source
from gem_plugin.results.particle_file import RelionParticleFile
from gem_plugin.results.run import Run

MAXIMUM_STATES = 3  # the others are the same with another number
PROJECT, WORKSPACE = "P1", "W1"  # where the run does not say


def next_steps_section(run: Run) -> str:
    """Exact commands for RELION, CryoSPARC, ChimeraX and ourselves."""
    root = run.files.root
    parts = []
    states = sorted(run.state_maps)
    if states:
        parts.append("<h3>Particles of chosen states, original rows</h3>")
        parts.append("<p>Combine states with commas, such as 1,3.</p>")
        parts.append(f"<p>{escape(run.checks.in_words(states))}</p>")
        parts.append(command_line(gem_command("select", root, "--states", states[0])))
    if run.is_prepared:
        if run.original.program == RelionParticleFile.program:
            parts += [*_relion(run, states), *_cryosparc_from_star(run, states)]
        else:
            parts += _cryosparc(run, states)
    parts += _maps_from_particles(run)
    parts += _chimerax(run)
    parts.append("<h3>Explore in a browser</h3>" + command_line(gem_command("explore", root)))
    return "".join(parts)


def _relion(run: Run, states: list[int]) -> list[str]:
    """Reconstruction with the poses as they are, then a refinement of the first states."""
    described = [RelionState.of(run, number) for number in states[:MAXIMUM_STATES]]
    described = [state for state in described if state.particles.is_file()]
    if not described:
        return []
    more = (
        f"<p>The same commands work for the other {len(states) - len(described)} states.</p>"
        if len(states) > len(described)
        else ""
    )
    return [
        "<h3>In RELION</h3>",
        "<p>A map of each state with the poses as they are, its half-maps and their resolution (minutes):</p>",
        *(command_line(*reconstruction_commands(state)) for state in described),
        more,
        "<p>A refinement of a state on its own, from its decoded map, with local searches around the known poses "
        "(hours; <code>-n</code> 3 or more processes, an odd number). In the GUI the same is 3D auto-refine with the star "
        "file of the state as input images and the map that is named by <code>--ref</code> as reference:</p>",
        command_line(*refinement_commands(described[0])),
    ]


def _cryosparc_from_star(run: Run, states: list[int]) -> list[str]:
    if not states:
        return []
    state = RelionState.of(run, states[0])
    rows = [
        ("Particle meta path", state.particles),
        ("Particle data path", state.project_folder),
        ("then, with Import 3D Volumes: volume data path", state.mean_map),
    ]
    return [
        "<h3>In CryoSPARC</h3>",
        "<p>These particles came from a star file. Import Particle Stack takes the star file of a state; its decoded map "
        "serves as the initial volume of Homogeneous or Non-uniform Refinement:</p>",
        table(("field of Import Particle Stack", "value"), rows),
    ]


def _cryosparc(run: Run, states: list[int]) -> list[str]:
    source = find_cryosparc_source(run)
    project = source.project if source and source.project else PROJECT
    workspace = source.workspace if source and source.workspace else WORKSPACE
    is_known = source is not None and source.project is not None and source.workspace is not None
    parts = ["<h3>In CryoSPARC</h3>"]
    select = ["gem-cryosparc-select", "--project", project, "--workspace", workspace]
    if states:
        guess = "" if is_known else " Replace the project and workspace by yours."
        parts += [
            f"<p>The particles of a state as an output in the workspace, with their original uids.{guess}</p>",
            command_line(
                shlex.join([*select, "--run", str(run.files.root.absolute()), "--states", str(states[0])])
            ),
            "<p>Without a server: as a file for Import Result Group, whose path the command names (.csg).</p>",
            command_line(
                gem_command(
                    "select",
                    run.files.root,
                    "--states",
                    states[0],
                    "--out",
                    run.files.root.absolute() / f"{state_name(states[0])}.cs",
                )
            ),
        ]
    parts += [
        "<p>All particles with their latents:</p>",
        command_line(gem_command("write-cs", run.files.root, "--out", run.files.particles(".cs").absolute())),
    ]
    return parts


def _maps_from_particles(run: Run) -> list[str]:
    if not run.state_maps or not run.is_prepared:
        return []
    return [
        "<h3>Is a state real?</h3>",
        "<p>Half-maps and resolution of every state, reconstructed from its particles alone, and a random subset for comparison:</p>",
        command_line(gem_command("reconstruct", run.files.root)),
    ]


def _chimerax(run: Run) -> list[str]:
    files = ChimeraxFiles(run.files.chimerax.root.absolute())
    scripts = files.scripts()
    if not scripts:
        return []
    rows = [(path.name, what_script_shows(path.stem)) for path in scripts]
    first = next((path for path in scripts if path.stem == "states"), scripts[0])
    return [
        "<h3>In ChimeraX</h3>",
        f"<p>Scripts in {escape(str(files.root))}; start ChimeraX with one, or choose it with File, Open:</p>",
        command_line(shlex.join(["chimerax", str(first)])),
        f"<details><summary>all {len(scripts)} scripts</summary>{table(('script', 'what it shows'), rows)}</details>",
        *_molstar(files),
    ]


def _molstar(files: ChimeraxFiles) -> list[str]:
    names = [escape(path.name) for path in files.scenes()]
    if not names:
        return []
    return [
        "<h3>In Mol*</h3>",
        f"<p>{' and '.join(names)} in the same folder hold their maps: drag one into molstar.org/viewer; nothing is uploaded.</p>",
    ]
