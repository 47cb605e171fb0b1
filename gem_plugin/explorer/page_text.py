"""The page of the explorer as one text: its own scripts and styles inside, nothing fetched from elsewhere."""

from functools import cache
from importlib.resources import files

from gem_plugin.errors import InputError
from gem_plugin.reports.sections.html_parts import page_resource

SHARED_SCRIPTS = ("colours.js", "axes.js")  # of the report
SCRIPTS = (
    "server.js",
    "graphics_card.js",
    "scatter.js",
    "points_webgl.js",
    "points_pixels.js",
    "selecting.js",
    "surface_view.js",
    "pictures.js",
    "filters.js",
    "masks.js",
    "grouping.js",
    "travel.js",
    "sessions.js",
    "mouse.js",
    "molecule.js",
    "explore.js",
)
LIBRARIES = ("ngl.js",)  # page/libraries/README.md says what they are
CONTENT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src 'self'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
)


@cache
def page_text() -> str:
    """The whole page."""
    text = _resource("explore.html")
    scripts = [page_resource(name) for name in SHARED_SCRIPTS] + [_resource(name) for name in SCRIPTS]
    return text.replace("/*STYLE*/", _resource("explore.css")).replace("/*SCRIPT*/", "\n".join(scripts))


@cache
def library_text(name: str) -> str:
    """A library of the page, as its authors published it."""
    if name not in LIBRARIES:
        raise InputError(f"There is no library {name[:80]!r}; the page has {', '.join(LIBRARIES)}.")
    return _resource(f"libraries/{name}")


def _resource(name: str) -> str:
    return files("gem_plugin.explorer").joinpath("page", name).read_text(encoding="utf-8")
