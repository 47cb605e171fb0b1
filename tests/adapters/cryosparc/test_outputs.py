"""Outputs of an external job, with a job that only remembers. Whole jobs: tests/cryosparc_server."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from cryosparc_rows import make_rows

from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.inputs import JobFolders
from gem_plugin.adapters.cryosparc.outputs import JobOutputs
from gem_plugin.io.cryosparc.groups import latent_fields, rows_with_fields
from gem_plugin.notices import WARNING, listening


class RememberingJob:
    """Keeps what is saved."""

    def __init__(self) -> None:
        self.saved: dict[str, dict[str, np.ndarray]] = {}

    def declared_outputs(self) -> list[str]:
        return []

    def add_output(self, *described: Any) -> None:
        pass

    def save_output(self, name: str, uids: np.ndarray, columns: dict[str, np.ndarray]) -> None:
        self.saved[name] = columns


@pytest.mark.parametrize(("n_modes", "stay"), [(6, "components_mode_2, components_mode_3"), (2, "")])
def test_components_that_cryosparc_passes_on_are_named_once(n_modes: int, stay: str, tmp_path: Path) -> None:
    theirs = latent_fields(np.ones((4, n_modes), dtype=np.float32))
    job, rows = RememberingJob(), rows_with_fields(make_rows(4), theirs)
    outputs = JobOutputs(cast(ExternalJob, job), JobFolders(tmp_path, None, None), rows, "volume_blob")
    latents = np.full((4, 2), 2, dtype=np.float32)
    with listening(lambda notice: None) as notices:  # the job's progress listens, and writes into its log
        outputs.save_particles("particles", "All", latents=latents)
        outputs.save_particles("state_1", "State 1", np.array([0, 2]), latents)
    assert job.saved["state_1"]["components_mode_1/value"].tolist() == [2, 2]
    assert [notice.level for notice in notices] == [WARNING] * bool(stay)
    assert stay in "".join(notice.sentence for notice in notices)
