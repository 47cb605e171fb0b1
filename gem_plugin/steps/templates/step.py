"""templates: copies of the filled-in RELION jobs, the queue scripts and the tested versions that come with the package."""

import sys
from pathlib import Path
from typing import Any

from gem_plugin.errors import InputError
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.progress import Progress
from gem_plugin.steps.templates.settings import TemplatesSettings

PACKAGE = Path(__file__).resolve().parents[2]
TEMPLATES, CONSTRAINTS = "templates", "constraints.txt"
FIRST_LETTERS_OF_PROGRAMS = "fn_exe gem-external-"  # in a job.star


def run_templates(settings: TemplatesSettings, progress: Progress) -> dict[str, Any]:
    """Write relion/, slurm/ and constraints.txt into a folder; InputError where one of them is there already."""
    texts = {CONSTRAINTS: (PACKAGE / CONSTRAINTS).read_text(encoding="utf-8")}
    for template in sorted((PACKAGE / TEMPLATES).glob("*/*")):
        name = template.relative_to(PACKAGE / TEMPLATES).as_posix()
        texts[name] = template.read_text(encoding="utf-8")
    there = [name for name in texts if (settings.out / name).exists()]
    if there:
        raise InputError(
            f"{settings.out / there[0]} is there already. Give another --out, or delete the old copies."
        )
    for name, text in texts.items():
        write_text_whole(settings.out / name, _with_full_paths(text) if settings.full_paths else text)
    progress.say(f"{len(texts)} files in {settings.out}; start with {settings.out / 'relion' / 'README.md'}.")
    return {"files": len(texts)}


def _with_full_paths(text: str) -> str:
    programs = Path(sys.executable).parent
    return text.replace(FIRST_LETTERS_OF_PROGRAMS, f"fn_exe {programs}/gem-external-")
