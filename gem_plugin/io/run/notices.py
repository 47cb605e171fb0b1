"""warnings.json: what each finished step warned about, {step: [{level, sentence}]}."""

import json
from collections.abc import Iterable

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole
from gem_plugin.notices import LEVELS, Notice


def read_notices(run: RunFiles) -> dict[str, list[Notice]]:
    """By step; empty where there is nothing to say."""
    if not run.warnings.is_file():
        return {}
    try:
        content = json.loads(run.warnings.read_text(encoding="utf-8"))
        return {
            str(step): [Notice(_level(one["level"]), str(one["sentence"])) for one in notices]
            for step, notices in content.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{run.warnings} is damaged ({error}). Delete it; the warnings of finished steps are in {run.log.name} too."
        ) from error


def write_notices(run: RunFiles, notices: dict[str, list[Notice]]) -> None:
    """Replace the record; no file where there is nothing to say."""
    plain = {step: [one._asdict() for one in of_step] for step, of_step in notices.items() if of_step}
    if plain:
        write_text_whole(run.warnings, json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
    else:
        run.warnings.unlink(missing_ok=True)


def record_notices(run: RunFiles, step: str, notices: list[Notice]) -> None:
    """Those of one step, in place of what it said the last time."""
    known = read_notices(run)
    if notices or step in known:
        write_notices(run, {**known, step: notices})


def forget_notices(run: RunFiles, steps: Iterable[str]) -> None:
    """Those of steps whose results are stale."""
    known = read_notices(run)
    kept = {step: notices for step, notices in known.items() if step not in steps}
    if kept != known:
        write_notices(run, kept)


def _level(text: str) -> str:
    if text not in LEVELS:
        raise ValueError(f"no level {text}")
    return text
