"""Masks to recluster the states with: the landscape's, one made here from the sketch, or a file inside the run."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.explorer.saved_names import check_name_is_free
from gem_plugin.io.array_files import read_arrays
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.mask import VolumeScan, check_mask, fit_mask_to_grid, make_mask
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.notices import listening

OF_LANDSCAPE, MADE_HERE, FROM_FILE = "landscape", "made", "file"
MAXIMUM_FILES = 200


@dataclass(frozen=True)
class MaskRequest:
    """Which mask; hashable, so that what was made with it can be kept."""

    kind: str = OF_LANDSCAPE
    file: str = ""  # inside the run
    level: float = 0.1  # density at the edge, as a fraction of the bright level of the sketch
    dilate_in_angstroms: float = 5.0
    edge_in_angstroms: float = 0.0


class Masks:
    """Masks on the grid of the sketch maps."""

    def __init__(self, run: RunFiles, source: VolumeSource) -> None:
        self.run = run
        self.files = run.landscape
        self.box_size = source.box_size
        self.pixel_size_in_angstroms = source.pixel_size_in_angstroms
        self._scan: VolumeScan | None = None

    @property
    def scan(self) -> VolumeScan:
        """Brightest voxels and bright levels of the sketch."""
        if self._scan is None:
            self._scan = VolumeScan(**read_arrays(self.files.scan, f"gem-em landscape {self.run.root}"))
            if len(self._scan.brightest) != self.box_size:
                raise InputError(
                    f"The sketch has {len(self._scan.brightest)} voxels along a side, the maps here {self.box_size}. "
                    f"Run `gem-em landscape {self.run.root}` again."
                )
        return self._scan

    @property
    def bright_level(self) -> float:
        return float(self.scan.bright_levels.mean())

    def file_names(self) -> list[str]:
        """Maps inside the run that are named as masks, and those that were uploaded here."""
        root = self.run.root.resolve()
        found = sorted({*self._folder.glob("*.mrc"), *root.glob("*mask*.mrc"), *root.glob("*/*mask*.mrc")})
        inside = [
            path
            for path in found
            if path.resolve().is_relative_to(root) and path != self.files.mask.resolve()
        ]
        return [path.relative_to(root).as_posix() for path in inside[:MAXIMUM_FILES]]

    def mask(self, request: MaskRequest) -> np.ndarray:  # (d, d, d) float32, 0 to 1
        """The requested mask, checked; that of another grid was spoken of when it came."""
        with listening(lambda notice: None):
            return self._requested(request)

    def _requested(self, request: MaskRequest) -> np.ndarray:
        if request.kind == OF_LANDSCAPE:
            return self._fitted(self.files.mask)
        if request.kind == FROM_FILE:
            if request.file not in self.file_names():
                raise InputError(
                    f"There is no mask {request.file[:80]!r} in this run; upload one in the field `mask`."
                )
            return self._fitted(self.run.root / request.file)
        if request.kind != MADE_HERE:
            raise InputError(
                f"There is no mask {request.kind[:80]!r}; expected {OF_LANDSCAPE}, {MADE_HERE} or {FROM_FILE}."
            )
        if not (
            0 < request.level <= 1
            and 0 <= request.dilate_in_angstroms <= 100
            and 0 <= request.edge_in_angstroms <= 100
        ):
            raise InputError("Expected a level above 0 and up to 1, and margins of 0 to 100 Angstrom.")
        threshold = request.level * self.bright_level
        mask = make_mask(
            self.scan.brightest,
            threshold,
            self.pixel_size_in_angstroms,
            request.dilate_in_angstroms,
            request.edge_in_angstroms,
        )
        check_mask(mask, self.box_size)
        return mask

    def save(self, name: str, request: MaskRequest, overwrite: bool = False) -> Path:
        """Write a mask where it can be chosen again, and be given to landscape --mask."""
        return self._write(name, self.mask(request), overwrite)

    def receive(self, name: str, content: bytes, overwrite: bool = False) -> Path:
        """Keep an MRC file that the browser uploaded, on the grid of the maps."""
        with tempfile.TemporaryDirectory() as folder:
            uploaded = Path(folder) / "uploaded.mrc"
            uploaded.write_bytes(content)
            mask = self._fitted(uploaded, "the uploaded file")
        return self._write(name, mask, overwrite)

    def _write(self, name: str, mask: np.ndarray, overwrite: bool) -> Path:
        check_name_is_free(
            name, lambda other: self._other_mask(self._folder / f"{other}.mrc", mask), overwrite
        )
        path = self._folder / f"{name}.mrc"
        write_map(path, mask, self.pixel_size_in_angstroms)
        return path

    def _other_mask(self, path: Path, mask: np.ndarray) -> list[Path]:
        """The file, where it holds another mask."""
        if not path.exists():
            return []
        try:
            is_same = np.array_equal(self._fitted(path), mask)
        except InputError:
            is_same = False
        return [] if is_same else [path]

    @property
    def _folder(self) -> Path:
        return self.run.explore.masks.resolve()

    def _fitted(self, path: Path, name: str = "") -> np.ndarray:
        try:
            given = read_map(path)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) if name else error from error
        mask = fit_mask_to_grid(
            given.volume, given.pixel_size_in_angstroms, self.box_size, self.pixel_size_in_angstroms
        )
        check_mask(mask, self.box_size)
        return mask
