"""Make an environment with ccpem-pipeliner 1.6.1 and this package over the packages of the running Python:
python make_environment.py FOLDER WHEEL

The pipeliner pins other versions of some packages, which are installed only there; torch and the rest come from here.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

PIPELINER = "ccpem-pipeliner==1.6.1"


def make_environment(folder: Path, wheel: Path) -> Path:
    """Give the Python of the environment."""
    python = folder / "bin" / "python"
    venv.create(folder, with_pip=True, clear=True)
    found = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    here = sysconfig.get_path("purelib")
    link = Path(found.strip()) / "packages_of_the_tests.pth"
    link.write_text(f"import site; site.addsitedir({here!r})\n")
    _run(python, "-m", "pip", "install", "--quiet", PIPELINER)
    _run(
        python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", str(wheel)
    )
    return python


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return done.stdout


if __name__ == "__main__":
    print(make_environment(Path(sys.argv[1]), Path(sys.argv[2])))
