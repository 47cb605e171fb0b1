"""Port and token of the last start on a run, so that an open page goes on when the explorer is started again.

They are kept in the user's own state folder (XDG_STATE_HOME), in a file that only this user may read, for some days.
"""

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path
from typing import NamedTuple

DAYS_KEPT = 7
SECONDS_OF_A_DAY = 86_400
MINIMUM_TOKEN = 20  # characters


class Address(NamedTuple):
    """Where the page was served."""

    port: int
    token: str


def kept_address(run: Path) -> Address | None:
    """That of the last start; None where there is none, where it is old, or where others could have read it."""
    path = _path(run)
    try:
        found = path.stat()
        content = json.loads(path.read_text(encoding="utf-8"))
        address = Address(int(content["port"]), str(content["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_own = _is_of_this_user(found) and not found.st_mode & 0o077
    is_young = time.time() - found.st_mtime < DAYS_KEPT * SECONDS_OF_A_DAY
    is_usable = 0 < address.port < 65536 and len(address.token) >= MINIMUM_TOKEN
    return address if is_own and is_young and is_usable else None


def _is_of_this_user(found: os.stat_result) -> bool:
    """Windows has no numbers of users; its folder is the user's own."""
    return not hasattr(os, "getuid") or found.st_uid == os.getuid()


def keep_address(run: Path, address: Address) -> None:
    """A folder that cannot be written is no loss: the next start has another token, and the page says so."""
    path = _path(run)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(address._asdict(), file)


def _path(run: Path) -> Path:
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    name = hashlib.sha256(str(run.resolve()).encode()).hexdigest()[:24]
    return Path(state) / "gem-em" / "explore" / f"{name}.json"
