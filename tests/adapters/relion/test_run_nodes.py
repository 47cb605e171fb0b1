"""What a run offers to RELION: names that tell, in lists that show only the last part of a path."""

import os
from pathlib import Path

from gem_plugin.adapters.relion.output_nodes import NodeKind, OutputNode
from gem_plugin.adapters.relion.run_nodes import nodes_of_run, with_telling_names
from gem_plugin.io.run.files import RunFiles

FILES = ("particles.star", "consensus/map.mrc", "landscape/particles.star", "landscape/full/particles.star")


def made_run(folder: Path) -> RunFiles:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return RunFiles(folder)


def test_no_two_outputs_share_the_name_that_the_gui_shows(tmp_path: Path) -> None:
    run = made_run(tmp_path)
    nodes = with_telling_names(run, nodes_of_run(run))
    assert sorted(node.file for node in nodes) == [
        "consensus_map.mrc",
        "particles.star",
        "particles_with_full_states.star",
        "particles_with_states.star",
    ]
    assert (tmp_path / "particles_with_states.star").read_text() == "landscape/particles.star"
    assert not os.path.isabs(os.readlink(tmp_path / "consensus_map.mrc"))  # the project may move


def test_a_second_start_gives_the_same_names(tmp_path: Path) -> None:
    run = made_run(tmp_path)
    first = with_telling_names(run, nodes_of_run(run))
    assert with_telling_names(run, nodes_of_run(run)) == first


def test_a_file_of_the_user_with_that_name_stays(tmp_path: Path) -> None:
    run = made_run(tmp_path)
    (tmp_path / "consensus_map.mrc").write_text("mine")
    nodes = with_telling_names(run, [OutputNode("consensus/map.mrc", NodeKind.MAP)])
    assert [node.file for node in nodes] == ["consensus/map.mrc"]
    assert (tmp_path / "consensus_map.mrc").read_text() == "mine"
