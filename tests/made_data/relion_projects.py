"""Small RELION projects for tests: a star file of each version, and stacks that fit it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.mrc.stacks import write_stack

OPTICS = {
    "_rlnOpticsGroupName": "opticsGroup1",
    "_rlnOpticsGroup": "1",
    "_rlnVoltage": "300.000000",
    "_rlnSphericalAberration": "2.700000",
    "_rlnAmplitudeContrast": "0.100000",
    "_rlnImagePixelSize": "2.000000",
    "_rlnImageSize": "16",
    "_rlnImageDimensionality": "2",
}


@dataclass
class RelionProject:
    """A project folder with one refined star file. Change the columns, then write."""

    folder: Path
    n_particles: int = 6
    box_size: int = 16
    optics: list[dict[str, str]] = field(default_factory=lambda: [dict(OPTICS)])
    columns: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = range(self.n_particles)
        self.columns = {
            "_rlnImageName": [f"{row // 2 + 1:06d}@Extract/job004/mic{row % 2}.mrcs" for row in rows],
            "_rlnMicrographName": [f"MotionCorr/job002/mic{row % 2}.mrc" for row in rows],
            "_rlnOpticsGroup": ["1"] * self.n_particles,
            "_rlnDefocusU": [f"{10000 + 100 * row:.6f}" for row in rows],
            "_rlnDefocusV": [f"{9900 + 100 * row:.6f}" for row in rows],
            "_rlnDefocusAngle": [f"{10 * row:.6f}" for row in rows],
            "_rlnAngleRot": [f"{20 * row - 60:.6f}" for row in rows],
            "_rlnAngleTilt": [f"{15 * row + 5:.6f}" for row in rows],
            "_rlnAnglePsi": [f"{-30 * row + 70:.6f}" for row in rows],
            "_rlnOriginXAngst": [f"{row - 2.5:.6f}" for row in rows],
            "_rlnOriginYAngst": [f"{1.5 - row:.6f}" for row in rows],
            "_rlnRandomSubset": [str(row % 2 + 1) for row in rows],
            **self.columns,
        }

    @property
    def star(self) -> Path:
        return self.folder / "Refine3D" / "job010" / "run_data.star"

    @property
    def map(self) -> Path:
        return self.folder / "Refine3D" / "job010" / "run_class001.mrc"

    def write_star(self) -> Path:
        """The star file, with an optics block where there are optics."""
        self.star.parent.mkdir(parents=True, exist_ok=True)
        self.star.write_text(self.star_text(), newline="")
        return self.star

    def star_text(self) -> str:
        text = ""
        if self.optics:
            text += _loop("optics", list(self.optics[0]), [list(group.values()) for group in self.optics])
        name = "particles" if self.optics else "images"
        return text + _loop(name, list(self.columns), list(zip(*self.columns.values())))

    def write_stacks(self, images: np.ndarray | None = None) -> np.ndarray:  # (n, box, box), in row order
        """Stacks that hold the images where the star file says."""
        if images is None:
            images = noisy_images(self.n_particles, self.box_size)
        places: dict[str, list[tuple[int, int]]] = {}
        for row, name in enumerate(self.columns["_rlnImageName"]):
            number, stack = name.split("@")
            places.setdefault(stack, []).append((int(number), row))
        for stack, numbered in places.items():
            with write_stack(self.folder / stack, 2.0) as writer:
                writer.append(images[[row for _, row in sorted(numbered)]])
        return images

    def write_map(self, pixel_size_in_angstroms: float = 2.0, box_size: int | None = None) -> Path:
        box_size = box_size or self.box_size
        values = np.random.default_rng(5).normal(size=(box_size,) * 3)
        write_map(self.map, values, pixel_size_in_angstroms)
        return self.map

    def write(self) -> "RelionProject":
        self.write_star()
        self.write_stacks()
        self.write_map()
        return self


def noisy_images(n_images: int, box_size: int) -> np.ndarray:  # (n, box, box) float32, noise of variance 1
    """White noise with a light disc in the middle, normalised as RELION does."""
    offsets = np.arange(box_size) - box_size // 2
    disc = offsets[:, None] ** 2 + offsets[None, :] ** 2 < (box_size / 5) ** 2
    noise = np.random.default_rng(3).normal(size=(n_images, box_size, box_size))
    return (noise + disc).astype(np.float32)


def _loop(name: str, labels: list[str], rows: list) -> str:
    header = [f"{label} #{number} " for number, label in enumerate(labels, start=1)]
    lines = ["", "# version 30001", "", f"data_{name}", "", "loop_ ", *header]
    lines += ["  ".join(row) + " " for row in rows]
    return "\n".join([*lines, " ", ""])
