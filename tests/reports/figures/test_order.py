"""Figures by importance: states before training, the plain before the crowded, pages of their own nowhere."""

from pathlib import Path

from gem_plugin.io.run.files import RunFiles
from gem_plugin.reports.figures.order import (
    CHAPTER_OF_NAME,
    CHAPTERS,
    FIRST_PAGE,
    PAPER,
    figures_by_importance,
)


def test_figures_come_by_importance(tmp_path: Path) -> None:
    run = RunFiles(tmp_path)
    run.figures.mkdir()
    shown = [
        "landscape_state_means",
        "landscape_dendrogram",
        "motion_of_parts",
        "motion_of_gaussians",
        "fsc_of_states",
        "landscape_umap",
        "landscape_vol_pca_1_2",
        "landscape_umap_annotated",
        "training",
    ]
    for name in [*sorted(shown), "first_page", "paper_figure"]:
        (run.figures / f"{name}.png").write_bytes(b"")
    assert [path.stem for path in figures_by_importance(run)] == shown


def test_every_chapter_of_a_name_has_its_position() -> None:
    assert {chapter for _, chapter in CHAPTER_OF_NAME} - {FIRST_PAGE, PAPER} <= set(CHAPTERS)
