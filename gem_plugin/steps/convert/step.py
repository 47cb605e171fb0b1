"""convert: a CryoSPARC data set or subset as a RELION star file, and a star file back as a CryoSPARC subset."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import starfile

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import read_rows
from gem_plugin.io.cryosparc.groups import write_particle_group
from gem_plugin.io.cryosparc.jobs import CryosparcParticles, read_cryosparc
from gem_plugin.io.mrc.header import read_mrc_header
from gem_plugin.io.mrc.stack_links import (
    check_links,
    link_stacks,
    mrcs_name,
    stack_targets,
    write_inverted_stacks,
)
from gem_plugin.io.new_files import check_nothing_is_lost
from gem_plugin.io.project_folder import find_stacks
from gem_plugin.io.star.particles import RelionFile, read_relion_file
from gem_plugin.io.whole_files import whole_file
from gem_plugin.particles.cryosparc_to_relion import not_carried_over, relion_tables
from gem_plugin.particles.from_cryosparc import stack_names
from gem_plugin.particles.relion_optics import LABELS as OPTICS_LABELS
from gem_plugin.particles.relion_to_cryosparc import COLUMNS_THAT_SAY_WHICH, rows_in_star
from gem_plugin.progress import Progress
from gem_plugin.results.image_search import image_search, report_found_stacks
from gem_plugin.results.particle_file import CryosparcParticleFile, RelionParticleFile, program_of
from gem_plugin.settings import check_settings
from gem_plugin.steps.convert.settings import ConvertSettings

RELION, CRYOSPARC = RelionParticleFile.program, CryosparcParticleFile.program
FLOAT_FORMAT = "%.9g"  # enough digits to give every float32 back


def run_convert(settings: ConvertSettings, progress: Progress) -> dict[str, Any]:
    """Convert by the endings of the two names."""
    check_settings(settings)
    _check_search_has_effect(settings)
    if settings.particles is None or settings.out is None:
        missing = "--particles" if settings.particles is None else "--out"
        raise InputError(
            f"{missing} is missing. Expected --particles J42/ --out NAME.star, or a .star and --out NAME.cs."
        )
    source, target = program_of(settings.particles), program_of(settings.out)
    if target == RELION and source != RELION:
        return _to_star(settings, settings.particles, settings.out, progress)
    if source == RELION and target == CRYOSPARC:
        return _to_cs(settings, settings.particles, settings.out, progress)
    raise InputError(
        f"Cannot convert {settings.particles} to {settings.out}: expected CryoSPARC particles and --out NAME.star, "
        "or a .star file, --original and --out NAME.cs."
    )


def _check_search_has_effect(settings: ConvertSettings) -> None:
    """Settings that say where images are have a meaning only where images are looked for."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("project_folder", "datadir", "strip_prefix")
        if getattr(settings, name) is not None
    ]
    if not given:
        return
    if settings.original is not None:
        raise InputError(
            f"{given[0]} has no effect beside --original: no image is read on the way to CryoSPARC. Leave it out."
        )
    if settings.stacks == "name":
        raise InputError(
            f"{given[0]} has no effect beside --stacks name, which looks for no image. Leave one of the two out."
        )


def _to_star(settings: ConvertSettings, source: Path, out: Path, progress: Progress) -> dict[str, Any]:
    inputs = [source, *([] if settings.rows is None else [settings.rows])]
    check_nothing_is_lost([out], settings.overwrite, inputs)
    with progress.waiting(f"reading {source.name}"):
        particles = read_cryosparc(source)
        rows = particles.rows
        if settings.rows is not None:
            rows = rows[read_rows(settings.rows, len(rows))]
        tables = relion_tables(rows, particles.source, settings.strict)
    _say_not_carried_over(progress, out, not_carried_over(rows, tables))
    with _new_stacks_removed_by_an_error() as made:
        names_in_star = _prepare_stacks(settings, out, particles, rows, made, progress)
        with progress.waiting(f"writing {out.name}"), whole_file(out) as temporary:
            images = tables["particles"]["rlnImageName"].str.split("@", n=1, expand=True)
            tables["particles"]["rlnImageName"] = images[0] + "@" + images[1].map(names_in_star)
            starfile.write(tables, temporary, float_format=FLOAT_FORMAT)
    if settings.stacks != "white":
        _say_where_images_are_dark(rows, progress)
    return {"particles": len(rows), "optics_groups": len(tables["optics"]), "star": str(out)}


def _say_where_images_are_dark(rows: np.ndarray, progress: Progress) -> None:
    n_dark = int((rows["blob/sign"] < 0).sum()) if "blob/sign" in (rows.dtype.names or ()) else 0
    if 0 < n_dark < len(rows):
        progress.warn(
            f"{n_dark} of {len(rows)} images are dark on light (blob/sign -1), the others white; RELION expects white "
            "particles in all. Convert the two sets apart with --rows, the dark one with --stacks white, and join the star files."
        )
    elif n_dark:
        progress.say(
            "The images are dark on light (blob/sign -1), RELION expects white particles: convert with --stacks white, "
            "or invert them with relion_image_handler --multiply_constant -1."
        )


def _say_not_carried_over(progress: Progress, out: Path, names: Sequence[str]) -> None:
    if names:
        progress.say(f"Not carried over into {out.name}: {', '.join(names)}.")


@contextlib.contextmanager
def _new_stacks_removed_by_an_error() -> Iterator[list[Path]]:
    """Give a list for the stacks, then the folders, that are about to be made; after an error they are removed."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in made:
            if path.is_dir():
                with contextlib.suppress(OSError):  # something else is in it by now
                    path.rmdir()
            else:
                path.unlink(missing_ok=True)
        raise


def _prepare_stacks(
    settings: ConvertSettings,
    out: Path,
    particles: CryosparcParticles,
    rows: np.ndarray,
    made: list[Path],  # filled with the stacks and folders that were not there before
    progress: Progress,
) -> dict[str, str]:
    """Link, copy or only name the stacks; the names to use in the star file by the original ones."""
    names = list(dict.fromkeys(stack_names(rows).tolist()))
    if settings.stacks == "name":
        return {name: mrcs_name(name) for name in names}
    with progress.waiting("stacks of the images"):
        found = find_stacks(names, particles.source, image_search(settings), particles.image_folder)
    report_found_stacks(found, progress)
    _check_boxes(rows, found.paths, particles.source, progress)
    folder = settings.stack_folder or out.with_name(out.stem + "_stacks")
    targets = stack_targets(found.paths, folder)
    is_white = settings.stacks == "white"
    if is_white:
        _check_all_dark(rows, particles.source)
        check_nothing_is_lost(list(targets.values()), settings.overwrite, found.paths.values(), named=folder)
    else:
        check_links(found.paths, targets, settings.overwrite)
    made += [path for path in targets.values() if not (path.exists() or path.is_symlink())]
    folders = {one for path in targets.values() for one in path.parents if not one.exists()}
    made += sorted(folders, reverse=True)
    if is_white:
        write_inverted_stacks(found.paths, targets, float(rows["blob/psize_A"][0]), progress)
    else:
        link_stacks(found.paths, targets, progress.track)
    return {name: os.path.relpath(path) for name, path in targets.items()}


def _check_boxes(rows: np.ndarray, stack_paths: Mapping[str, Path], source: Path, progress: Progress) -> None:
    """The stacks must have the box that the rows give, which the star file repeats."""
    _, first_rows = np.unique(rows["blob/path"], return_index=True)
    firsts = rows[first_rows]
    for name, row in progress.track(
        list(zip(stack_names(firsts).tolist(), firsts)), "headers of stacks", unit="stack"
    ):
        found, expected = read_mrc_header(stack_paths[name]).shape[1:], tuple(row["blob/shape"].tolist())
        if found != expected:
            raise InputError(
                f"{stack_paths[name]} has images of {found[0]} x {found[1]} pixels, expected {expected[0]} x {expected[1]} as in "
                f"{source}. Extract or downsample these particles again."
            )


def _check_all_dark(rows: np.ndarray, source: Path) -> None:
    if "blob/sign" in (rows.dtype.names or ()) and np.any(rows["blob/sign"] > 0):
        raise InputError(f"{source}: some images are white already (blob/sign 1). Use --stacks link.")


def _to_cs(settings: ConvertSettings, star: Path, out: Path, progress: Progress) -> dict[str, Any]:
    if settings.original is None:
        raise InputError(
            f"{star}: a star file alone has no CryoSPARC uids. "
            "Name the job that the particles came from: --original J42/."
        )
    with progress.waiting(f"writing {out.name}"):
        original = CryosparcParticleFile(settings.original)
        inputs = [*original.input_files, star, *([] if settings.rows is None else [settings.rows])]
        check_nothing_is_lost(original.files_of(out), settings.overwrite, inputs)
        particles = read_cryosparc(settings.original)
        chosen = rows_in_star(particles, star)
        if settings.rows is not None:
            chosen = chosen[read_rows(settings.rows, len(chosen))]
        text = f"{len(chosen)} of {len(particles)} particles of {particles.source.name}, by {star.name}"
        csg = write_particle_group(out, particles, chosen, "Selected in RELION", text)
    labels = _labels_not_carried_over(read_relion_file(star))
    progress.say(
        f"{out.name} holds the rows of {particles.source.name} as they are; {star.name} says only which."
    )
    _say_not_carried_over(progress, out, labels)
    progress.say(f"In CryoSPARC: Import Result Group, group path {csg.absolute()}")
    return {"particles": len(chosen), "cs": str(out), "csg": str(csg)}


def _labels_not_carried_over(file: RelionFile) -> list[str]:
    """Columns of the particles, and the aberrations and magnification of data_optics, that CryoSPARC's rows keep their own of."""
    of_optics = (
        [] if file.optics is None else [label for label in file.optics.labels if label in OPTICS_LABELS]
    )
    of_particles = [label for label in file.particles.labels if label not in COLUMNS_THAT_SAY_WHICH]
    return [label[1:] for label in dict.fromkeys([*of_particles, *of_optics])]
