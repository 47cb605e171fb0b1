"""Figures of the training: losses and the information in the latents."""

from pathlib import Path

import numpy as np

from gem_plugin.reports.figures.save import (
    OKABE_ITO,
    SMALL_MARKER,
    SMALL_TEXT_SIZE,
    THIN_LINE,
    new_figure,
    save_figure,
)
from gem_plugin.units import ANNEALING


def draw_training(stem: Path, history: dict[str, np.ndarray]) -> list[Path]:  # column -> (epochs,)
    """Loss on training and held-out particles, and the information that the latents carry."""
    figure, panels = new_figure(2, height_of_panel=0.7)
    losses, information = panels[0]
    epochs = history["epoch"]
    losses.plot(
        epochs,
        history["loss"],
        "o-",
        color=OKABE_ITO[0],
        markersize=SMALL_MARKER,
        linewidth=THIN_LINE,
        label="training particles",
    )
    if "validation_loss" in history:
        losses.plot(
            epochs,
            history["validation_loss"],
            "s-",
            color=OKABE_ITO[3],
            markersize=SMALL_MARKER,
            linewidth=THIN_LINE,
            label="held-out (validation) particles",
        )
    annealing = epochs[history.get("stage", np.zeros(0)) == ANNEALING]
    if len(annealing):
        losses.axvline(
            annealing[0], color="grey", linestyle=":", linewidth=THIN_LINE, label="learning rate falls"
        )
    losses.set_xlabel("epoch")
    losses.set_ylabel("loss (nats per particle, up to a constant)")
    losses.legend(fontsize=SMALL_TEXT_SIZE)
    if "kl" in history:
        information.plot(
            epochs, history["kl"], "o-", color=OKABE_ITO[2], markersize=SMALL_MARKER, linewidth=THIN_LINE
        )
        information.set_ylim(bottom=0)
    information.set_xlabel("epoch")
    information.set_ylabel("information in latents (nats per particle)")
    return save_figure(figure, stem)
