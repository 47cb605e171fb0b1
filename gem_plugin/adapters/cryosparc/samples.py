"""Several particle jobs as the samples of one external job: --particles apo=J42,atp=J43."""

import re
from collections.abc import Mapping

import numpy as np

from gem_plugin.adapters.cryosparc.addresses import name_in_project
from gem_plugin.adapters.cryosparc.project import CryosparcProject, SourceOutput
from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.prepared import load_prepared_table
from gem_plugin.results.samples import Samples

NAME_OF_A_SAMPLE = re.compile(r"[\w.+-]+")
COLUMN = "samples"


def named_jobs(text: str, project: str) -> dict[str, str]:
    """{name: job or output} of apo=J42,atp=P3-J43.particles; a job without a name is its own name."""
    jobs: dict[str, str] = {}
    for part in text.split(","):
        name, separator, job = part.strip().rpartition("=")
        job = name_in_project(job, project) if job else job
        name = name if separator else job.replace(".", "_")
        if not NAME_OF_A_SAMPLE.fullmatch(name) or not job:
            raise InputError(
                f"--particles is {text!r}; expected a job, such as J42, or several with names: apo=J42,atp=J43.particles."
            )
        if name in jobs or job in jobs.values():
            raise InputError(
                f"--particles has {name} or {job} twice; expected each job once, with a name of its own."
            )
        jobs[name] = job
    return jobs


def uids_of_samples(
    project: CryosparcProject, sources: Mapping[str, SourceOutput]
) -> dict[str, np.ndarray]:  # uids by the name of the sample
    """The particles of each connected job; InputError where two jobs hold the same one."""
    found: dict[str, np.ndarray] = {}
    for name, source in sources.items():
        uids = project.load_output(source, ["blob"])["uid"]
        for other, others in found.items():
            shared = np.intersect1d(uids, others)
            if len(shared):
                raise InputError(
                    f"Samples {other} and {name} share {len(shared)} particles, first uid {shared[0]}. Expected different particles in "
                    "each sample: connect jobs of different particles."
                )
        found[name] = uids
    return found


def save_samples_of_jobs(run: RunFiles, uids: Mapping[str, np.ndarray]) -> None:
    """Write the sample of each prepared row, by which the landscape then compares."""
    names = load_prepared_table(run)[0].image_names.astype(np.uint64)
    numbers = np.zeros(len(names), np.int64)
    for number, of_sample in enumerate(uids.values(), start=1):
        numbers[np.isin(names, of_sample)] = number
    Samples(COLUMN, tuple(uids), numbers).save(run.prepared_samples)
