"""Which sample each particle belongs to: by a column of its file or of a table of the user, by its micrograph, or by its file.

What is compared is written as COLUMN, or as COLUMN:8 (the first 8 letters of the last part of a path) or COLUMN:_ (what is before
the first _). `micrograph` is the name of the micrograph, by default what is before its first digit.
"""

import re
from pathlib import Path

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.own_tables import OwnTable, read_own_table, texts_of_field
from gem_plugin.io.star.columns import read_columns
from gem_plugin.notices import note, warn
from gem_plugin.particles.table import ParticleTable
from gem_plugin.results.column_names import family_of, full_name
from gem_plugin.results.particle_file import (
    MICROGRAPH_FIELD,
    MICROGRAPH_LABEL,
    CryosparcParticleFile,
    ParticleFile,
    RelionParticleFile,
)
from gem_plugin.results.run import Run
from gem_plugin.results.samples import Samples

MICROGRAPH, SAMPLE = "micrograph", "sample"
MICROGRAPH_PATH_FIELD = "location/micrograph_path"
IMAGE_KEYS = ("rlnImageName", "uid", "image")
MICROGRAPH_KEYS = ("rlnMicrographName", MICROGRAPH_PATH_FIELD, MICROGRAPH_FIELD, MICROGRAPH)
COMPARE_NOTHING = "none"  # where samples are known
MINIMUM_SAMPLES, MAXIMUM_SAMPLES = 2, 12
MINIMUM_PARTICLES = 50  # of a sample; fewer say nothing of its fractions
MISSING = frozenset(("", "none", "nan", "null", "na", "<na>", "?", "."))
MAXIMUM_NAMES_SHOWN = 5


def find_samples(run: Run, compared: str, own_table: Path | None, counted: np.ndarray) -> Samples:
    """The samples of all particles of a run; of those that count, each has enough.

    Raises InputError for a column that is not there, or that has one value, or too many.
    """
    column, rule = _column_and_rule(compared)
    texts = _texts_of_run(run, column, own_table)
    if len(texts) != len(counted):
        raise InputError(
            f"--compare {compared} has {len(texts)} values, the run {len(counted)} particles. Expected one for each particle."
        )
    return samples_of_texts(compared, _shortened(texts, column, rule), counted)


def check_samples(particles: ParticleFile, compared: str, own_table: Path | None) -> None:
    """Refuse what find_samples would refuse, before there is a run; columns that the steps make are not looked at."""
    column, rule = _column_and_rule(compared)
    if compared == COMPARE_NOTHING:
        return
    if own_table is not None:
        own = read_own_table(own_table)
        own.column(column)
        texts = _of_own_table(own, column, particles, None)
    elif column != MICROGRAPH and family_of(full_name(column)) is not None:
        return
    else:
        texts = _of_particles(particles, column)
    samples_of_texts(compared, _shortened(texts, column, rule), np.ones(len(texts), bool), is_quiet=True)


def samples_of_texts(
    compared: str,
    texts: np.ndarray,  # (n,) object array of str
    counted: np.ndarray,  # (n,) bool
    is_quiet: bool = False,
) -> Samples:
    """Equal texts are one sample. Particles without a value, and samples that are too small, are in none."""
    different, which = np.unique(texts.astype(str), return_inverse=True)
    is_value = np.array([text.strip().lower() not in MISSING for text in different.tolist()])
    sizes = np.bincount(which[counted], minlength=len(different))
    is_sample = is_value & (sizes >= MINIMUM_PARTICLES)
    _check_number(compared, different, is_value & (sizes > 0), is_sample)
    order = sorted(np.flatnonzero(is_sample).tolist(), key=lambda index: _natural(str(different[index])))
    number_of = np.zeros(len(different), np.int64)
    number_of[order] = np.arange(1, len(order) + 1)
    numbers = number_of[which]
    if not is_quiet:
        _say_what_is_left_out(compared, different, sizes, is_value, is_sample)
    return Samples(compared, tuple(_as_shown(different[index]) for index in order), numbers)


def _check_number(compared: str, different: np.ndarray, is_value: np.ndarray, is_sample: np.ndarray) -> None:
    n_values, n_samples = int(is_value.sum()), int(is_sample.sum())
    if MINIMUM_SAMPLES <= n_samples <= MAXIMUM_SAMPLES:
        return
    shown = ", ".join(different[is_value][:MAXIMUM_NAMES_SHOWN].tolist())
    values = (
        f"one value for all particles ({shown})"
        if n_values == 1
        else f"{n_values:,} different values ({shown}{', ...' if n_values > MAXIMUM_NAMES_SHOWN else ''})"
        if n_values
        else "no values"
    )
    enough = (
        f"; {n_samples} of them have {MINIMUM_PARTICLES} particles" if n_values > 1 and n_samples < 2 else ""
    )
    raise InputError(
        f"--compare {compared} has {values}{enough}; expected {MINIMUM_SAMPLES} to {MAXIMUM_SAMPLES} with at least "
        f"{MINIMUM_PARTICLES} particles each. Give a column of groups, or the start of a text: --compare {MICROGRAPH}:_ takes what "
        f"is before the first _ of the micrograph's name, --compare {MICROGRAPH}:8 its first 8 letters."
    )


def _say_what_is_left_out(
    compared: str, different: np.ndarray, sizes: np.ndarray, is_value: np.ndarray, is_sample: np.ndarray
) -> None:
    n_missing = int(sizes[~is_value].sum())
    if n_missing:
        note(
            f"--compare {compared}: {n_missing:,} of {int(sizes.sum()):,} particles have no value and are in no sample."
        )
    too_small = is_value & ~is_sample & (sizes > 0)
    if too_small.any():
        names = ", ".join(different[too_small][:MAXIMUM_NAMES_SHOWN].tolist())
        more = ", ..." if too_small.sum() > MAXIMUM_NAMES_SHOWN else ""
        warn(
            f"--compare {compared}: {int(too_small.sum())} value{'s' if too_small.sum() > 1 else ''} ({names}{more}) with fewer than "
            f"{MINIMUM_PARTICLES} particles left out of the comparison."
        )


def _column_and_rule(compared: str) -> tuple[str, str]:
    column, _, rule = compared.partition(":")
    if not column:
        raise InputError(f"--compare is {compared!r}; expected the name of a column, such as rlnOpticsGroup.")
    return column, rule


def _shortened(texts: np.ndarray, column: str, rule: str) -> np.ndarray:
    """What the rule leaves of the last part of each path."""
    if not rule and column != MICROGRAPH:
        return texts
    different, which = np.unique(texts.astype(str), return_inverse=True)
    shortened = np.empty(len(different), dtype=object)
    shortened[:] = [_start(text.rpartition("/")[2], rule) for text in different.tolist()]
    return shortened[which]


def _start(text: str, rule: str) -> str:
    if rule.isdigit():
        return text[: int(rule)]
    if rule:
        return text.partition(rule)[0]
    return re.split(r"\d", text, maxsplit=1)[0].rstrip("_-. ")


def _texts_of_run(run: Run, column: str, own_table: Path | None) -> np.ndarray:  # (n,) object array of str
    if own_table is not None:
        table = run.table_if_there
        particles = run.original if table is not None else None
        return _of_own_table(read_own_table(own_table), column, particles, table)
    if column == MICROGRAPH:
        return _of_particles(run.original, column)
    if column == SAMPLE and run.files.prepared_samples.is_file():
        return Samples.load(run.files.prepared_samples, "gem-em prepare --samples").texts
    if family_of(full_name(column)) is not None:
        return texts_of_field(run.column(column))
    if not run.is_prepared:
        raise InputError(
            f"--compare {column}: {run.files.root} has no particle file. Give a table of one row per particle with --compare-table."
        )
    return _of_particles(run.original, column)


def _of_particles(particles: ParticleFile, column: str) -> np.ndarray:
    """A column of any kind as text."""
    if isinstance(particles, RelionParticleFile):
        label = MICROGRAPH_LABEL if column == MICROGRAPH else "_" + column.lstrip("_")
        if label not in particles._file.particles.labels:
            particles.column(label)  # says what is there; made columns, such as the copy, are numbers
            return texts_of_field(particles.column(label))
        file = particles._file
        values = read_columns(file.document, file.particles, text_labels=[label])[label][particles._rows]
        return _plain_numbers(values)
    assert isinstance(particles, CryosparcParticleFile)
    if column == MICROGRAPH:
        fields = (MICROGRAPH_PATH_FIELD, MICROGRAPH_FIELD)
        column = next((field for field in fields if field in particles.labels), fields[0])
    if column not in particles.labels:
        particles.column(column)
    values = particles._particles.rows[column][particles._rows]
    if values.ndim != 1:
        raise InputError(f"{particles.path}: the field {column} does not hold one value per particle.")
    return texts_of_field(values)


def _plain_numbers(texts: np.ndarray) -> np.ndarray:
    """1.000000 as 1, where all values are numbers."""
    different, which = np.unique(texts.astype(str), return_inverse=True)
    try:
        numbers = different.astype(np.float64)
    except ValueError:
        return texts
    return texts_of_field(numbers)[which]


def _of_own_table(
    own: OwnTable, column: str, particles: ParticleFile | None, table: ParticleTable | None
) -> np.ndarray:
    """Joined by the image, by the uid or by the micrograph; without such a column, row by row.

    Without the table of a run, the rows are those of the particle file.
    """
    values = own.column(column)
    if particles is None:
        return values
    key = own.first_of(IMAGE_KEYS)
    if key is not None:
        names = _names_in_file(particles) if table is None else table.image_names
        return _joined(own, key, values, names)
    if (key := own.first_of(MICROGRAPH_KEYS)) is not None:
        return _joined(own, key, values, _of_particles(particles, MICROGRAPH if key == MICROGRAPH else key))
    n_rows = _rows_of_file(particles)
    if len(values) != n_rows:
        raise InputError(
            f"{own.path} has {len(values)} rows and no column {', '.join((*IMAGE_KEYS, *MICROGRAPH_KEYS[:1]))} by which to find "
            f"their particles; the particle file has {n_rows} rows. Add such a column, or one row for each particle."
        )
    return values if table is None else values[table.file_rows]


def _names_in_file(particles: ParticleFile) -> np.ndarray:
    """What a run takes as the names of the images."""
    return _of_particles(particles, "rlnImageName" if isinstance(particles, RelionParticleFile) else "uid")


def _rows_of_file(particles: ParticleFile) -> int:
    if isinstance(particles, RelionParticleFile):
        return particles._file.particles.n_rows
    assert isinstance(particles, CryosparcParticleFile)
    return len(particles._particles.rows)


def _joined(own: OwnTable, key: str, values: np.ndarray, names: np.ndarray) -> np.ndarray:
    value_of: dict[str, str] = {}
    for name, value in zip(own.column(key).tolist(), values.tolist(), strict=True):
        if value_of.setdefault(name, value) != value:
            raise InputError(
                f"{own.path} has two values for {key} {name}: {value_of[name]} and {value}. Expected one for each."
            )
    found = np.empty(len(names), dtype=object)
    found[:] = [value_of.get(name, "") for name in names.tolist()]
    if not any(name in value_of for name in dict.fromkeys(names.tolist())):
        raise InputError(
            f"{own.path}: none of the {len(value_of)} values of {key} is that of a particle; they are such as "
            f"{next(iter(value_of))}, and those of the particles such as {names[0]}."
        )
    return found


def _natural(text: str) -> tuple:
    """9 before 10."""
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part
    )


def _as_shown(text: str) -> str:
    return text.strip()
