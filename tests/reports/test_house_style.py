"""The colours that report and explorer share: text and controls have the contrast that WCAG 2 asks for, light and dark."""

import re
from importlib.resources import files
from itertools import product

import pytest

from gem_plugin.reports.sections.html_parts import page_resource

TEXT = 4.5  # WCAG 2 AA
LARGE_OR_GRAPHICAL = 3.0
GROUNDS = ("paper", "panel", "raised")
PAIRS = [
    *((text, ground, TEXT) for text, ground in product(("ink", "soft", "link", "mark"), GROUNDS)),
    *(("ink", ground, TEXT) for ground in ("good", "bad", "unsure", "plain", "warning", "error", "fine")),
    *((edge, ground, LARGE_OR_GRAPHICAL) for edge, ground in product(("edge", "accent"), GROUNDS)),
    *((edge, "paper", LARGE_OR_GRAPHICAL) for edge in ("warning-edge", "fine-edge", "note-edge")),
    ("bars", "paper", 2.8),  # bars of a histogram, beside its numbers
    ("on-accent", "accent", TEXT),
    ("error-ink", "error", TEXT),
    ("on-tip", "tip", TEXT),
]


def colours_of(selector: str) -> dict[str, str]:
    """Names and #rrggbb of a block of house.css."""
    _, _, rest = page_resource("house.css").partition(f"{selector} {{")
    assert rest, f"house.css has no block {selector}"
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rest.partition("}")[0]))


LIGHT = colours_of(":root")
DARK = colours_of(':root[data-theme="dark"]')


def luminance(colour: str) -> float:
    """Relative luminance of sRGB, as WCAG 2 defines it."""
    fractions = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in fractions
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_controls_and_marks_stand_out_from_their_ground(theme: str) -> None:
    colours = LIGHT if theme == "light" else DARK
    low = {
        f"{front} on {ground}": round(found, 2)
        for front, ground, wanted in PAIRS
        if (found := contrast(colours[front], colours[ground])) < wanted
    }
    assert low == {}


def test_dark_is_the_same_by_the_system_and_by_the_button() -> None:
    by_system = colours_of(':root:not([data-theme="light"])')
    assert by_system == DARK
    assert set(DARK) == set(LIGHT)


def test_canvases_have_the_colours_of_the_style_sheet() -> None:
    script = page_resource("house_theme.js")
    _, _, rest = script.partition("LIGHT_COLOURS = {")
    colours = dict(re.findall(r"(\w+): \"(#[0-9a-f]{6})\"", rest.partition("}")[0]))
    assert colours
    assert colours == {name: LIGHT[name] for name in colours}


@pytest.mark.parametrize("name", ["report.css", "explore.css"])
def test_colours_of_text_and_ground_come_from_the_shared_sheet(name: str) -> None:
    """Pictures of maps are on black or white in both themes."""
    page = "explorer" if name == "explore.css" else "reports"
    text = files(f"gem_plugin.{page}").joinpath("page", name).read_text(encoding="utf-8")
    own = set(re.findall(r"#[0-9a-fA-F]{3,6}\b(?=[^{}]*;)", text))
    assert own <= {"#000", "#fff"}
