"""Figures of the training: how the losses and the information in the latents went."""

from pathlib import Path

import numpy as np

from gem_plugin.reports.save_figure import OKABE_ITO, new_figure, save_figure


def draw_training(stem: Path, history: dict[str, np.ndarray]) -> list[Path]:  # column -> (epochs,)
    """Loss on trained and kept-aside particles, and the information that the latents carry."""
    figure, panels = new_figure(2)
    losses, information = panels[0]
    epochs = history["epoch"]
    losses.plot(epochs, history["loss"], "o-", color=OKABE_ITO[0], markersize=3, label="training particles")
    if "validation_loss" in history:
        losses.plot(
            epochs,
            history["validation_loss"],
            "s-",
            color=OKABE_ITO[3],
            markersize=3,
            label="particles kept aside",
        )
    losses.set_xlabel("epoch")
    losses.set_ylabel("loss per particle (nats, up to a constant)")
    losses.legend(fontsize="small")
    if "kl" in history:
        information.plot(epochs, history["kl"], "o-", color=OKABE_ITO[2], markersize=3)
        information.set_ylim(bottom=0)
    information.set_xlabel("epoch")
    information.set_ylabel("information in the latents (nats per particle)")
    return save_figure(figure, stem)
