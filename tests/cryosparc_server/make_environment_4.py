"""Make an environment with cryosparc-tools 4.7.1 over the packages of the running Python: python make_environment_4.py FOLDER

The two generations cannot live in one environment. The new one holds only 4.7.1; torch and the rest come from here.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

VERSION = "4.7.1"


def make_environment(folder: Path) -> Path:
    """Give the Python of the environment, made if it is not there yet."""
    python = folder / "bin" / "python"
    if not (folder / "finished").is_file():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", f"cryosparc-tools=={VERSION}"]
        subprocess.run(install, check=True, capture_output=True, text=True, timeout=300)
        site_packages = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        here = sysconfig.get_path("purelib")
        (Path(site_packages) / "packages_of_the_tests.pth").write_text(
            f"import site; site.addsitedir({here!r})\n"
        )
        (folder / "finished").touch()
    return python


if __name__ == "__main__":
    print(make_environment(Path(sys.argv[1])))
