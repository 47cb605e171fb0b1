"""What the open pages of a run hold (baskets, filters, axes, waypoints), kept with the run so that a reload finds it again.

Every part has a name, such as `axes` or `basket.k3f9`, and the version in which it was changed last. The newer change of a part
wins; a page that replaces a change it has not seen is answered which, and the others find it when they ask for what is new.
"""

import json
import threading
from pathlib import Path
from typing import Any, NamedTuple

from gem_plugin.errors import InputError
from gem_plugin.explorer.work_parts import Changes, RunOfWork, fitting, part_name
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.whole_files import write_text_whole

FORMAT = 1
MAXIMUM_PARTS = 1000
MAXIMUM_CHARACTERS = 200_000_000  # of all parts together


class Accepted(NamedTuple):
    """The answer to a page that changed something."""

    version: int  # of the work from now on
    replaced: list[
        str
    ]  # parts that another page had changed meanwhile; this newer change took their position


class CurrentWork:
    """The parts in memory, and their file. Written with `save`, which its caller puts off for a moment."""

    def __init__(self, files: RunFiles, run: RunOfWork) -> None:
        self.files, self.run = files, run
        self.version = 0
        self.notices: list[str] = []  # what of the saved work no longer fits the run
        self.is_saved = True
        self._parts: dict[
            str, tuple[int, str, str]
        ] = {}  # version, value as JSON ("null": removed), and the page that changed it
        self._lock = threading.Lock()
        self._load()

    def changed_since(self, version: int, page: str = "") -> Changes:
        """Parts that other pages changed after a version, those that were removed as None."""
        with self._lock:
            changed = {
                name: value
                for name, (of, value, by) in self._parts.items()
                if of > version and not (page and by == page)
            }
            return Changes(self.version, {name: json.loads(value) for name, value in changed.items()})

    def change(self, seen: int, parts: dict[str, Any], page: str = "") -> Accepted:
        """Take the parts that a page changed, None for those it removed. seen: the version that it knew."""
        texts = {part_name(name): _as_json(name, value) for name, value in parts.items()}
        with self._lock:
            kept = {name: value for name, (_, value, _) in self._parts.items() if name not in texts}
            together = {**kept, **texts}
            there = [name for name, value in together.items() if value != "null"]
            n_characters = sum(map(len, together.values()))
            if len(there) > MAXIMUM_PARTS or n_characters > MAXIMUM_CHARACTERS:
                raise InputError(
                    f"The explorer keeps at most {MAXIMUM_PARTS} baskets and other parts of the work, of "
                    f"{MAXIMUM_CHARACTERS // 1_000_000} MB together. Delete baskets that are no longer needed."
                )
            replaced = [
                name
                for name, text in texts.items()
                if name in self._parts and self._is_news(name, seen, page) and self._parts[name][1] != text
            ]
            self.version += 1
            self._parts |= {name: (self.version, text, page) for name, text in texts.items()}
            self.is_saved = False
            return Accepted(self.version, replaced)

    def _is_news(self, name: str, seen: int, page: str) -> bool:
        version, _, by = self._parts[name]
        return version > seen and by != page

    def save(self) -> None:
        """Write what was changed since the last time."""
        with self._lock:
            if self.is_saved:
                return
            parts = {
                name: json.loads(value) for name, (_, value, _) in self._parts.items() if value != "null"
            }
            self.is_saved = True
        if not self.files.root.is_dir():
            self.is_saved = False
            raise InputError(
                f"The folder of the run, {self.files.root}, is no longer there, so the baskets cannot be kept. Put it back, or stop the explorer."
            )
        content = {"format": FORMAT, "run": self.run._asdict(), "parts": parts}
        try:
            write_text_whole(self.files.explore.work, json.dumps(content) + "\n")
        except BaseException:
            self.is_saved = False
            raise

    def _load(self) -> None:
        path = self.files.explore.work
        if not path.is_file():
            return
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            made_for = RunOfWork(**content["run"])
            found = {part_name(name): value for name, value in content["parts"].items()}
            is_known = content["format"] == FORMAT
        except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
            self._put_aside(path, f"it is damaged or of another version of GEM ({error})")
            return
        if not is_known:
            self._put_aside(path, "it was written by another version of GEM")
            return
        parts, self.notices = fitting(found, made_for, self.run)
        if self.notices:
            self._put_aside(path, "")
        self._parts = {name: (1, json.dumps(value), "") for name, value in parts.items()}
        self.version = 1
        self.is_saved = not self.notices

    def _put_aside(self, path: Path, reason: str) -> None:
        """Nothing is lost: the earlier file stays under another name."""
        numbers = range(1, 10_000)
        kept = next(
            other for number in numbers if not (other := path.with_stem(f"{path.stem}_{number}")).exists()
        )
        path.replace(kept)
        if reason:
            self.notices.append(f"The saved baskets were not opened: {reason}. They are kept in {kept.name}.")
        else:
            self.notices.append(f"All of it is kept in {kept.name}.")


def _as_json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise InputError(
            f"The part {name!r} of the work holds what is not a number ({error}). Load the page again."
        ) from error
