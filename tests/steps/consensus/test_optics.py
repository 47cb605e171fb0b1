"""How CryoSPARC's columns of optics are read is decided by the images, recorded in the run, and followed by every later step."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from aberrated_images import WAVELENGTH, Aberrations, aberrated_images, molecule, views
from cryosparc_rows import make_rows
from scipy.spatial.transform import Rotation

from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.io.mrc.maps import write_map
from gem_plugin.io.mrc.stacks import write_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.notices import NOTE, WARNING, Notice, listening
from gem_plugin.particles.prepared import PreparedData, load_prepared, load_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.steps.consensus.settings import ConsensusSettings
from gem_plugin.steps.consensus.step import run_consensus
from gem_plugin.steps.prepare.settings import PrepareSettings
from gem_plugin.steps.prepare.step import run_prepare

BOX, PIXEL_SIZE, N_PARTICLES = 48, 1.5, 200
MOLECULE = molecule(radius_in_angstroms=16, n_points=60)
STRETCH = np.array([[1.03, 0.03], [-0.02, 0.985]])  # K
TREFOIL = (60_000.0, -30_000.0)
TETRAFOIL = (6e5, -4e5, 2e6, 3e6)
SHIFT = (1.5, -1.0)
NO_NOISE_TO_SPEAK_OF, DROWNED = 3.0, 0.0005  # signal-to-noise ratio


@dataclass
class Made:
    """A refined job whose columns say one thing, and whose images show what one reading of it means."""

    columns: dict[str, tuple[float, ...]] = field(default_factory=dict)
    matrix: np.ndarray = field(default_factory=lambda: np.eye(2))
    odd: dict[int, float] = field(default_factory=dict)
    even: dict[int, float] = field(default_factory=dict)
    signal_to_noise: float = NO_NOISE_TO_SPEAK_OF

    def write(self, folder: Path) -> None:
        seen = views(N_PARTICLES)
        rows = make_rows(N_PARTICLES, box_size=BOX, pixel_size=PIXEL_SIZE)
        rows["blob/path"], rows["blob/idx"], rows["blob/sign"] = b"J7/images.mrcs", np.arange(N_PARTICLES), 1
        rows["alignments3D/pose"] = Rotation.from_matrix(seen.rotations.transpose(0, 2, 1)).as_rotvec()
        rows["alignments3D/psize_A"], rows["alignments3D/shift"] = 1.0, seen.origins_in_angstroms
        rows["alignments3D/alpha"], rows["ctf/phase_shift_rad"] = 1, 0
        rows["ctf/df1_A"], rows["ctf/df2_A"] = seen.defoci[:, 0], seen.defoci[:, 1]
        rows["ctf/df_angle_rad"] = np.deg2rad(seen.defoci[:, 2])
        for name, values in self.columns.items():
            rows[name] = values
        write_cs_rows(folder / "J42" / "J42_particles.cs", rows)
        optics = Aberrations(matrix=self.matrix)
        optics.odd = [self.odd.get(index, 0.0) for index in range(6)]
        optics.even = [self.even.get(index, 0.0) for index in range(9)]
        images = aberrated_images(MOLECULE, seen, [optics] * N_PARTICLES, BOX, PIXEL_SIZE)
        noise = np.random.default_rng(1).normal(size=images.shape) * images.std() / self.signal_to_noise**0.5
        with write_stack(folder / "J7" / "images.mrcs", PIXEL_SIZE) as stack:
            stack.append((images + noise).astype(np.float32))
        write_map(folder / "map.mrc", MOLECULE.map(BOX, PIXEL_SIZE), PIXEL_SIZE)


def consensus_of(made: Made, folder: Path) -> tuple[RunFiles, dict, list[Notice]]:
    made.write(folder)
    run = RunFiles(folder / "run")
    with listening(lambda notice: None) as heard:
        settings = PrepareSettings(particles=folder / "J42" / "J42_particles.cs", particle_diameter=50)
        run_prepare(run, settings, Progress(io.StringIO()))
        settings = ConsensusSettings(map=folder / "map.mrc", fit_images=0)
        numbers = run_consensus(run, settings, Progress(io.StringIO()))
    return run, numbers, heard


def taken(run: RunFiles) -> dict[str, str]:
    with run.optics_readings.open() as file:
        return {line["column"]: line["reading"] for line in csv.DictReader(file) if line["taken"] == "yes"}


def odd_of_trefoil(sign: float) -> dict[int, float]:
    factor = -(2 * np.pi / 3) * WAVELENGTH**2
    return {5: sign * factor * TREFOIL[0], 2: sign * factor * TREFOIL[1]}


def even_of_tetrafoil(sign: float) -> dict[int, float]:
    a, b, c, d = (sign * np.pi / 2 * WAVELENGTH**3 * value for value in TETRAFOIL)
    return {7: a, 3: 3 * a, 5: b, 1: 3 * b, 8: c, 4: d}


ANISOMAG = {"ctf/anisomag": tuple((STRETCH - np.eye(2)).ravel())}
INVERSE = np.linalg.inv(STRETCH)


@pytest.mark.parametrize(
    ("matrix", "reading"),
    [(INVERSE, "M = K^-1"), (STRETCH, "M = K"), (INVERSE.T, "M = K^-T"), (STRETCH.T, "M = K^T")],
)
def test_the_direction_of_the_magnification_is_found(
    matrix: np.ndarray, reading: str, tmp_path: Path
) -> None:
    run, numbers, heard = consensus_of(Made(ANISOMAG, matrix), tmp_path)
    assert taken(run) == {"ctf/anisomag": reading}
    assert numbers["ctf/anisomag"] == f"{reading} (certain)"
    said = [notice for notice in heard if "can be read in 4 ways" in notice.sentence]
    assert [notice.level for notice in said] == [NOTE if reading == "M = K^-1" else WARNING]
    assert f"Taken: {reading}" in said[0].sentence
    for table in (load_prepared_table(run)[0], load_prepared(run).table):
        np.testing.assert_allclose(table.optics.magnification[0], matrix, atol=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("column", ["ctf/trefoil_A", "ctf/shift_A", "ctf/tetra_A"])
def test_the_sign_of_an_aberration_is_found(column: str, sign: float, tmp_path: Path) -> None:
    made = {
        "ctf/trefoil_A": Made({column: TREFOIL}, odd=odd_of_trefoil(sign)),
        "ctf/shift_A": Made(
            {column: SHIFT}, odd={1: -2 * np.pi * sign * SHIFT[0], 0: -2 * np.pi * sign * SHIFT[1]}
        ),
        "ctf/tetra_A": Made({column: TETRAFOIL}, even=even_of_tetrafoil(sign)),
    }[column]
    run, _, _ = consensus_of(made, tmp_path)
    assert taken(run) == {column: "usual sign" if sign > 0 else "opposite sign"}


def test_images_of_another_reading_are_seen_without_their_true_phases(tmp_path: Path) -> None:
    """As if the columns had said so from the start."""
    first = prepared_after(
        Made({**ANISOMAG, "ctf/trefoil_A": TREFOIL}, STRETCH, odd_of_trefoil(-1)), tmp_path / "a"
    )
    columns = {"ctf/anisomag": tuple((INVERSE - np.eye(2)).ravel())}
    columns["ctf/trefoil_A"] = tuple(-value for value in TREFOIL)
    second = prepared_after(Made(columns, STRETCH, odd_of_trefoil(-1)), tmp_path / "b")
    np.testing.assert_allclose(first.table.view_matrices, second.table.view_matrices, atol=1e-5)
    rows = np.array([5, 0, 77])
    np.testing.assert_allclose(first.images[rows], second.images[rows], atol=2e-3)
    np.testing.assert_allclose(first.images[5], second.images[5], atol=2e-3)
    assert np.abs(np.asarray(load_stack(tmp_path / "a")[rows]) - second.images[rows]).max() > 0.05


def prepared_after(made: Made, folder: Path) -> PreparedData:
    return load_prepared(consensus_of(made, folder)[0])


def load_stack(folder: Path) -> np.ndarray:
    import mrcfile

    return mrcfile.read(RunFiles(folder / "run").prepared_images)


def test_where_the_images_cannot_say_the_usual_reading_is_taken_with_a_warning(tmp_path: Path) -> None:
    made = Made({"ctf/trefoil_A": TREFOIL}, odd=odd_of_trefoil(-1), signal_to_noise=DROWNED)
    run, numbers, heard = consensus_of(made, tmp_path)
    assert taken(run) == {"ctf/trefoil_A": "usual sign"}
    assert numbers["ctf/trefoil_A"] == "usual sign (not certain)"
    warnings = [notice.sentence for notice in heard if notice.level == WARNING]
    assert any("as is usual: the images do not say which is right" in sentence for sentence in warnings)


def test_what_does_not_matter_is_not_compared(tmp_path: Path) -> None:
    made = Made({"ctf/trefoil_A": (500.0, 0.0), "ctf/anisomag": (1e-5, 0, 0, -1e-5)})
    run, numbers, _ = consensus_of(made, tmp_path)
    assert not run.optics_readings.exists()
    assert "ctf/trefoil_A" not in numbers
