"""The job types as the pipeliner finds and makes them."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest.importorskip("pipeliner.pipeliner_job")

from adapters.pipeliner.made_jobs import finished_job
from pipeliner.job_factory import new_job_of_type

from gem_plugin.adapters.pipeliner.jobs import GemJob

NAMES = ("gem_em.run", "gem_em.landscape", "gem_em.select", "gem_em.reconstruct")
MAXIMUM_SECONDS_TO_MAKE_ALL = 0.5
HEAVY = (
    "torch",
    "numba",
    "pandas",
    "sklearn",
    "umap",
    "click",
    "tqdm",
    "starlette",
)  # none is there where only the classes are used
MAKE_ALL = f"""
import sys, time
import pipeliner.pipeliner_job, pipeliner.display_tools
before, start = set(sys.modules), time.process_time()
from importlib.metadata import entry_points
jobs = [point.load()() for point in entry_points(group="ccpem_pipeliner.jobs") if point.name.startswith("gem_em.")]
seconds = time.process_time() - start
print([sorted(job.PROCESS_NAME for job in jobs), seconds, [name for name in {HEAVY} if name in set(sys.modules) - before]])
"""


def test_the_entry_points_are_those_of_the_installed_package() -> None:
    """In lower case and equal to PROCESS_NAME: a job of another name is listed, enters the project, and fails."""
    found = {
        point.name: point.load()
        for point in entry_points(group="ccpem_pipeliner.jobs")
        if "gem_em" in point.name
    }
    assert set(found) == set(NAMES)
    for name, job_class in found.items():
        assert job_class.PROCESS_NAME == name == name.lower()
        assert issubclass(job_class, GemJob)


def test_all_classes_are_made_quickly_and_without_heavy_packages() -> None:
    said = subprocess.run([sys.executable, "-c", MAKE_ALL], capture_output=True, text=True, check=True).stdout
    names, seconds, heavy = json.loads(said.strip().splitlines()[-1].replace("'", '"'))
    assert names == sorted(NAMES)
    assert heavy == []
    assert seconds < MAXIMUM_SECONDS_TO_MAKE_ALL


@pytest.mark.parametrize("name", NAMES)
def test_a_job_says_what_it_is(name: str) -> None:
    job = new_job_of_type(name)
    assert job.jobinfo.is_available, job.jobinfo.unavailable_message
    assert job.jobinfo.programs[0].get_version(timeout=60) == job.jobinfo.version
    assert job.get_category_label() == "Continuous Heterogeneity"
    assert job.can_continue == (name != "gem_em.select")
    labels = [option.label for option in job.joboptions.values()]
    assert len(labels) == len(set(labels))


def test_the_command_is_ours_and_shows_the_version_first(project_folder: Path) -> None:
    job = new_job_of_type("gem_em.run")
    job.output_dir = "GemEm/job003/"
    for key, value in {"in_parts": "a.star", "in_3dref": "a.mrc", "epochs": "20", "nr_threads": "4"}.items():
        job.joboptions[key].value = value
    job.joboptions["other_args"].value = "--learning_rate 0.001"
    version, work = (command.cmd for command in job.get_commands())
    assert version == ["gem-em", "--version"]
    given = "--o GemEm/job003/ --in_parts a.star --in_3dref a.mrc --epochs 20 --j 4 --learning_rate 0.001"
    assert work == ["gem-external-run", *given.split()]


def test_what_is_wrong_is_said_at_the_option(project_folder: Path) -> None:
    job = new_job_of_type("gem_em.reconstruct")
    job.joboptions["in_parts"].value = "later/particles.star"
    job.joboptions["local_window"].value = "30"
    (error,) = [one for one in job.validate_joboptions() if one.type == "error"]
    assert "has no effect without --local-resolution" in error.message
    assert error.raised_by == [job.joboptions["local_window"]]


def test_only_what_a_resumed_job_can_change_is_offered_to_continue(project_folder: Path) -> None:
    job = new_job_of_type("gem_em.run")
    offered = {key for key, option in job.joboptions.items() if option.in_continue}
    assert {"epochs", "sketch_size", "device", "nr_threads", "other_args", "do_queue"} <= offered
    assert not {"in_parts", "in_3dref", "n_states", "box", "latent_size", "symmetry"} & offered


def test_outputs_are_listed_once_and_metadata_are_plain(project_folder: Path) -> None:
    finished_job(project_folder / "GemEm" / "job001")
    job = new_job_of_type("gem_em.run")
    job.output_dir = "GemEm/job001/"
    job.create_output_nodes()
    promised = {node.name: node.type for node in job.output_nodes}
    assert promised == {
        "GemEm/job001/particles.star": "ParticleGroupMetadata.star.relion.gem",
        "GemEm/job001/logfile.pdf": "LogFile.pdf.gem",
    }
    job.create_post_run_output_nodes()
    names = [node.name for node in job.output_nodes]
    assert len(names) == len(set(names)) == 8
    assert job.gather_metadata() == {"train": {"epochs": 2, "gain": None}}
    files, folders = job.prepare_clean_up_lists(do_harsh=True)
    assert not folders
    assert files == ["GemEm/job001/prepared/particles.mrcs"]
    assert not set(files) & set(names)
    assert job.prepare_clean_up_lists() == ([], [])
    (project_folder / "GemEm" / "job001" / "summary.json").write_text("{")
    assert "summary.json" in str(job.gather_metadata())


def test_a_job_that_starts_has_no_node_of_an_earlier_job(project_folder: Path) -> None:
    job = new_job_of_type("gem_em.select")
    job.output_dir = "GemEm/job002/"
    job.create_output_nodes()
    assert job.output_nodes == []


def test_the_programs_lie_beside_this_python() -> None:
    """The tests run what the wheel installed."""
    for job in map(new_job_of_type, NAMES):
        for program in job.jobinfo.programs:
            assert os.path.dirname(program.exe_path) == os.path.dirname(sys.executable)
