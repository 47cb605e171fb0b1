"""Settings of explore."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class ExploreSettings:
    """How to open the page."""

    port: int = setting(
        0, "Port on 127.0.0.1; 0 takes a free one. Give one for an ssh tunnel.", minimum=0, maximum=65535
    )
    table: Path | None = setting(
        None,
        "Own csv file with a header and one row per particle, in the input's order; its columns are shown too.",
    )
    browser: bool = setting(True, "Open the page in the browser of this machine.")
