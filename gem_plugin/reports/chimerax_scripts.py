"""ChimeraX command scripts as text. ChimeraX runs a .cxc in the script's own folder, so paths are relative to that."""

from collections.abc import Sequence

WHAT_SCRIPTS_SHOW = (  # start of the name of a script, what it shows
    ("states_overlay", "the mean maps of all states on each other, transparent, with a legend"),
    (
        "states",
        "the mean maps of all states side by side, at one density level; change the view with states_overlay, states_tiled",
    ),
    ("movie", "records the motion along the first trajectory as movie.mp4 beside the script"),
    ("figure", "saves panels for a paper beside the script: states, motion, arrows; 600 dpi, transparent"),
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
MORPH_COLOUR = "#56B4E9"
MOVIE_SIZE = (1280, 960)  # pixels
STILL_FRAMES = 12  # before and after the motion: the eye needs a start, and encoding blurs a moving end
PALETTE = "#440154:#3B528B:#21918C:#5EC962:#FDE725"  # viridis
APPEARANCE = ("set bgColor white", "lighting soft", "graphics silhouettes true")


def what_script_shows(stem: str) -> str:
    """A line on the script with this name."""
    for start, text in WHAT_SCRIPTS_SHOW:
        if stem.startswith(start):
            return text.format(stem.removeprefix(start).replace("_", " ").replace("pc", "latent component "))
    return ""


def morph_script(paths: Sequence[str], level: float) -> str:
    """A movie through the maps of a trajectory, there and back."""
    lines = [
        f"# the molecule moves along the trajectory; repeat with: volume morph #1-{len(paths)}",
        *_opened_series(paths, level),
        _morph_command(len(paths), "slider true"),
    ]
    return script_text(lines)


def movie_script(paths: Sequence[str], level: float) -> str:
    """Record the motion through the maps of a trajectory, there and back, into movie.mp4; then the script ends."""
    width, height = MOVIE_SIZE
    lines = [
        "# records movie.mp4 beside this script; with the option --exit ChimeraX closes afterwards",
        *_opened_series(paths, level),
        *APPEARANCE,
        f"windowsize {width} {height}",
        "view",
        f"movie record size {width},{height} supersample 2",
        f"wait {STILL_FRAMES}",
        _morph_command(len(paths), "slider false"),
        f"wait {2 * _steps(len(paths)) + STILL_FRAMES}",
        'movie encode output "movie.mp4" format h264 quality high framerate 25 wait true',
    ]
    return "\n".join([START, *lines]) + "\n"


def _opened_series(paths: Sequence[str], level: float) -> list[str]:
    opened = [open_command(path, number) for number, path in enumerate(paths, start=1)]
    return [*opened, f"volume #1-{len(paths)} level {level:.5g} color {MORPH_COLOUR} step 1"]


def _steps(n_maps: int) -> int:  # of a morph, from the first map to the last
    return MORPH_FRAMES * max(1, n_maps - 1)


def _morph_command(n_maps: int, slider: str) -> str:
    """There and back once: playStep is the fraction of the way of one frame."""
    steps = _steps(n_maps)
    return (
        f"volume morph #1-{n_maps} frames {2 * steps} playStep {1 / steps:.6g} constantVolume true {slider}"
    )


def colour_script(map_path: str, values_path: str, level: float, highest: float, what: str) -> str:
    """The consensus coloured by a map of values from 0 to the highest."""
    about = f"# the consensus coloured by {what}: dark blue 0, yellow {highest:.3g}"
    return script_text([about, *colour_commands(map_path, values_path, level, highest)])


def colour_commands(map_path: str, values_path: str, level: float, highest: float) -> list[str]:
    """Open both maps, colour the first by the second, and show the key."""
    first, *middle, last = PALETTE.split(":")
    return [
        open_command(map_path, 1),
        open_command(values_path, 2),
        "hide #2 models",
        f"volume #1 level {level:.5g} step 1",
        f"color sample #1 map #2 palette {PALETTE} range 0,{highest:.4g}",
        f"key {first}:0 {' '.join(f'{colour}:' for colour in middle)} {last}:{highest:.3g}",
    ]


def arrows_script(map_path: str, arrows_path: str, level: float) -> str:
    """The consensus, transparent, with displacement arrows."""
    about = "# displacements of the largest joint motion, two standard deviations long"
    return script_text([about, *arrows_commands(map_path, arrows_path, level)])


def arrows_commands(map_path: str, arrows_path: str, level: float) -> list[str]:
    """The map, grey and transparent, with arrows in it."""
    return [
        open_command(map_path, 1),
        f"volume #1 level {level:.5g} step 1 color #B0B7BE transparency 0.7",
        open_command(arrows_path, 2),
    ]


def atoms_script(path: str) -> str:
    """Gaussians of a trajectory as spheres, coloured by their motion."""
    lines = [
        "# the Gaussians of a trajectory as pseudo-atoms; B factor: rms motion in Angstrom",
        f"open {quoted(path)} coordsets true",
        "style sphere",
        "size atomRadius 2",
        "# to colour by the occupancy in the first model instead: color byattribute occupancy",
        "color byattribute bfactor palette " + PALETTE,
        "coordset slider #1",
    ]
    return script_text(lines)


def script_text(lines: Sequence[str], view: bool = True) -> str:
    """The commands with the look that all scripts share; view: fit all into the window at the end."""
    first = [line for line in lines if line.startswith("#")]
    commands = [line for line in lines if not line.startswith("#")]
    return "\n".join([START, *first, *APPEARANCE, *commands, *(["view"] if view else [])]) + "\n"


def open_command(path: str, model: int, name: str = "") -> str:
    """Open a file as the model of this number, and name it."""
    return f"open {quoted(path)} id #{model}" + (f" name {quoted(name)}" if name else "")


def quoted(text: str) -> str:
    """A path or a text as ChimeraX reads it on every system: between double quotes, with / between folders."""
    return '"' + text.replace("\\", "/") + '"'
