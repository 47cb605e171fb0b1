"""write-cs: a run that started from CryoSPARC gives a group that CryoSPARC imports."""

from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array
from gem_plugin.io.cryosparc.files import read_cs_rows, write_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.from_cryosparc import read_cryosparc_particles
from gem_plugin.particles.prepared import ParticleOrigin, save_prepared_table
from gem_plugin.progress import Progress
from gem_plugin.steps.write_cs.settings import WriteCsSettings
from gem_plugin.steps.write_cs.step import run_write_cs


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    """A run folder with latents of 12 particles of a CryoSPARC job."""
    run = RunFiles(tmp_path / "run")
    write_cs_rows(tmp_path / "J42" / "J42_011_particles.cs", make_rows(12))
    table = read_cryosparc_particles(tmp_path / "J42")
    save_prepared_table(
        run.prepared_table, table, np.ones(17), ParticleOrigin(tmp_path / "J42", None, 32, 3.0)
    )
    write_array(run.latents, np.arange(24, dtype=np.float32).reshape(12, 2))
    return run


def test_all_particles_with_their_latents(run: RunFiles, capsys: pytest.CaptureFixture):
    summary = run_write_cs(run, WriteCsSettings(), Progress())
    written = read_cs_rows(run.root / "particles.cs")
    assert written["uid"].tobytes() == make_rows(12)["uid"].tobytes()
    assert written["components_mode_1/value"].tolist() == list(range(1, 24, 2))
    assert summary["particles"] == 12
    assert "Import Result Group" in capsys.readouterr().out


def test_chosen_rows_without_latents_are_the_original_bytes(run: RunFiles, tmp_path: Path):
    (tmp_path / "rows.txt").write_text("11\n0\n")
    settings = WriteCsSettings(rows=tmp_path / "rows.txt", out=tmp_path / "two.cs", latents=False)
    run_write_cs(run, settings, Progress())
    assert read_cs_rows(tmp_path / "two.cs").tobytes() == make_rows(12)[[11, 0]].tobytes()


def test_run_from_a_star_file_is_sent_to_write_star(run: RunFiles, tmp_path: Path):
    table = read_cryosparc_particles(tmp_path / "J42")
    origin = ParticleOrigin(tmp_path / "run_data.star", None, 32, 3.0)
    save_prepared_table(run.prepared_table, table, np.ones(17), origin)
    with pytest.raises(InputError, match=r"this run started from RELION particles. Use `gem-em write-star"):
        run_write_cs(run, WriteCsSettings(), Progress())
