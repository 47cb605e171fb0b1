"""The chapter on compared samples: the verdict first, the maps of what differs, all numbers; nothing where nothing was compared."""

from dataclasses import replace

import numpy as np
import pytest
from full_run import make_full_run
from simulated_posteriors import two_samples

from gem_plugin.io.run.files import RunFiles
from gem_plugin.landscape.sample_comparison import compare_samples
from gem_plugin.reports.first_page.contents import FirstPage
from gem_plugin.reports.report_page import report_text
from gem_plugin.reports.sections.samples import samples_section
from gem_plugin.results.run import Run
from gem_plugin.results.sample_comparison import ComparedSamples


def compared(*fractions: float) -> ComparedSamples:
    names = ["<apo>", "atp", "adp"][: len(fractions)]
    found = compare_samples(*two_samples(fractions, 0), np.random.default_rng(0))
    return ComparedSamples.of(found, names, "rlnOpticsGroup", "micrographs", True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> RunFiles:
    return make_full_run(tmp_path_factory.mktemp("samples") / "run")


def test_the_chapter_is_there_only_where_samples_were_compared(files: RunFiles) -> None:
    assert samples_section(Run(files)) == ""
    assert "Samples compared" not in report_text(FirstPage(Run(files)), [])
    compared(0.8, 0.6).save(files.landscape)
    text = report_text(FirstPage(Run(files)), [])
    assert (
        '<section id="samples"><h2>Samples compared</h2><p><strong>&lt;apo&gt; and atp differ in states 1 and 2:'
        in text
    )


def test_states_that_differ_have_maps_and_a_row_each(files: RunFiles) -> None:
    found = compared(0.8, 0.6)
    found.save(files.landscape)
    text = samples_section(Run(files))
    assert text.count('<div class="card">') == 2
    assert text.count("<td>differs</td>") == 2
    assert "state 1, projection along z" in text
    assert "<apo>" not in text
    assert "2,000 particles of 20 micrographs" in text


def test_no_difference_is_said_without_maps(files: RunFiles) -> None:
    same = replace(compared(0.8, 0.8), corrected_p_values=np.ones((1, 2)))
    same.save(files.landscape)
    text = samples_section(Run(files))
    assert "No difference between &lt;apo&gt; and atp was found" in text
    assert "card" not in text
    assert text.count("<td>no difference found</td>") == 2


def test_three_samples_have_three_tables(files: RunFiles) -> None:
    compared(0.8, 0.8, 0.6).save(files.landscape)
    assert samples_section(Run(files)).count("<table") >= 3
