"""Files of a job that a harsh clean-up may move to the trash: large, no outputs, and made again from the input where needed."""

from pathlib import Path

from gem_plugin.io.run.files import RunFiles

HALVES = (1, 2)


def files_of_harsh_clean_up(job_folder: Path) -> list[str]:
    """The prepared images and the checkpoints of trainings on half-sets; links to an earlier job's files are not its own."""
    run = RunFiles(job_folder)
    large = [run.prepared_images, *(run.half(half).checkpoint for half in HALVES)]
    return [str(path) for path in large if path.is_file() and not path.is_symlink()]
