"""From which CryoSPARC job the particles of a run come, as far as files show: so that chosen ones can go back there."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.results.particle_file import CryosparcParticleFile
from gem_plugin.results.run import Run

JOB_NUMBER = re.compile(r"(?:^|_)(J\d+)(?:_|\.|$)")
PROJECT_NUMBER = re.compile(r"(?:^|_)(P\d+)(?:_|$)")
NAMED_GROUP = re.compile(
    r"(?:.*_)?(J\d+)_(particles_(?!exported\.)\w+?)(?:_exported)?\.csg?"
)  # J5_particles_class_1.csg
LEVELS_TO_THE_PROJECT = 5  # folders above the particle file in which its job and project are looked for


@dataclass(frozen=True)
class CryosparcSource:
    """Where the particles are in CryoSPARC; None is what could not be found out."""

    project: str | None  # "P3"
    workspace: str | None  # "W1"
    sources: tuple[
        str, ...
    ]  # outputs that may hold the particles, the nearest first: "J50", "J42.particles_class_1"


def find_cryosparc_source(run: Run) -> CryosparcSource | None:
    """What an external job wrote down, and what the names of files say; None when the run started from a star file."""
    particle_file = run.origin.particle_file
    if run.original.program != CryosparcParticleFile.program:
        return None
    from_names = _source_from_names(particle_file)
    written = _read_json(run.files.cryosparc_source)
    if not written:
        return from_names
    sources = tuple(dict.fromkeys([*map(str, written.get("sources", [])), *from_names.sources]))
    source = CryosparcSource(written.get("project"), written.get("workspace"), sources)
    return replace(source, project=source.project or from_names.project)


def write_cryosparc_source(run: RunFiles, source: CryosparcSource) -> None:
    """Leave a note for find_cryosparc_source."""
    write_text_whole(run.cryosparc_source, json.dumps(asdict(source), indent=1) + "\n")


def _source_from_names(particle_file: Path) -> CryosparcSource:
    """P3 and J42 from names such as J42/J42_011_particles.cs or P3_J42_nonuniform/J42_particles/, or CryoSPARC's notes."""
    group = NAMED_GROUP.fullmatch(particle_file.name)
    above = [particle_file, *particle_file.absolute().parents[:LEVELS_TO_THE_PROJECT]]
    jobs = [found[1] for path in above if (found := JOB_NUMBER.search(path.name))]
    projects = [found[1] for path in above if (found := PROJECT_NUMBER.search(path.name))]
    source = f"{group[1]}.{group[2]}" if group else jobs[0] if jobs else None
    project = projects[0] if projects else next(_noted_projects(above), None)
    return CryosparcSource(project, None, () if source is None else (source,))


def _noted_projects(folders: list[Path]) -> Iterator[str]:
    """Project numbers in the job.json and project.json that CryoSPARC keeps in its folders."""
    for folder in folders:
        for name, key in (("job.json", "project_uid"), ("project.json", "uid")):
            uid = _read_json(folder / name).get(key)
            if isinstance(uid, str) and re.fullmatch(r"P\d+", uid):
                yield uid


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
