"""The one picture of the demo: the landscape, its states, and how well the known motion was found."""

from pathlib import Path

import numpy as np

from gem_plugin.reports.figures.save import (
    OKABE_ITO,
    TEXT_SIZE,
    colour_of_group,
    draw_groups,
    new_mosaic,
    save_figure,
)

MAXIMUM_MAPS_SHOWN = 3
HEIGHT_IN_INCHES = 5.4
EMPTY_MARGIN = 7  # a seventh of the box on each side is cut off


def draw_demo(
    stem: Path,
    scores: np.ndarray,  # (k, c) of the sketch maps
    state_labels: np.ndarray,  # (k,) from 1
    state_maps: list[np.ndarray],  # (box, box, box) each, ordered zyx
    true_angles_in_degrees: np.ndarray,  # (n,)
    predicted_angles_in_degrees: np.ndarray,  # (n,)
) -> list[Path]:
    """Sketch maps on two components, true against recovered angles, and the states seen along z."""
    shown = state_maps[:MAXIMUM_MAPS_SHOWN]
    names = [f"map {number}" for number in range(1, len(shown) + 1)]
    top = ["landscape"] * len(names) + ["recovered"] * len(names)
    figure, panels = new_mosaic([top, [name for name in names for _ in range(2)]], HEIGHT_IN_INCHES)
    landscape, recovered = panels["landscape"], panels["recovered"]
    pictures = [panels[name] for name in names]
    draw_groups(landscape, scores[:, :2], state_labels, size=7)
    landscape.set_title("landscape: one point per sketch map", fontsize=TEXT_SIZE)
    landscape.set_xlabel("volume component 1 (map units)")
    landscape.set_ylabel("volume component 2 (map units)")
    recovered.plot(
        true_angles_in_degrees, predicted_angles_in_degrees, ".", color=OKABE_ITO[0], markersize=2, alpha=0.5
    )
    recovered.set_title("arm angle of each particle", fontsize=TEXT_SIZE)
    recovered.set_xlabel("true (degrees)")
    recovered.set_ylabel("predicted from the latents (degrees)")
    brightest = max(float(volume.sum(0).max()) for volume in shown)
    for number, (axes, volume) in enumerate(zip(pictures, shown), start=1):
        margin = len(volume) // EMPTY_MARGIN
        picture = volume.sum(0)[margin:-margin, margin:-margin]
        axes.imshow(picture, cmap="gray", origin="lower", vmin=0, vmax=brightest)
        axes.set_title(f"mean of state {number}", color=colour_of_group(number), fontsize=TEXT_SIZE)
        axes.set_axis_off()
    return save_figure(figure, stem)
