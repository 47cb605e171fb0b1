"""ChimeraX command scripts as text. ChimeraX runs a .cxc in the script's own folder, so paths are relative to that."""

from collections.abc import Sequence

from gem_plugin.reports.figures.save import colour_of_group

WHAT_SCRIPTS_SHOW = (  # start of the name of a script, what it shows
    ("states", "the mean map of every state, one shown at a time"),
    ("morph_", "the molecule moving along {}, as a movie with a slider"),
    ("colour_by_motion", "the consensus map coloured by motion: how far density moves, in Å"),
    ("colour_by_occupancy", "the consensus map coloured by mean occupancy"),
    (
        "colour_by_amplitude_change",
        "the consensus map coloured by amplitude change: where it is large, the model fades density",
    ),
    ("arrows", "arrows of the largest joint motion on the consensus map"),
    ("gaussians_", "the Gaussians along {} as pseudo-atoms, with a slider"),
)
START = "# models are numbered from 1: start ChimeraX with this script, or open it in an empty ChimeraX"
LEVEL_FRACTION = 0.3  # of the bright level of a map: shows the whole molecule and little noise
MORPH_FRAMES = 20  # between two maps
APPEARANCE = ("set bgColor white", "lighting soft", "graphics silhouettes true", "view")


def what_script_shows(stem: str) -> str:
    """A line on the script with this name."""
    for start, text in WHAT_SCRIPTS_SHOW:
        if stem.startswith(start):
            return text.format(stem.removeprefix(start).replace("_", " ").replace("pc", "latent component "))
    return ""


def states_script(paths: Sequence[str], level: float, badges: Sequence[str]) -> str:
    """All states in one frame, in their colours; one shown, the others a click away."""
    lines = ["# mean map of every state; show another with: hide #1; show #2"]
    for number, (path, badge) in enumerate(zip(paths, badges, strict=True), start=1):
        lines.append(f"# state {number}: {badge}")
        lines.append(f"open {_quoted(path)} id #{number}")
        lines.append(f"volume #{number} level {level:.5g} step 1 color {colour_of_group(number)}")
    lines += [f"hide #{number} models" for number in range(2, len(paths) + 1)]
    return _script(lines)


def morph_script(paths: Sequence[str], level: float) -> str:
    """A movie through the maps of a trajectory, there and back."""
    lines = [f"# the molecule moves along the trajectory; repeat with: volume morph #1-{len(paths)}"]
    lines += [f"open {_quoted(path)} id #{number}" for number, path in enumerate(paths, start=1)]
    lines.append(f"volume #1-{len(paths)} level {level:.5g} color #56B4E9 step 1")
    lines.append(
        f"volume morph #1-{len(paths)} frames {MORPH_FRAMES * max(1, len(paths) - 1)} constantVolume true slider true"
    )
    return _script(lines)


def colour_script(map_path: str, values_path: str, level: float, highest: float, what: str) -> str:
    """The consensus coloured by a map of values from 0 to the highest."""
    lines = [
        f"# the consensus coloured by {what}: dark blue 0, yellow {highest:.3g}",
        f"open {_quoted(map_path)} id #1",
        f"open {_quoted(values_path)} id #2",
        "hide #2 models",
        f"volume #1 level {level:.5g} step 1",
        f"color sample #1 map #2 palette #440154:#3B528B:#21918C:#5EC962:#FDE725 range 0,{highest:.4g}",
        "key #440154:0 #3B528B: #21918C: #5EC962: " + f"#FDE725:{highest:.3g}",
    ]
    return _script(lines)


def arrows_script(map_path: str, arrows_path: str, level: float) -> str:
    """The consensus, transparent, with displacement arrows."""
    lines = [
        "# displacements of the largest joint motion, two standard deviations long",
        f"open {_quoted(map_path)} id #1",
        f"volume #1 level {level:.5g} step 1 color #B0B7BE transparency 0.7",
        f"open {_quoted(arrows_path)} id #2",
    ]
    return _script(lines)


def atoms_script(path: str) -> str:
    """Gaussians of a trajectory as spheres, coloured by their motion."""
    lines = [
        "# the Gaussians of a trajectory as pseudo-atoms; B factor: rms motion in Angstrom",
        f"open {_quoted(path)} coordsets true",
        "style sphere",
        "size atomRadius 2",
        "# to colour by the occupancy in the first model instead: color byattribute occupancy",
        "color byattribute bfactor palette #440154:#3B528B:#21918C:#5EC962:#FDE725",
        "coordset slider #1",
    ]
    return _script(lines)


def _script(lines: Sequence[str]) -> str:
    return "\n".join([START, *lines, *APPEARANCE]) + "\n"


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "/") + '"'
