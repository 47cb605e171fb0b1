"""Names of particle jobs, and which particle is of which."""

from pathlib import Path

import numpy as np
import pytest
from small_star_run import write_run

from gem_plugin.adapters.cryosparc.samples import named_jobs, save_samples_of_jobs
from gem_plugin.errors import InputError
from gem_plugin.particles.prepared import load_prepared_table, save_prepared_table
from gem_plugin.results.samples import Samples


def test_jobs_with_and_without_names() -> None:
    assert named_jobs("J42", "P3") == {"J42": "J42"}
    assert named_jobs("J42.particles_class_1", "P3") == {"J42_particles_class_1": "J42.particles_class_1"}
    assert named_jobs("apo=J42, atp=P3-J43.particles", "P3") == {"apo": "J42", "atp": "J43.particles"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=J42,a=J43", "has a or J43 twice"),
        ("a=J42,b=J42", "has b or J42 twice"),
        ("a b=J42", "expected a job, such as J42, or several with names"),
        ("a=", "expected a job"),
        ("J42,", "expected a job"),
    ],
)
def test_what_is_no_list_of_jobs_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        named_jobs(text, "P3")


def test_rows_get_the_sample_of_their_uid(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 4)
    table, noise, origin = load_prepared_table(run)
    uids = np.array([2**63 + 5, 7, 9, 7], dtype=np.uint64)
    table.image_names[:] = uids.astype(str)
    save_prepared_table(run.prepared_table, table, noise, origin)
    save_samples_of_jobs(run, {"apo": uids[[1]], "atp": uids[[0]]})
    assert Samples.load(run.prepared_samples, "").numbers.tolist() == [2, 1, 0, 1]
