"""Star files and projects made from nothing are read by our reader and by real RELION."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from gem_plugin.io.relion_project import ExternalJob, start_project, write_job_star, write_pipeline
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.text import read_star_document
from gem_plugin.io.star.write import write_new_star

TRAIN = ExternalJob(
    "External/job001/", "gem-external-train", {"in_part": "p.star", "in_3dref": "m.mrc"}, {"epochs": "3"}, 2
)
LANDSCAPE = ExternalJob(
    "External/job002/", "gem-external-landscape", {"in_part": "External/job001/a.star"}, {}, 1
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new.star"
    loop = {"_rlnImageName": ["1@a", "22@a b"], "_rlnAngleRot": ["1.5", "-2"], "_rlnEmpty": ["", "x"]}
    write_new_star(
        path,
        {"general": {"_rlnCounter": "3", "_rlnFile": "my run/a.star", "_rlnNothing": ""}, "particles": loop},
    )
    document = read_star_document(path)
    general, particles = document.find_block("general"), document.find_block("particles")
    assert general is not None
    assert general.pairs == {"_rlnCounter": "3", "_rlnFile": "my run/a.star", "_rlnNothing": ""}
    assert particles is not None
    columns = read_columns(document, particles, ["_rlnAngleRot"], ["_rlnImageName", "_rlnEmpty"])
    np.testing.assert_array_equal(columns["_rlnAngleRot"], [1.5, -2])
    assert columns["_rlnImageName"].tolist() == ["1@a", "22@a b"]
    assert columns["_rlnEmpty"].tolist() == ["", "x"]


def test_the_command_is_the_one_that_relion_builds() -> None:
    expected = "gem-external-train --o External/job001/ --in_parts p.star --in_3dref m.mrc --epochs 3 --j 2"
    assert " ".join(TRAIN.command()) == expected


def _finish(project: Path, job: ExternalJob, nodes: dict[str, int]) -> None:
    folder = project / job.folder
    (folder / "RELION_JOB_EXIT_SUCCESS").touch()
    for name in nodes:
        (project / name).touch()
    columns = {
        "_rlnPipeLineNodeName": list(nodes),
        "_rlnPipeLineNodeType": [str(kind) for kind in nodes.values()],
    }
    write_new_star(folder / "RELION_OUTPUT_NODES.star", {"output_nodes": columns})


@pytest.mark.relion
def test_real_relion_goes_on_with_a_project_of_ours(tmp_path: Path, relion: Path) -> None:
    """relion_pipeliner reads the jobs and adds the next one under the next number."""
    start_project(tmp_path)
    for job in (TRAIN, LANDSCAPE):
        write_job_star(tmp_path, job)
    _finish(tmp_path, TRAIN, {"External/job001/a.star": 3, "External/job001/map.mrc": 6})
    write_pipeline(tmp_path, [TRAIN, LANDSCAPE])
    arguments = ["--addJobFromStar", "External/job001/job.star"]
    done = subprocess.run(
        [relion / "relion_pipeliner", *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = read_star_document(tmp_path / "default_pipeline.star")
    processes, nodes = document.find_block("pipeline_processes"), document.find_block("pipeline_nodes")
    assert processes is not None
    assert nodes is not None
    columns = read_columns(document, processes, ["_rlnPipeLineProcessStatus"], ["_rlnPipeLineProcessName"])
    names = columns["_rlnPipeLineProcessName"].tolist()
    assert names == ["External/job001/", "External/job002/", "External/job003/"]
    assert columns["_rlnPipeLineProcessStatus"].tolist() == [2, 3, 1]  # finished, failed, scheduled
    known = read_columns(document, nodes, [], ["_rlnPipeLineNodeName"])["_rlnPipeLineNodeName"].tolist()
    assert {"External/job001/a.star", "External/job001/map.mrc"} <= set(known)
    added = (tmp_path / "External/job003/run.job").exists() or (
        tmp_path / "External/job003/job.star"
    ).exists()
    assert added
