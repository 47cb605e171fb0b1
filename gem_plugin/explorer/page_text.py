"""The page of the explorer as one text: its own scripts and styles inside, nothing fetched from elsewhere."""

from functools import cache
from importlib.resources import files

from gem_plugin.errors import InputError
from gem_plugin.reports.glossary import GLOSSARY, terms_html
from gem_plugin.reports.page_scripts import joined_scripts
from gem_plugin.reports.sections.html_parts import page_resource

LIBRARIES = ("ngl.js",)  # page/libraries/README.md says what they are
CONTENT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "connect-src 'self'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
)


@cache
def page_text() -> str:
    """The whole page."""
    text = _resource("explore.html")
    scripts = joined_scripts("explorer/page/explore.js")
    text = text.replace("<!--TERMS-->", terms_html(GLOSSARY))
    style = page_resource("house.css") + _resource("explore.css")
    return text.replace("/*STYLE*/", style).replace("/*SCRIPT*/", scripts)


@cache
def library_text(name: str) -> str:
    """A library of the page, as its authors published it."""
    if name not in LIBRARIES:
        raise InputError(f"There is no library {name[:80]!r}; the page has {', '.join(LIBRARIES)}.")
    return _resource(f"libraries/{name}")


def _resource(name: str) -> str:
    return files("gem_plugin.explorer").joinpath("page", name).read_text(encoding="utf-8")
