"""The commands for CryoSPARC in a report, typed as they are printed, to the loopback server."""

import html
import io
import re
import shlex
from pathlib import Path

import pytest

from cryosparc_server.commands import INPUTS, N_PARTICLES, assert_has_all_fields_of, load, newest, run
from cryosparc_server.fake_steps import states_of
from cryosparc_server.faults import IGNORED_WARNINGS
from cryosparc_server.instance import Instance
from gem_plugin.adapters.cryosparc.commands import run_command
from gem_plugin.cli.main import gem_em
from gem_plugin.io.cryosparc.files import read_cs_rows
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress
from gem_plugin.steps.report.settings import ReportSettings
from gem_plugin.steps.report.step import run_report

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS


@pytest.fixture
def commands(rows, instance: Instance) -> list[list[str]]:
    """Words of every command in the report on a job with states."""
    assert run("run", *INPUTS) == 0
    files = RunFiles(instance.folder / "J43" / "gem")
    run_report(files, ReportSettings(chimerax=False), Progress(io.StringIO()))
    chapter = re.search(r'<section id="next">(.*?)</section>', files.report.read_text(encoding="utf-8"), re.S)
    assert chapter is not None
    return [shlex.split(html.unescape(text)) for text in re.findall(r"<pre>(.*?)</pre>", chapter[1], re.S)]


def test_the_printed_command_makes_the_output_in_the_workspace(rows, instance: Instance, commands) -> None:
    (words,) = [words for words in commands if words[0] == "gem-cryosparc-select"]
    assert words[1:5] == ["--project", "P3", "--workspace", "W1"]
    assert run_command("select", words[1:]) == 0
    assert newest(instance).status == "completed"
    assert_has_all_fields_of(load("J44", "particles"), rows[states_of(N_PARTICLES) == 1])


def test_the_printed_commands_write_the_files_to_import(rows, instance: Instance, commands) -> None:
    ours = {words[1]: words[1:] for words in commands if words[0] == "gem-em"}
    for step, wanted in (("select", rows[states_of(N_PARTICLES) == 1]), ("write-cs", rows)):
        gem_em.main(ours[step], standalone_mode=False)
        path = Path(ours[step][ours[step].index("--out") + 1]) if "--out" in ours[step] else None
        assert path is not None
        assert path.with_suffix(".csg").is_file()
        assert read_cs_rows(path)["uid"].tolist() == wanted["uid"].tolist()
