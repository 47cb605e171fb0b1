"""The documentation site: `make docs` builds it with Sphinx, without network. The pages are those that a reader of the repository sees.

The source folder is the repository, so that links between pages work in both places. The table of contents is read from the headings
and links of index.md.
"""

import re
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from gem_plugin.version import __version__  # noqa: E402

project = "GEM"
author = copyright = "the GEM authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "README.md",
    "CHANGELOG.md",
    "benchmarks/*.md",
    "benchmarks/truth/README.md",
    "templates/relion/README.md",
]
exclude_patterns = ["docs/site/**"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"GEM {__version__}"
html_show_sphinx = False
html_copy_source = False
HEADING_OR_LINK = re.compile(r"^## (?P<heading>.+)$|\]\((?P<page>[^)#]+)\.md\)", re.MULTILINE)
FIRST_PAGE = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=docs/index.html"><title>GEM</title><a href="docs/index.html">GEM</a>\n'


def add_contents(app: Any, page: str, source: list[str]) -> None:
    """Append the tables of contents to the first page: one for each of its headings, of the pages linked below it."""
    if page != root_doc:
        return
    lists: dict[str, list[str]] = {}
    heading = ""
    for found in HEADING_OR_LINK.finditer(source[0]):
        heading = found["heading"] or heading
        if found["page"] and heading:
            name = found["page"]
            name = name.removeprefix("../") if name.startswith("../") else f"docs/{name}"
            lists.setdefault(heading, []).append("/" + name)
    for heading, pages in lists.items():
        listed = "\n".join(dict.fromkeys(pages))
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{listed}\n```\n"


def write_first_page(app: Any, error: Exception | None) -> None:
    """The address of the site's folder leads to its first page."""
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / "index.html").write_text(FIRST_PAGE, encoding="utf-8")


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("source-read", add_contents)
    app.connect("build-finished", write_first_page)
