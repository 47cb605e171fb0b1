"""Jobs in a real project of the pipeliner, each with a second one on its output; the last is one of RELION."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pipeliner.api.manage_project")
pytestmark = [pytest.mark.filterwarnings("default")]  # the pipeliner's own

from old_runs import copy_old_run  # noqa: E402
from pipeliner.api.manage_project import PipelinerProject  # noqa: E402
from pipeliner.project_graph import ProjectGraph  # noqa: E402

from gem_plugin.progress import Progress  # noqa: E402

SMALL = {"n_states": "2", "sketch_size": "24", "skip_umap": "Yes", "nr_threads": "2"}
SUCCEEDED, FAILED = "Succeeded", "Failed"


@dataclass
class Project:
    """A project whose jobs run in this process, to their end."""

    api: PipelinerProject

    def run(self, kind: str, **options: str) -> str:
        """The folder of the new job."""
        job = self.api.run_job({"_rlnJobTypeLabel": kind, **options}, run_in_foreground=True)
        with ProjectGraph(read_only=False) as graph:
            graph.check_process_completion()
        return job.output_dir

    def status(self, job: str) -> str:
        with ProjectGraph() as graph:
            return graph.find_process(job).status

    def outputs(self, job: str) -> dict[str, str]:
        with ProjectGraph() as graph:
            return {node.name.removeprefix(job): node.type for node in graph.find_process(job).output_nodes}

    def displays(self, job: str) -> list[Any]:
        self.api.get_job(job).save_results_display_files()
        return [one.dobj_type for one in self.api.get_job(job).load_results_display_files()]


@pytest.fixture
def project(project_folder: Path) -> Project:
    return Project(PipelinerProject(make_new_project=True))


def test_select_in_a_project_then_a_job_of_relion(
    project: Project, project_folder: Path, relion: Path
) -> None:
    """On a run of version 0.1.0: particles of two states, which RELION's own Select takes."""
    copy_old_run(project_folder)
    earlier = "project/RUN/landscape/states/state_001.star"
    chosen = project.run("gem_em.select", in_parts=earlier, states="1,2")
    assert project.status(chosen) == SUCCEEDED
    assert project.outputs(chosen) == {"particles.star": "ParticleGroupMetadata.star.relion.gem"}
    lines = (project_folder / chosen / "particles.star").read_text().splitlines()
    n_chosen = sum("@" in line for line in lines)
    assert 0 < n_chosen < 60
    assert "gem-em 0." in (project_folder / chosen / "run.out").read_text()
    limits = {"select_label": "rlnDefocusU", "select_minval": "0", "select_maxval": "1e9"}
    taken = project.run("relion.select.onvalue", fn_data=f"{chosen}particles.star", **limits)
    assert project.status(taken) == SUCCEEDED
    assert (
        sum("@" in line for line in (project_folder / taken / "particles.star").read_text().splitlines())
        == n_chosen
    )
    assert "pending" not in project.displays(chosen)


def test_a_select_job_that_fails_leaves_no_output(project: Project, project_folder: Path) -> None:
    copy_old_run(project_folder)
    failed = project.run("gem_em.select", in_parts="project/RUN/landscape/states/state_001.star", states="99")
    assert project.status(failed) == FAILED
    assert project.outputs(failed) == {}
    assert "There is no state 99" in (project_folder / failed / "run.err").read_text()


def test_what_is_refused_makes_no_job(project: Project, project_folder: Path) -> None:
    copy_old_run(project_folder)
    with pytest.raises(ValueError, match="does not belong to a GEM job"):
        project.run("gem_em.landscape", in_parts="project/simulated/particles.star")
    with ProjectGraph() as graph:
        assert not graph.process_list


@pytest.mark.slow
def test_run_landscape_select_and_reconstruct(project: Project, project_folder: Path, relion: Path) -> None:
    """A whole life: run, its states again, a subset, half-maps; continue, references, metadata, clean-up."""
    _simulate(project_folder)
    inputs = {"in_parts": "raw/particles.star", "in_3dref": "raw/consensus.mrc"}
    first = project.run("gem_em.run", **inputs, epochs="2", box="32", **SMALL)
    assert project.status(first) == SUCCEEDED
    assert project.outputs(first)["landscape/states/state_001_reference.mrc"] == "DensityMap.mrc.gem.state"
    assert project.outputs(first)["consensus/map.mrc"] == "DensityMap.mrc.gem.consensus"
    shown = project.displays(first)
    assert shown[:3] == ["image", "text", "table"]
    assert {"montage", "mapmodel", "graph", "html", "pdffile"} <= set(shown)
    assert "pending" not in shown

    again = project.run("gem_em.landscape", in_parts=f"{first}particles.star", **{**SMALL, "n_states": "3"})
    assert len([name for name in project.outputs(again) if name.endswith("_reference.mrc")]) == 3
    chosen = project.run("gem_em.select", in_parts=f"{again}landscape/particles.star", states="1,2")
    limits = {"select_label": "rlnDefocusU", "select_minval": "0", "select_maxval": "1e9"}
    taken = project.run("relion.select.onvalue", fn_data=f"{chosen}particles.star", **limits)
    halves = project.run("gem_em.reconstruct", in_parts=f"{again}landscape/particles.star", nr_threads="2")
    assert {project.status(job) for job in (again, chosen, taken, halves)} == {SUCCEEDED}
    assert project.outputs(halves)["reconstruct/state_001_half1.mrc"] == "DensityMap.mrc.halfmap.gem"
    assert project.outputs(halves)["reconstruct/state_001_mask.mrc"] == "Mask3D.mrc.gem"
    assert "pending" not in [*project.displays(again), *project.displays(halves)]

    before = project.outputs(again)
    _continue_with(project, again, "sketch_size", "20")
    assert project.outputs(again) == before

    report, n_jobs = project.api.create_reference_report(halves)
    assert n_jobs >= 3
    text = Path(report).read_text()
    for words in ("GaussianEM", "Kinman LF", "CryoDRGN"):
        assert words in text
    metadata, _ = project.api.prepare_metadata_report(halves)
    assert json.loads((Path(halves) / "summary.json").read_text())["reconstruct"]["seconds"] > 0
    assert '"reconstruct"' in Path(metadata).read_text()

    assert project.api.run_cleanup([first], harsh=True)
    left = set(project.outputs(first))
    assert all((project_folder / first / name).is_file() for name in left)
    assert [path.name for path in (project_folder / first / "prepared").iterdir()] == ["table.npz"]


def _continue_with(project: Project, job: str, option: str, value: str) -> None:
    """As a user does: edit continue_job.star, then continue."""
    path = Path(job) / "continue_job.star"
    lines = path.read_text().splitlines()
    changed = [f"{option} {value}" if line.split()[:1] == [option] else line for line in lines]
    assert changed != lines
    path.write_text("\n".join(changed) + "\n")
    project.api.continue_job(job, run_in_foreground=True)
    with ProjectGraph(read_only=False) as graph:
        graph.check_process_completion()
    assert project.status(job) == SUCCEEDED
    assert json.loads((Path(job) / "summary.json").read_text())["landscape"]["sketch_maps"] == int(value)


def _simulate(folder: Path) -> None:
    from gem_plugin.steps.simulate.settings import SimulateSettings
    from gem_plugin.steps.simulate.step import run_simulate

    settings = SimulateSettings(
        out=folder / "raw", n_particles=300, box=32, pixel_size=8.0, snr=0.3, stack_folder="raw"
    )
    run_simulate(settings, Progress())
