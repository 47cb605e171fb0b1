"""The node list: right for every version of RELION, and never a broken node."""

from pathlib import Path

import pytest

from gem_plugin.adapters.relion.output_nodes import NodeKind, OutputNode, relion_version, write_output_nodes
from gem_plugin.adapters.relion.run_nodes import nodes_of_run
from gem_plugin.io.run.files import RunFiles
from gem_plugin.particles.tilt_series.subset import set_beside

JOB_STARS = {
    3: "# version 30001\n\ndata_job\n\n_rlnJobType                            99\n_rlnJobIsContinue                       0\n",
    4: "# version 30001\n\ndata_job\n\n_rlnJobTypeLabel             relion.external\n_rlnJobIsTomo  0\n",
    5: "# version 50001\n\ndata_job\n\n_rlnJobTypeLabel             relion.external\n_rlnJobIsTomo  0\n",
    "ccpem": "# version 30001 / CCP-EM Pipeliner\n\ndata_job\n\n_rlnJobTypeLabel  relion.external\n",
}


@pytest.mark.parametrize(("key", "version"), [(3, 3), (4, 4), (5, 5), ("ccpem", 5)])
def test_version_is_read_from_the_job_star(tmp_path: Path, key, version) -> None:
    (tmp_path / "job.star").write_text(JOB_STARS[key])
    assert relion_version(tmp_path) == version


def test_version_without_a_job_star_is_the_newest(tmp_path: Path) -> None:
    assert relion_version(tmp_path) == 5


@pytest.mark.parametrize(
    ("key", "label"),
    [(3, "ParticleGroupMetadata"), (4, "ParticlesData"), (5, "ParticleGroupMetadata")],
)
def test_particles_carry_the_integer_and_the_label_of_the_version(tmp_path, monkeypatch, key, label) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("External/job007/")
    folder.mkdir(parents=True)
    (folder / "job.star").write_text(JOB_STARS[key])
    (folder / "particles.star").write_text("rows")
    nodes = [OutputNode("particles.star", NodeKind.PARTICLES), OutputNode("absent.mrc", NodeKind.MAP)]
    write_output_nodes(folder, nodes)
    rows = (folder / "RELION_OUTPUT_NODES.star").read_text().split("\n_rlnPipeLineNodeTypeLabel #3\n")[1]
    assert rows.split() == ["External/job007/particles.star", "3", f"{label}.star.relion"]


def test_node_paths_are_relative_to_the_project_for_an_absolute_job_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "External/job007"
    folder.mkdir(parents=True)
    (folder / "mask.mrc").write_text("map")
    write_output_nodes(folder, [OutputNode("mask.mrc", NodeKind.MASK)])
    assert "\nExternal/job007/mask.mrc 7 Mask3D.mrc\n" in (folder / "RELION_OUTPUT_NODES.star").read_text()


def test_reconstructed_maps_are_nodes_with_one_half_map_each_and_no_control(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("External/job008")
    (folder / "reconstruct").mkdir(parents=True)
    for map_name in ("state_001", "random_subset"):
        for ending in ("", "_half1", "_half2", "_mask", "_local_resolution"):
            (folder / f"reconstruct/{map_name}{ending}.mrc").write_text("map")
    write_output_nodes(folder, nodes_of_run(RunFiles(folder)))
    rows = (folder / "RELION_OUTPUT_NODES.star").read_text().split("\n_rlnPipeLineNodeTypeLabel #3\n")[1]
    assert rows.strip().splitlines() == [
        "External/job008/reconstruct/state_001.mrc 6 DensityMap.mrc",
        "External/job008/reconstruct/state_001_half1.mrc 10 DensityMap.mrc.halfmap",
        "External/job008/reconstruct/state_001_mask.mrc 7 Mask3D.mrc",
        "External/job008/reconstruct/state_001_local_resolution.mrc 12 Image3D.mrc.localresmap",
    ]


@pytest.mark.parametrize(("key", "is_there"), [(5, True), (4, True), (3, False)])
def test_optimisation_sets_beside_particles_are_nodes_where_relion_knows_them(
    tmp_path, monkeypatch, key, is_there
) -> None:
    monkeypatch.chdir(tmp_path)
    run = RunFiles(tmp_path / "External/job007")
    run.root.mkdir(parents=True)
    (run.root / "job.star").write_text(JOB_STARS[key])
    for name in ("particles.star", "optimisation_set.star"):
        (run.root / name).write_text("data_\n")
    of_state = run.landscape.states.particles(1, ".star")
    of_state.parent.mkdir(parents=True)
    for path in (of_state, set_beside(of_state)):
        path.write_text("data_\n")
    nodes = nodes_of_run(run)
    sets, particles = (
        [run.root / node.file for node in nodes if node.kind is kind]
        for kind in (NodeKind.OPTIMISATION_SET, NodeKind.PARTICLES)
    )
    assert sets == [run.root / "optimisation_set.star", set_beside(of_state)]
    assert particles == [run.root / "particles.star", of_state]
    write_output_nodes(run.root, nodes)
    text = (run.root / "RELION_OUTPUT_NODES.star").read_text()
    assert ("optimisation_set.star 0 TomoOptimisationSet.star.relion" in text) is is_there
    assert "External/job007/particles.star 3" in text
