"""`make docs`: the site builds without a warning and without network, and its pages load nothing from outside."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="Sphinx is absent (pip install -e '.[docs]')")
LOADED = re.compile(r"<(?:script|img|iframe)[^>]+src=\"([^\"]+)\"|<link[^>]+href=\"([^\"]+)\"")


@pytest.fixture(scope="module")
def site(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    options = ["-W", "--keep-going", "-q", "-c", "docs", "-b", "html", "-d", str(out / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, ".", str(out / "html")]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return out / "html"


def test_every_page_of_the_docs_is_in_the_contents(repository: Path, site: Path) -> None:
    first = (site / "docs" / "index.html").read_text(encoding="utf-8")
    pages = {page.stem for page in (repository / "docs").glob("*.md")} - {"index"}
    assert len(pages) > 20
    assert not [name for name in pages if f'href="{name}.html"' not in first]
    assert "docs/index.html" in (site / "index.html").read_text(encoding="utf-8")


def test_pages_load_nothing_from_outside(site: Path) -> None:
    outside = []
    for page in site.rglob("*.html"):
        for found in LOADED.finditer(page.read_text(encoding="utf-8")):
            address = found[1] or found[2]
            if "//" in address:
                outside.append(f"{page.name}: {address}")
    assert not outside


def test_the_public_interface_is_described(site: Path) -> None:
    page = (site / "docs" / "api.html").read_text(encoding="utf-8")
    for name in ("fit", "open_run", "Run.landscape", "Selection.write", "States"):
        assert f'id="gem_plugin.api.{name}"' in page or f'.{name}"' in page, name
