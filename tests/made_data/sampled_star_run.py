"""A prepared run of 240 particles of two samples, apo and atp, with six micrographs each; the file has them in reverse order."""

from pathlib import Path

import numpy as np
from small_star_run import write_run

from gem_plugin.io.run.files import RunFiles

N_PARTICLES = 240
PER_MICROGRAPH = 20


def write_sampled_run(folder: Path) -> RunFiles:
    """The first half of the file, which is the second of the run, is apo."""
    files, _ = write_run(folder, N_PARTICLES)
    star = folder / "particles.star"
    head, _, rows = star.read_text().partition("_rlnOriginYAngst #11\n")
    added = []
    for number, line in enumerate(line for line in rows.splitlines() if line.strip()):
        sample = "apo" if number < N_PARTICLES // 2 else "atp"
        micrograph = f"Movies/job002/{sample}_{number // PER_MICROGRAPH:03d}_x.mrc"
        added.append(f"{line} {micrograph} {1 + number % 2}.000 {number}")
    labels = "_rlnOriginYAngst #11\n_rlnMicrographName #12\n_rlnClassNumber #13\n_rlnDefocusAstigmatism #14\n"
    star.write_text(head + labels + "\n".join(added) + "\n")
    return files


def sample_of_rows() -> np.ndarray:  # (n,) from 1: apo is 1
    return np.repeat([2, 1], N_PARTICLES // 2)
