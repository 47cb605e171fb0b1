"""Figures of how far the particles themselves resolve each map: half-map FSC and local resolution."""

from pathlib import Path

import numpy as np

from gem_plugin.imaging.resolution import RESOLUTION_FSC
from gem_plugin.reports.figures.save import (
    OKABE_ITO,
    SEQUENTIAL,
    SMALL_TEXT_SIZE,
    TEXT_SIZE,
    THIN_LINE,
    add_colour_bar,
    new_figure,
    save_figure,
)

LINE_STYLES = ("-", "--", ":", "-.")  # a second sign when the colours repeat
MAXIMUM_CURVES = 24
MAPS_IN_A_ROW, VIEW_MARGIN = 2, 1.15
COLOUR_RANGE = (0.02, 0.98)  # of the local resolutions


def draw_shell_correlations(stem: Path, curves: dict[str, dict[str, np.ndarray]]) -> list[Path]:
    """Corrected half-map FSC of each map, and FSC of decoded and reconstructed map where there is one."""
    has_decoded = any("decoded_against_reconstructed" in columns for columns in curves.values())
    figure, panels = new_figure(2 if has_decoded else 1, height_of_panel=0.85)
    _draw_panel(panels[0, 0], curves, "corrected", "half-map FSC in the mask", RESOLUTION_FSC)
    if has_decoded:
        _draw_panel(
            panels[0, 1], curves, "decoded_against_reconstructed", "FSC of decoded and reconstructed map", 0.5
        )
    panels[0, 0].legend(fontsize=SMALL_TEXT_SIZE, ncols=1 + len(curves) // 8)
    return save_figure(figure, stem)


def draw_local_resolution(
    stem: Path, maps: dict[str, tuple[np.ndarray, np.ndarray]], pixel_size_in_angstroms: float
) -> list[Path]:
    """A section of each (map, local resolution) in grey, and beside it the resolution in colour: two maps a row."""
    inside = np.concatenate([found[found > 0] for _, found in maps.values()] + [np.zeros(0)])
    limits = np.quantile(inside, COLOUR_RANGE) if len(inside) else (0.0, 1.0)
    measured = np.sum([found > 0 for _, found in maps.values()], axis=0)
    plane = int(measured.sum(axis=(1, 2)).argmax())  # the one that goes through most of the molecule
    half_width = len(measured) * pixel_size_in_angstroms / 2
    reach = min(half_width, _reach(measured) * pixel_size_in_angstroms)
    extent = (-half_width, half_width, -half_width, half_width)
    n_columns = 2 * MAPS_IN_A_ROW if len(maps) > 1 else 2
    figure, panels = new_figure(n_columns, -(-2 * len(maps) // n_columns), height_of_panel=1.1)
    image, panels_in_order = None, panels.ravel()
    for number, (name, (volume, found)) in enumerate(maps.items()):
        grey, coloured = panels_in_order[2 * number : 2 * number + 2]
        grey.imshow(volume[plane], cmap="gray", origin="lower", extent=extent)
        grey.set_title(name.replace("_", " "), fontsize=TEXT_SIZE)
        section = np.ma.masked_equal(found[plane], 0)
        image = coloured.imshow(
            section, cmap=SEQUENTIAL, origin="lower", extent=extent, vmin=limits[0], vmax=limits[1]
        )
        coloured.set_title("local resolution", fontsize=TEXT_SIZE)
        for axes in (grey, coloured):
            axes.set_xlim(-reach, reach)
            axes.set_ylim(-reach, reach)
            axes.set_xlabel("x (Å)")
        grey.set_ylabel("y (Å)")
    for axes in panels_in_order[2 * len(maps) :]:
        axes.remove()
    if image is not None:
        add_colour_bar(figure, image, panels_in_order[: 2 * len(maps)].tolist(), "local resolution (Å)")
    return save_figure(figure, stem)


def _reach(measured: np.ndarray) -> int:
    """Pixels from the centre that show all that was measured, with a margin."""
    positions = np.argwhere(measured) - len(measured) // 2
    return int(np.abs(positions).max(initial=1) * VIEW_MARGIN)


def _draw_panel(axes, curves, column: str, label: str, threshold: float) -> None:  # type: ignore[no-untyped-def]
    for number, (name, columns) in enumerate(list(curves.items())[:MAXIMUM_CURVES]):
        if column not in columns:
            continue
        colour, style = OKABE_ITO[number % len(OKABE_ITO)], LINE_STYLES[number // len(OKABE_ITO) % 4]
        frequencies = 1 / columns["resolution_in_angstroms"][1:]
        axes.plot(
            frequencies,
            columns[column][1:],
            style,
            color=colour,
            linewidth=THIN_LINE,
            label=name.replace("_", " "),
        )
    axes.axhline(threshold, color="0.6", linewidth=0.8)
    axes.set_ylim(-0.1, 1.02)
    axes.set_xlabel("spatial frequency (1/Å)")
    axes.set_ylabel(label)
