"""docs/gaussianem-options.md names no option that does not exist, and none of GaussianEM's is left out."""

import dataclasses
import re
from pathlib import Path

import pytest

from gem_plugin.cli.main import OTHER_COMMANDS, _as_step
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.settings import flag_of

THEIR_OPTIONS = {
    "particle_preprocess": """source_dir data_dir star_file size downsample_size apix no_invert consensus_map map_thres
        sample_interval output downsample_batch scale_min scale_max qlayers qdim zdim gaussian_kdim gaussian_klayers
        gaussian_embedding_dim feature_kdim feature_klayers feature_dim epoch batch_size no_window start_checkpoint""",
    "train_em_relion_vae_xyz_batch": "particle_name pose ctf point cfg output batch_size epoch no_window start_checkpoint",
    "analyze_heter": "source_dir gaussians cfg model_weight latent nclass mask",
}


@pytest.fixture(scope="module")
def sections(repository: Path) -> dict[str, list[list[str]]]:
    """Title -> rows of three cells."""
    text = (repository / "docs" / "gaussianem-options.md").read_text(encoding="utf-8")
    found = {}
    for part in text.split("\n## ")[1:]:
        lines = [line for line in part.splitlines() if line.startswith("| ")][1:]
        found[part.splitlines()[0]] = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return found


def test_every_option_of_ours_exists(sections: dict[str, list[list[str]]]) -> None:
    steps = {**STEPS, **{command.name: _as_step(command) for command in OTHER_COMMANDS}}
    flags = {
        name: {flag_of(field) for field in dataclasses.fields(step.settings_class)}
        for name, step in steps.items()
        if step.is_there
    }
    named = [
        match
        for rows in sections.values()
        for row in rows
        for match in re.findall(r"`([a-z-]+) (--[a-z-]+)`", row[1])
    ]
    assert len(named) > 40
    wrong = [f"{command} {flag}" for command, flag in named if flag not in flags.get(command, ())]
    assert not wrong


@pytest.mark.parametrize("command", THEIR_OPTIONS)
def test_every_option_of_theirs_has_its_row(sections: dict[str, list[list[str]]], command: str) -> None:
    listed = {
        name for row in sections[command] for name in re.findall(r"`--([a-z_]+)`", row[0])
    }  # `--batch_size` (consensus fit) counts too
    missing = set(THEIR_OPTIONS[command].split()) - listed
    assert not missing


def test_an_option_without_an_equivalent_says_why(sections: dict[str, list[list[str]]]) -> None:
    for rows in sections.values():
        for _, ours, remark in rows:
            assert ours
            assert remark or ours != "-"
