"""report.html: shows what there is, says what is missing, needs no network."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from tiny_run import N_PARTICLES, N_STATES, make_tiny_run

from gem_plugin.errors import InputError
from gem_plugin.io.array_files import write_array
from gem_plugin.io.run import figure_names
from gem_plugin.io.run.figure_names import ENERGY_OF_LATENTS
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.names import NO_FREE_ENERGY
from gem_plugin.io.run.settings import write_step_summary
from gem_plugin.progress import Progress
from gem_plugin.reports.figures.captions import caption_of, title_of
from gem_plugin.reports.figures.order import chapter_of
from gem_plugin.reports.first_page import contents, picture
from gem_plugin.reports.plain_numbers import short_number
from gem_plugin.reports.sections.html_parts import quantised, script_data, whole_numbers
from gem_plugin.reports.sections.map_pictures import pictures_of_maps
from gem_plugin.reports.sections.run_warnings import RunWarning, find_warnings, together
from gem_plugin.results.run import Run
from gem_plugin.steps.report import step as report_step
from gem_plugin.steps.report.settings import ReportSettings
from gem_plugin.steps.report.step import run_report

WITH_PICTURES = (
    "test_report_of_a_finished_run_shows_every_part",
    "test_report_refers_to_nothing_outside_itself",
    "test_the_first_page_has_a_picture_three_sentences_and_a_command",
)


@pytest.fixture(autouse=True)
def without_pictures_of_the_first_page(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Surfaces and logfile.pdf take seconds; few of these tests look at them."""
    monkeypatch.setattr(contents, "LARGEST_PICTURE", 40)
    monkeypatch.setattr(contents, "SMALLEST_PICTURE", 30)
    monkeypatch.setattr(contents, "ROWS_OF_CONSENSUS", 40)
    if request.node.name not in WITH_PICTURES:
        monkeypatch.setattr(contents, "molecule_of", lambda run: None)
        monkeypatch.setattr(picture, "draw_first_page", lambda *_: [])
        monkeypatch.setattr(report_step, "write_log", lambda *_: [])


def report_of(run: RunFiles) -> str:
    run_report(run, ReportSettings(), Progress(io.StringIO()))
    return run.report.read_text(encoding="utf-8")


def test_report_of_a_finished_run_shows_every_part(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    page = report_of(run)
    assert page.count("<h3>State ") == N_STATES
    assert page.count('class="card animation"') == 1
    assert 'id="scatter-data"' in page
    assert (run.figures / "training.pdf").is_file()
    assert run.pdf_log.read_bytes().startswith(b"%PDF")
    assert f"{N_PARTICLES} particles" in page


def test_report_of_an_empty_folder_says_what_would_fill_it(tmp_path: Path) -> None:
    page = report_of(RunFiles(tmp_path))
    for step in ("prepare", "train", "landscape", "analyze"):
        assert f"gem-em {step} {tmp_path}" in page


def test_report_of_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Expected the folder of a run"):
        report_of(RunFiles(tmp_path / "absent"))


def test_report_refers_to_nothing_outside_itself(tmp_path: Path) -> None:
    page = report_of(make_tiny_run(tmp_path))
    addresses = re.findall(r"""(?:src|href)=["']?([^"'>\s]+)|url\(([^)]*)\)""", page)
    outside = {
        one or other for one, other in addresses if not (one or other).startswith(("data:", "#", "${"))
    }
    assert outside == set()
    assert "default-src 'none'" in page
    assert run_size_in_megabytes(tmp_path) < 15


def test_the_first_page_has_a_picture_three_sentences_and_a_command(tmp_path: Path) -> None:
    chapter = chapters_of(report_of(make_tiny_run(tmp_path)))["first"]
    assert chapter.count("<figure") == 1
    heads = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", chapter)
    assert [head for head, _ in heads] == ["What moves", "States", "Next", ""]
    assert all(text.endswith(".") for head, text in heads if head)
    assert f"gem-em diagnose {tmp_path}" in chapter
    assert 'id="surface-data"' in chapter


def test_an_empty_folder_has_sentences_and_no_picture(tmp_path: Path) -> None:
    chapter = chapters_of(report_of(RunFiles(tmp_path)))["first"]
    assert "<figure" not in chapter
    assert "surface-library" not in chapter
    assert f"gem-em prepare {tmp_path}" in chapter


def run_size_in_megabytes(root: Path) -> float:
    return (root / "report.html").stat().st_size / 1e6


def test_states_of_the_particles_are_in_the_scatter_data(tmp_path: Path) -> None:
    page = report_of(make_tiny_run(tmp_path))
    text = re.search(r'id="scatter-data">(.*?)</script>', page, re.S)
    assert text is not None
    columns = {column["name"]: column for column in json.loads(text[1])["columns"]}
    assert columns["state"]["isGroup"]
    assert {"latent_1", "latent_pc_1", "latent_std"} <= set(columns)


def test_quantised_numbers_are_within_half_a_step(tmp_path: Path) -> None:
    import base64

    values = np.random.default_rng(0).normal(size=1000)
    packed = quantised(values)
    steps = np.frombuffer(base64.b64decode(packed["data"]), "<u2").astype(float)
    span = packed["highest"] - packed["lowest"]
    np.testing.assert_allclose(packed["lowest"] + steps / 65535 * span, values, atol=0.51 * span / 65535)


def test_texts_cannot_end_the_script_they_are_in() -> None:
    assert script_data("x", {"label": "</script><b>"}).count("</script>") == 1


def test_names_in_settings_cannot_become_markup(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    run.settings.write_text('[prepare]\nparticles = "<img src=x onerror=alert(1)>"\n')
    assert "<img src=x" not in report_of(run)


def test_columns_of_other_lengths_are_left_out(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    np.save(run.analyze.umap, np.zeros((7, 2), np.float32))
    assert "umap_1" not in Run(run).columns
    assert "Some results are of other particles" in report_of(run)


def warnings_of(
    folder: Path, kl: str = "", validation_loss: str = "", counts: list[int] | None = None
) -> list[RunWarning]:
    """Of a run with this history, three epochs, and these particles in its states."""
    run = RunFiles(folder)
    if kl:
        rows = zip("123", kl.split(), validation_loss.split())
        run.history.parent.mkdir(parents=True)
        run.history.write_text("epoch,kl,validation_loss\n" + "".join(f"{','.join(row)}\n" for row in rows))
    if counts:
        write_array(run.landscape.particle_states, np.repeat(np.arange(1, len(counts) + 1), counts))
    return find_warnings(Run(run))


def test_warnings_have_their_reasons(tmp_path: Path) -> None:
    assert warnings_of(tmp_path / "healthy", "3 6 7", "5 4 3.9", [4000, 3000, 3000]) == []
    collapsed = warnings_of(tmp_path / "collapsed", "0.1 0.02 0.01", "5 4 3.9")
    assert [warning.title for warning in collapsed] == ["Latent space collapsed"]
    overfitted = warnings_of(tmp_path / "overfitted", "3 6 7", "5 3 4")
    assert "lowest after epoch 2" in overfitted[0].meaning
    small = warnings_of(tmp_path / "small", counts=[5000, 4800, 20])
    assert [warning.title for warning in small] == ["Small states: 3", "State 1 holds 51% of the particles"]


def test_failed_checks_of_the_diagnostics_become_warnings(tmp_path: Path) -> None:
    rows = [
        {
            "name": "latent follows pose",
            "value": 0.4,
            "threshold": 0.1,
            "is_bad": True,
            "sentence": "It does.",
        },
        {"name": "half sets", "value": 0.9, "threshold": 0.5, "is_bad": False, "sentence": "They agree."},
    ]
    (tmp_path / "diagnostics.json").write_text(json.dumps(rows))
    assert [warning.title for warning in find_warnings(Run(tmp_path))] == ["Latent follows pose"]
    assert "They agree." in report_of(make_tiny_run(tmp_path))


def chapters_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'<section id="(\w+)">(.*?)</section>', page, re.S))


def test_figures_are_in_the_chapters_they_belong_to(tmp_path: Path) -> None:
    chapters = chapters_of(report_of(make_tiny_run(tmp_path)))
    assert list(chapters) == [
        "first", "history", "overview", "states", "motion", "reconstruction", "warnings", "next", "trajectories", "energy",
        "landscape", "particles", "training", "inputs", "numbers", "provenance",
    ]  # fmt: skip
    assert f"<figcaption><b>Training.</b> {caption_of('training')}</figcaption>" in chapters["training"]
    energy = f"<figcaption><b>Free energy of the latents.</b> {caption_of(ENERGY_OF_LATENTS)}</figcaption>"
    assert energy in chapters["energy"]
    assert f"gem-em landscape-full {tmp_path}" in chapters["energy"]
    places = {
        "training": "training",
        "full_free_energy_1_2": "energy",
        "full_path_profile": "energy",
        "fsc_of_states": "reconstruction",
        "motion_of_parts": "motion",
    }
    places |= {
        "landscape_dendrogram": "states",
        "landscape_state_means": "states",
        "landscape_umap": "landscape",
    }
    assert {name: chapter_of(Path(f"{name}.png")) for name in places} == places
    assert "volume components 1 and 2, coloured by state" in caption_of("landscape_vol_pca_1_2")


def test_energy_of_the_latents_gives_way_to_that_of_the_volume_components(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    report_of(run)
    first_look = run.figures / f"{ENERGY_OF_LATENTS}.pdf"
    assert first_look.is_file()
    (run.figures / "full_free_energy_1_2.png").write_bytes((run.figures / "training.png").read_bytes())
    chapter = chapters_of(report_of(run))["energy"]
    assert "full_free" not in chapter
    assert "Free energy on volume components 1 and 2" in chapter
    assert "two largest latent components" not in chapter
    assert not first_look.exists()


def test_particles_that_do_not_differ_have_no_energy_and_still_a_report(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    np.save(run.latents, np.ones((N_PARTICLES, 3), np.float32))
    assert f"gem-em landscape-full {tmp_path}" in chapters_of(report_of(run))["energy"]
    assert not (run.figures / f"{ENERGY_OF_LATENTS}.png").exists()


def test_why_there_is_no_free_energy_is_said_in_its_chapter(tmp_path: Path, monkeypatch) -> None:
    run = make_tiny_run(tmp_path)
    sentence = "A free energy needs at least 10 particles, got 8."
    summary = {"landscape-full": {NO_FREE_ENERGY: sentence}}
    monkeypatch.setattr(Run, "summary", lambda self, step: summary.get(step, {}))
    chapter = chapters_of(report_of(run))["energy"]
    assert sentence in chapter
    assert "gem-em landscape-full" not in chapter
    np.save(run.latents, np.ones((N_PARTICLES, 3), np.float32))
    assert chapters_of(report_of(run))["energy"].startswith(f"<h2>Free energy</h2><p>{sentence}</p>")


def test_every_figure_that_a_step_draws_has_a_caption() -> None:
    """The names are those of the table: a figure that is added without a sentence is found here."""
    templates = [
        value
        for name, value in vars(figure_names).items()
        if name.isupper() and isinstance(value, str)  # not the lists of them
    ]
    drawn = {template.format("pca" if "full_{}_" in template else 1, 2) for template in templates}
    assert len(drawn) > 20
    assert {name for name in drawn if caption_of(name) == name.replace("_", " ")} == set()
    assert {name for name in drawn if title_of(name) == name.replace("_", " ")} == set()


def test_warnings_that_differ_by_state_only_are_one() -> None:
    same = [RunWarning(f"State {number} is unstable", f"Found {number}.", "Merge it.") for number in (1, 4)]
    other = RunWarning("State 2 may be junk", "Odd.", "Look.")
    merged = together([same[0], other, same[1]])
    assert [warning.title for warning in merged] == ["States 1, 4 are unstable", "State 2 may be junk"]
    assert merged[0].meaning == "Found 1. Found 4."


def test_states_of_one_cloud_are_warned_of(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    run.summary.write_text(json.dumps({"landscape": {"one_cloud": True}}))
    chapters = chapters_of(report_of(run))
    assert "States cut one cloud" in chapters["warnings"]
    assert "cuts through it" in chapters["overview"]


def test_pictures_of_states_share_one_scale_and_cut_through_the_molecule(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    pictures = pictures_of_maps([run.landscape.states.mean(n) for n in (1, 2, 3)])
    assert all(section.max() > 0.5 for views in pictures.slices for section in views[:2])
    assert pictures.slice_positions_in_angstroms[:2] == (0.0, 0.0)
    assert pictures.width_in_angstroms <= 24 * 4.0


def test_whole_numbers_of_groups_come_back_exactly() -> None:
    import base64

    values = np.array([3.0, 0.0, 200.0, 7.0])
    packed = whole_numbers(values)
    steps = np.frombuffer(base64.b64decode(packed["data"]), np.uint8)
    assert (packed["lowest"] + steps.astype(float)).tolist() == values.tolist()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1799, "1,799"),
        (0.0023456, "0.00235"),
        (2935.7, "2,936"),
        (-78.7461, "-78.7"),
        ("ward", "ward"),
        (7.0, "7"),
    ],
)
def test_numbers_have_no_digits_without_meaning(value: object, text: str) -> None:
    assert short_number(value) == text


def test_the_training_chapter_says_why_training_ended_and_whether_more_would_help(tmp_path: Path) -> None:
    run = make_tiny_run(tmp_path)
    assert "Training ended" not in report_of(run)  # a run of an earlier version
    sentence = "Training ended after 125 epochs (1,500,000 particle visits), the longest without --epochs."
    numbers = {"epochs": 125, "gain_in_nats": 0.41, "gain_threshold": 0.1, "ended": sentence}
    write_step_summary(run, "train", numbers)
    page = report_of(run)
    chapter = page.split('id="training"')[1].split("<section")[0]
    assert f"<p>{sentence}</p>" in chapter
    assert [warning.title for warning in find_warnings(Run(run))].count("Trained too briefly") == 1
    assert "Train on with --epochs 250." in page
