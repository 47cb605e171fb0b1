"""What a harsh clean-up may take."""

from pathlib import Path

from adapters.pipeliner.made_jobs import finished_job

from gem_plugin.adapters.pipeliner.removable_files import files_of_harsh_clean_up
from gem_plugin.adapters.relion.run_nodes import nodes_of_run
from gem_plugin.io.run.files import RunFiles


def test_images_and_checkpoints_of_halves_but_never_an_output_or_a_link(tmp_path: Path) -> None:
    run = finished_job(tmp_path / "job001")
    for path in (run.checkpoint, run.half(1).checkpoint):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = files_of_harsh_clean_up(run.root)
    assert found == [str(run.prepared_images), str(run.half(1).checkpoint)]
    assert not {str(run.root / node.file) for node in nodes_of_run(run)} & set(found)
    later = RunFiles(tmp_path / "job002")
    later.prepared_images.parent.mkdir(parents=True)
    later.prepared_images.symlink_to(run.prepared_images)
    assert files_of_harsh_clean_up(later.root) == []
