"""Preparing a small project in a test, and what was said of it."""

import io

import pytest
from relion_projects import RelionProject

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import WARNING, Notice, listening
from gem_plugin.particles.prepared import PreparedData, load_prepared
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare


def prepared(project: RelionProject, run: RunFiles, **settings) -> PreparedData:
    return prepared_with_notices(project, run, **settings)[0]


def prepared_with_notices(
    project: RelionProject, run: RunFiles, **settings
) -> tuple[PreparedData, list[Notice]]:
    with listening(lambda notice: None) as notices:
        run_prepare(run, PrepareSettings(particles=project.star, **settings), Progress(io.StringIO()))
    return load_prepared(run), notices


def warnings_in(notices: list[Notice]) -> str:
    return "\n".join(notice.sentence for notice in notices if notice.level == WARNING)


def assert_refused(project: RelionProject, run: RunFiles, pattern: str, **settings) -> None:
    """The error is raised, and results of an earlier run are left as they were."""
    earlier = {run.prepared_images: b"earlier images", run.prepared_table: b"earlier table"}
    for path, content in earlier.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(InputError, match=pattern):
        run_prepare(run, PrepareSettings(particles=project.star, **settings), Progress(io.StringIO()))
    assert {path: path.read_bytes() for path in run.prepared_images.parent.iterdir()} == earlier
