"""The wheel and the source distribution of this checkout, made from a copy of its files: python distributions.py FOLDER"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = """
import sys
from setuptools import build_meta
folder = sys.argv[1]  # setuptools changes the arguments
build_meta.build_wheel(folder)
build_meta.build_sdist(folder)
"""


def make_distributions(folder: Path) -> tuple[Path, Path]:
    """(wheel, source distribution), made by the setuptools of this Python; nothing is fetched, the checkout is left as it is."""
    source, made = folder / "source", folder / "made"
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    for name in filter(None, os.fsdecode(listing.stdout).split("\0")):
        if os.path.lexists(REPOSITORY / name):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, source / name, follow_symlinks=False)
    made.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", BUILD, str(made)],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (wheel,), (sdist,) = made.glob("*.whl"), made.glob("*.tar.gz")
    return wheel, sdist


if __name__ == "__main__":
    print(*make_distributions(Path(sys.argv[1])))
