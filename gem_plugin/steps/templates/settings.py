"""Settings of templates."""

from dataclasses import dataclass
from pathlib import Path

from gem_plugin.settings import setting


@dataclass(frozen=True)
class TemplatesSettings:
    """Where the copies go."""

    out: Path = setting(Path("gem_templates"), "Folder for the copies; must be new or hold none of them.")
    full_paths: bool = setting(
        True,
        "Write the programs of this installation with their whole path, as RELION's GUI does not know your Python environment.",
    )
