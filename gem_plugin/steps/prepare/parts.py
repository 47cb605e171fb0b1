"""prepare in parts: tasks of a queue prepare some of the images each, and an ordinary prepare joins what they made.

RUN/prepared/parts holds a stack and a record of every part. A part is finished when its record is there; the record says what shaped it,
and holds what the join needs to give the same bits as one prepare of everything: statistics, noise and reasons, chunk by chunk.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import load_whole_archive, write_arrays
from gem_plugin.io.mrc.stacks import open_stack, write_stack, write_stack_in_place
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.manifest import file_identity
from gem_plugin.io.run.settings import plain_settings
from gem_plugin.progress import Progress
from gem_plugin.steps.prepare.noise import NoiseOfSome
from gem_plugin.steps.prepare.preparing import Preparing, working_pixel_size
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.version import __version__

FORM = re.compile(r"(\d+)/(\d+)")
NAME = re.compile(r"part_(\d+)_of_(\d+)\.npz")
PLAN_NUMBERS = ("background_standard_deviation", "grey_scale_factor", "usual_variation")
PLAN_TOLERANCE = 1e-4  # processors of several kinds round differently
MAXIMUM_PARTS_NAMED = 8
CONTENT = "content of the particles: "  # before its names in what shaped a part
Shape = dict[str, Any]  # what shaped the parts: plain values by name


class Part(NamedTuple):
    """One of several parts, counted from 1."""

    number: int
    number_of_parts: int

    @classmethod
    def of_text(cls, text: str) -> "Part":
        """3/16. Raises InputError for anything else."""
        found = FORM.fullmatch(text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise InputError(f"--part is {text!r}; expected K/N, such as 3/16, with K from 1 to N.")
        return cls(int(found[1]), int(found[2]))

    @property
    def name(self) -> str:
        return f"part_{self.number}_of_{self.number_of_parts}"

    def chunks_of(self, chunks: list[np.ndarray]) -> list[np.ndarray]:
        """Its chunks of all; several parts have as many as possible alike."""
        first, last = (len(chunks) * one // self.number_of_parts for one in (self.number - 1, self.number))
        return chunks[first:last]


class _Found(NamedTuple):
    """What preparing a part found, chunk by chunk."""

    statistics: list[np.ndarray]  # (4,) each
    reasons: dict[int, str]  # why an image cannot be used
    noise: list[NoiseOfSome]


def parts_of_images(run: RunFiles) -> "PartsOfImages":
    """Beside the prepared images that the run has, and replaced together with them."""
    return PartsOfImages(run.root / "prepared" / "parts")


@dataclass(frozen=True)
class PartsOfImages:
    """The parts in one folder."""

    folder: Path

    def make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.folder} cannot be made: {error.strerror}. Choose another folder or change its permissions."
            ) from error

    def stack(self, part: Part) -> Path:
        return self.folder / f"{part.name}.mrcs"

    def record(self, part: Part) -> Path:
        return self.folder / f"{part.name}.npz"

    def are_there(self) -> bool:
        """Whether any part was begun."""
        return self.folder.is_dir() and any(self.folder.iterdir())

    def shaped_by(self, settings: PrepareSettings, particle_file: Path) -> Shape:
        """Settings, version and content of the particle file: all parts must agree in these."""
        plain = plain_settings(settings)
        paths = {
            name: str(value.resolve()) for name, value in vars(settings).items() if isinstance(value, Path)
        }
        identity = file_identity(particle_file) if particle_file.is_file() else {}
        content = {name: identity.get(name) for name in ("size", "sha256")}
        return {
            **plain,
            **paths,
            "version": __version__,
            **{CONTENT + name: one for name, one in content.items()},
        }

    def write(self, part: Part, preparing: Preparing, shape: Shape, progress: Progress) -> None:
        """Prepare the images of one part; one that is finished is kept."""
        if self._is_finished(part, shape):
            progress.say(f"Part {part.number} of {part.number_of_parts} is prepared already, kept")
            return
        self.record(part).unlink(missing_ok=True)
        chunks = part.chunks_of(preparing.chunks())
        found = self._write_stack(part, chunks, preparing, progress) if chunks else _Found([], {}, [])
        write_arrays(
            self.record(part),
            shape=np.array(json.dumps(shape, sort_keys=True)),
            plan=_numbers_of_plan(preparing),
            contrast_signs=preparing.images.table.contrast_sign[_rows_of(chunks)],
            statistics=np.array(found.statistics).reshape(-1, 4),
            reasons=np.array(json.dumps(list(found.reasons.items()))),
            **_arrays_of_noise(found.noise),
        )
        n_images = sum(map(len, chunks))
        progress.say(f"Part {part.number} of {part.number_of_parts}: {n_images:,} images prepared")

    def _write_stack(
        self, part: Part, chunks: list[np.ndarray], preparing: Preparing, progress: Progress
    ) -> "_Found":
        found = _Found([], {}, [])
        with (
            write_stack_in_place(
                self.stack(part), working_pixel_size(preparing.images.table, preparing.plan)
            ) as writer,
            preparing.prepared(chunks, progress) as results,
        ):
            for chunk in results:
                found.statistics.append(writer.append(chunk.images))
                found.reasons.update(chunk.reasons)
                found.noise.extend(chunk.noise)
                preparing.learn(chunk.reasons, chunk.noise)
        return found

    def join(self, path: Path, preparing: Preparing, shape: Shape, progress: Progress) -> None:
        """Write the whole stack, and let exclusions and noise learn what the parts found, as if it had been prepared in one go."""
        parts = self._all_parts()
        records = {part: self._checked_record(part, preparing, shape) for part in parts}
        with write_stack(path, working_pixel_size(preparing.images.table, preparing.plan)) as writer:
            for part in progress.track(parts, "Joining parts", unit="part"):
                arrays = records.pop(part)
                if len(arrays["statistics"]):
                    writer.append_stack(self.stack(part), arrays["statistics"])
                reasons = {int(image): reason for image, reason in json.loads(str(arrays["reasons"]))}
                preparing.learn(reasons, _noise_of_arrays(arrays))
        assert writer.n_images == len(preparing.images)

    def _all_parts(self) -> list[Part]:
        """All parts in their order; InputError where some are missing, or where there are those of several divisions."""
        found = [NAME.fullmatch(path.name) for path in self.folder.iterdir()]
        finished = {Part(int(one[1]), int(one[2])) for one in found if one is not None}
        divisions = sorted({part.number_of_parts for part in finished})
        if len(divisions) > 1:
            raise InputError(
                f"{self.folder} holds parts of {' and of '.join(map(str, divisions))}; expected those of one division. "
                f"Delete {self.folder} and prepare the parts again."
            )
        if not finished:
            raise InputError(
                f"{self.folder} holds no finished part: the tasks were stopped. Run them again with the same --part, or delete "
                f"{self.folder} to prepare everything here."
            )
        (number_of_parts,) = divisions
        parts = [Part(number, number_of_parts) for number in range(1, number_of_parts + 1)]
        missing = [part for part in parts if part not in finished]
        if missing:
            named = ", ".join(f"{part.number}/{number_of_parts}" for part in missing[:MAXIMUM_PARTS_NAMED])
            more = (
                f" and {len(missing) - MAXIMUM_PARTS_NAMED} more"
                if len(missing) > MAXIMUM_PARTS_NAMED
                else ""
            )
            raise InputError(
                f"{len(missing)} of {number_of_parts} parts are not prepared: {named}{more}. Run these again with --part, or delete "
                f"{self.folder} to prepare everything here."
            )
        return parts

    def _is_finished(self, part: Part, shape: Shape) -> bool:
        try:
            return json.loads(str(load_whole_archive(self.record(part))["shape"])) == json.loads(
                json.dumps(shape)
            )
        except (OSError, ValueError, KeyError):  # absent or damaged
            return False

    def _checked_record(self, part: Part, preparing: Preparing, shape: Shape) -> dict[str, np.ndarray]:
        try:
            arrays = load_whole_archive(self.record(part))
            recorded = json.loads(str(arrays["shape"]))
        except (ValueError, KeyError) as error:
            raise InputError(
                f"{self.record(part)} is damaged ({error}). Delete it and run --part {part.number}/{part.number_of_parts} again."
            ) from error
        self._check_shape(part, recorded, json.loads(json.dumps(shape)))
        rows = _rows_of(part.chunks_of(preparing.chunks()))
        signs = preparing.images.table.contrast_sign[rows]
        is_same = np.allclose(arrays["plan"], _numbers_of_plan(preparing), rtol=PLAN_TOLERANCE)
        if not is_same or not np.array_equal(arrays["contrast_signs"], signs):
            raise InputError(
                f"Part {part.number} of {part.number_of_parts} was normalised in another way than the images ask for now: images or "
                f"stacks have changed since. Delete {self.folder} and prepare the parts again."
            )
        self._check_stack(part, len(rows), preparing.plan.working_box)
        return arrays

    def _check_shape(self, part: Part, recorded: Shape, expected: Shape) -> None:
        differing = [name for name in {**recorded, **expected} if recorded.get(name) != expected.get(name)]
        if any(name.startswith(CONTENT) for name in differing):
            raise InputError(
                f"{expected['particles']} has changed since part {part.number} of {part.number_of_parts} was prepared. Put the old file "
                f"back, or delete {self.folder} and prepare the parts again."
            )
        if differing:
            name = differing[0]
            raise InputError(
                f"Part {part.number} of {part.number_of_parts} was prepared with {name} {recorded.get(name)}, not "
                f"{expected.get(name)}. Give the settings of the parts, or delete {self.folder} to prepare everything here."
            )

    def _check_stack(self, part: Part, n_images: int, working_box: int) -> None:
        if not n_images:
            return
        path = self.stack(part)
        if not path.is_file() or open_stack(path).shape != (n_images, working_box, working_box):
            raise InputError(
                f"{path} is not the stack of {n_images} images of {working_box} pixels that its record says. Delete "
                f"{self.record(part)} and run --part {part.number}/{part.number_of_parts} again."
            )


def _rows_of(chunks: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int64)


def _numbers_of_plan(preparing: Preparing) -> np.ndarray:
    plan = preparing.plan
    return np.array([float(plan.is_normalised_here), *(getattr(plan, name) for name in PLAN_NUMBERS)])


def _arrays_of_noise(noise: list[NoiseOfSome]) -> dict[str, np.ndarray]:
    arrays = {
        "noise_kinds": np.array([some.kind for some in noise], np.int64),
        "noise_counts": np.array([some.n_images for some in noise], np.int64),
    }
    if noise:
        arrays["noise_power"] = torch.stack([some.power for some in noise]).numpy()
        arrays["noise_squared_ctf"] = torch.stack([some.squared_ctf for some in noise]).numpy()
    return arrays


def _noise_of_arrays(arrays: dict[str, np.ndarray]) -> list[NoiseOfSome]:
    kinds, counts = arrays["noise_kinds"].tolist(), arrays["noise_counts"].tolist()
    if not kinds:
        return []
    matrices = (torch.from_numpy(arrays[name]) for name in ("noise_power", "noise_squared_ctf"))
    return [NoiseOfSome(*of_one) for of_one in zip(kinds, *matrices, counts, strict=True)]
