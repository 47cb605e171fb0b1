"""The Python interface: settings as keywords with the words of the command line, and folders that are no runs."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gem_plugin as gem
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_run_settings
from gem_plugin.pipeline.run_steps import is_finished
from gem_plugin.pipeline.step_table import STEPS
from gem_plugin.settings import settings_from_values
from gem_plugin.steps.landscape.settings import LandscapeSettings

SMALL = {"sketch_size": 12, "pc_dim": 3, "plot_dim": 1, "skip_umap": True}


def test_importing_takes_a_third_of_a_second_and_nothing_heavy() -> None:
    code = (
        "import time; start = time.monotonic(); import sys, gem_plugin; seconds = time.monotonic() - start\n"
        "from gem_plugin.pipeline.step_table import STEPS\n"
        "settings = [step.settings_class for step in STEPS.values()]\n"
        "heavy = {'torch', 'numba', 'pandas', 'matplotlib', 'sklearn', 'scipy', 'numpy'} & set(sys.modules)\n"
        "print(seconds, time.monotonic() - start, sorted(heavy))"
    )
    seconds, with_settings, heavy = min(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split(
            " ", 2
        )
        for _ in range(3)
    )
    assert float(seconds) < 0.3
    assert float(with_settings) < 0.5, "settings of every step"
    assert heavy.strip() == "[]"


def test_public_names_are_there_and_others_are_not() -> None:
    assert set(gem.__all__) <= set(dir(gem))
    assert all(getattr(gem, name) is not None for name in gem.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gem.nothing  # noqa: B018
    assert (Path(gem.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize(
    ("given", "kept"),
    [(6, 6), ("6", 6), (np.int64(6), 6), (6.0, 6), (None, "auto"), ("auto", "auto"), (" Auto", "auto")],
)
def test_the_number_of_states_is_an_int_or_auto(given: object, kept: object) -> None:
    assert settings_from_values(LandscapeSettings, {"n_states": given}).n_states == kept


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_states": "six"}, "-M is 'six'; expected a whole number, or auto. Number of states"),
        ({"n_states": 1.5}, "-M is 1.5; expected a whole number, or auto"),
        ({"n_states": True}, "-M is True; expected a whole number"),
        ({"sketch_size": 1}, "-N is 1; expected at least 2"),
        ({"linkage": "nearest"}, "--linkage is 'nearest'; expected one of ward, average"),
        ({"skip_umap": 1}, "--skip-umap is 1; expected yes or no"),
        ({"mask": 3}, "--mask is 3; expected a path"),
        ({"dilate": "wide"}, "--dilate is 'wide'; expected a number"),
        ({"sketchsize": 5}, r"There is no setting sketchsize\. Did you mean sketch_size\?"),
        ({"mask": "absent.mrc"}, "--mask: there is no file absent.mrc"),
    ],
)
def test_wrong_settings_get_the_words_of_the_command_line(old_run: Path, values: dict, message: str) -> None:
    before = {
        path: path.read_bytes() for path in old_run.rglob("*") if path.is_file() and path.name != "run.log"
    }
    with pytest.raises(gem.InputError, match=message):
        gem.open_run(old_run).landscape(**values)
    after = {
        path: path.read_bytes() for path in old_run.rglob("*") if path.is_file() and path.name != "run.log"
    }
    assert {path for path in after if after[path] != before.get(path)} <= {
        RunFiles(old_run).manifest,
        RunFiles(old_run).lock,
    }


def test_an_unknown_setting_of_fit_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(gem.InputError, match=r"no setting epoch\. Did you mean epochs"):
        gem.fit("a.star", map="b.mrc", out=tmp_path / "RUN", epoch=3)
    with pytest.raises(gem.InputError, match=r"there is no file a\.star"):
        gem.fit("a.star", map="b.mrc", out=tmp_path / "RUN", show_progress=False)


def test_a_str_is_a_path_and_is_recorded_as_an_input(old_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, mask = gem.open_run(old_run), old_run / "landscape" / "mask.mrc"
    given = old_run.parent / "given.mrc"
    given.write_bytes(mask.read_bytes())
    states = run.landscape(mask=str(given), n_states=2, **SMALL)
    assert states.numbers == [1, 2]
    recorded = json.loads(RunFiles(old_run).manifest.read_text())["landscape"]["inputs"]
    assert recorded["mask"]["path"] == str(given)
    settings = read_run_settings(RunFiles(old_run))["landscape"]
    assert settings["n_states"] == 2
    assert settings["mask"] == str(given)
    assert sum(states.counts.values()) == 60
    assert states.mean_map(1).volume.shape == (24, 24, 24)
    np.testing.assert_array_equal(run.select("state == 1").rows, states.rows(1))


def test_settings_that_version_0_1_0_recorded_as_text_count_as_the_same(old_run: Path) -> None:
    files = RunFiles(old_run)
    recorded = dict(read_run_settings(files)["landscape"])
    assert recorded["n_states"] == "3"
    same = settings_from_values(LandscapeSettings, recorded)
    assert is_finished(files, "landscape", same)
    assert not is_finished(
        files, "landscape", settings_from_values(LandscapeSettings, {**recorded, "n_states": 4})
    )


def test_an_old_run_is_decoded_and_selected_from(old_run: Path, tmp_path: Path) -> None:
    run = gem.open_run(old_run)
    volume = run.decode(run.latents[7])
    assert (volume.shape, volume.dtype, volume.pixel_size) == ((24, 24, 24), np.float32, 10.0)
    first, second = run.decode(run.latents[[7, 8]])
    np.testing.assert_allclose(first, volume, atol=1e-5 * float(volume.max()))  # sums in another order
    assert (first + second).pixel_size == 10.0
    with pytest.raises(gem.InputError, match=r"Expected 2 finite numbers for each latent, got shape \(3,\)"):
        run.decode([0.0, 1.0, 2.0])
    chosen = run.select("full_state == 2 and latent_1 > 0 or contrast < 0.9")
    expected = ((run.column("full_state") == 2) & (run.latents[:, 0] > 0)) | (run.column("contrast") < 0.9)
    np.testing.assert_array_equal(chosen.rows, np.flatnonzero(expected))
    written = chosen.write(tmp_path / "subset.star")
    names = gem.read_particles(written).image_names
    np.testing.assert_array_equal(names, run.particles.image_names[chosen.rows])
    assert repr(chosen) == f"Selection({len(chosen)} of 60 particles)"
    with pytest.raises(gem.InputError, match="write what was chosen with"):
        run.select("state == 1", out="a.star")
    with pytest.raises(gem.InputError, match="No particle meets"):
        run.select("contrast > 99")


def test_folders_that_are_no_runs_are_named(tmp_path: Path) -> None:
    with pytest.raises(gem.InputError, match=r"There is no folder .*RUN"):
        gem.open_run(tmp_path / "RUN")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        gem.InputError, match=r"holds no run of GEM: there is neither settings\.toml nor latents\.npy"
    ):
        gem.open_run(tmp_path / "empty")
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "weights.49.pkl").touch()
    (tmp_path / "vae" / "config.yaml").touch()
    with pytest.raises(
        gem.InputError, match=r"is a run of cryoDRGN, not of GEM\. .*gem-em landscape .*vae EPOCH"
    ):
        gem.open_run(tmp_path / "vae")


def test_a_half_finished_run_opens_and_says_what_is_missing(old_run: Path) -> None:
    files = RunFiles(old_run)
    for path in (files.latents, files.latents_std, files.contrasts):
        path.unlink()
    run = gem.open_run(old_run)
    assert run.n_particles == 60
    with pytest.raises(gem.InputError, match=r"no particle has latents yet\. Run `gem-em train"):
        _ = run.latents
    with pytest.raises(gem.InputError, match="Run `gem-em train"):
        run.column("contrast")


def test_every_step_can_be_done_by_its_name(old_run: Path) -> None:
    run = gem.open_run(old_run)
    with pytest.raises(gem.InputError, match="There is no step landscpe; there is prepare"):
        run.run_step("landscpe")
    assert set(STEPS) > {"landscape-full", "select"}
    numbers = run.run_step("eval-vol", z_values=str(old_run / "analyze/pc1/z_values.txt"))
    assert numbers["maps"] == 3
    start = time.monotonic()
    assert run.summary("eval-vol")["maps"] == 3
    assert time.monotonic() - start < 1


@pytest.mark.filterwarnings("ignore:.*rlnRandomSubset is left out:UserWarning")  # tiny states
def test_a_landscape_made_again_keeps_what_is_not_given(old_run: Path) -> None:
    run = gem.open_run(old_run)
    run.landscape(**SMALL, n_states=3)
    assert run.landscape(n_states=2).numbers == [1, 2]
    recorded = read_run_settings(RunFiles(old_run))["landscape"]
    assert (recorded["sketch_size"], recorded["pc_dim"], recorded["n_states"]) == (12, 3, 2)
    assert "Settings of the last landscape are kept: -N 12" in RunFiles(old_run).log.read_text()
    assert run.landscape_full(skip_umap=True).numbers == [1, 2]
