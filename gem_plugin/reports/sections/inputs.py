"""The chapter of report.html on the inputs: particles, microscope, and the settings that shape the result most."""

from typing import Any

import numpy as np

from gem_plugin.reports.sections.html_parts import missing, table
from gem_plugin.results.run import Run

MICROMETRES = 1e-4  # of an Angstrom
SETTINGS_SHOWN = (  # step, setting, what it is
    ("prepare", "map", "consensus map"),
    ("prepare", "mask", "mask"),
    ("train", "decoder", "decoder"),
    ("train", "latent_size", "latent dimensions"),
    ("train", "epochs", "epochs"),
    ("train", "kl_weight", "final weight of the KL divergence"),
    ("train", "seed", "random seed"),
    ("landscape", "sketch_size", "sketch maps"),
    ("landscape", "n_states", "requested number of states"),
    ("landscape", "linkage", "linkage of the states"),
    ("landscape", "region", "region compared"),
)


def inputs_section(run: Run) -> str:
    """Two tables: the particles, and the settings."""
    if not run.is_prepared:
        return missing("The particles are not prepared yet.", "prepare", run.files.root)
    data, origin = run.particles, run.origin
    defocus = (data.defocus_u_in_angstroms + data.defocus_v_in_angstroms) / 2 * MICROMETRES
    given = (data.half_sets > 0).mean()
    rows = [
        ("particles", data.counts.removesuffix(" particles")),
        ("file", origin.particle_file),
        ("working box", f"{data.box_size} pixels of {data.pixel_size_in_angstroms:.4g} Å"),
        ("Nyquist limit", f"{2 * data.pixel_size_in_angstroms:.3g} Å (two working pixels)"),
        (
            "original box",
            f"{origin.original_box_size} pixels of {origin.original_pixel_size_in_angstroms:.4g} Å",
        ),
        ("defocus", f"median {np.median(defocus):.2f} µm, {defocus.min():.2f} to {defocus.max():.2f} µm"),
        ("voltage", " and ".join(f"{value:g} kV" for value in np.unique(data.voltage_in_kilovolts))),
        ("optics groups", len(np.unique(data.optics_groups))),
        ("half-sets", "given for all" if given == 1 else f"given for {given:.0%}" if given else "not given"),
    ]
    return f'<div class="columns">{table(("particles", ""), rows)}{_settings(run)}</div>'


def _settings(run: Run) -> str:
    rows: list[tuple[str, Any]] = []
    gaussians = (run.summary("train") or run.summary("consensus")).get("gaussians")
    if gaussians is not None:
        rows.append(("Gaussians", f"{gaussians:,}"))
    for step, name, title in SETTINGS_SHOWN:
        value = run.settings(step).get(name, run.summary(step).get(name))
        if value not in (None, "", []):
            rows.append((title, value))
    if not rows:
        return ""
    return f'<div>{table(("settings", ""), rows)}<p>All of them: <a href="#numbers">numbers and settings</a>.</p></div>'
