"""A product is kept only where everything that enters, the program and the files themselves are as they were."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gem_plugin.io.run.aside import made_aside
from gem_plugin.io.run.files import RunFiles
from gem_plugin.results import kept_products
from gem_plugin.results.kept_products import KeptProducts, print_of


@dataclass(frozen=True)
class Shown:
    values: np.ndarray
    label: str


class Maker:
    """Writes one figure, and counts how often."""

    def __init__(self, run: RunFiles) -> None:
        self.run, self.times = run, 0

    def __call__(self, made_of: Any = "the same") -> int:
        kept = KeptProducts(self.run, self.run.figures)
        kept.make("picture", made_of, self._write)
        kept.save()
        return self.times

    def _write(self) -> list[Path]:
        self.times += 1
        self.run.figures.mkdir(parents=True, exist_ok=True)
        path = self.run.figures / "picture.png"
        path.unlink(missing_ok=True)
        path.write_text("drawn")
        return [path]


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    maker = Maker(RunFiles(tmp_path))
    assert maker() == 1
    assert maker() == 1
    return maker


def test_other_contents_are_made_again(maker: Maker) -> None:
    values = np.arange(3.0)
    assert maker(Shown(values, "x")) == 2
    assert maker(Shown(values.copy(), "x")) == 2
    assert maker(Shown(values + 1e-12, "x")) == 3
    assert maker(Shown(values + 1e-12, "y")) == 4


def test_a_changed_file_that_enters_is_read(maker: Maker, tmp_path: Path) -> None:
    source = tmp_path / "latents.npy"
    assert maker(source) == 2
    source.write_text("1")
    assert maker(source) == 3
    assert maker(source) == 3
    source.write_text("2")
    assert maker(source) == 4


def _edit(path: Path) -> None:
    path.write_text("edited by hand")


def _link(path: Path) -> None:
    other = path.with_name("of_an_earlier_job")
    path.rename(other)
    path.symlink_to(other)


@pytest.mark.parametrize("change", [Path.unlink, _edit, _link])
def test_a_file_that_is_not_as_it_was_written_is_made_again(
    maker: Maker, change: Callable[[Path], None]
) -> None:
    path = maker.run.figures / "picture.png"
    change(path)
    assert maker() == 2
    assert path.read_text() == "drawn"
    assert not path.is_symlink()


@pytest.mark.parametrize("text", ["", "[1]", "{"])
def test_without_a_whole_record_everything_is_made_again(maker: Maker, text: str) -> None:
    (maker.run.figures / "stages.json").write_text(text)
    assert maker() == 2


def test_another_version_of_the_program_makes_everything_again(
    maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_products, "program_identity", lambda: "another version")
    assert maker() == 2
    assert maker() == 2


def test_the_program_is_its_source_and_its_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    here = kept_products.program_identity()
    monkeypatch.setattr(kept_products, "version", lambda name: "99")
    assert kept_products.program_identity.__wrapped__() != here


def test_nothing_is_recorded_of_a_step_that_failed(maker: Maker) -> None:
    kept = KeptProducts(maker.run, maker.run.figures)
    with pytest.raises(ZeroDivisionError):
        kept.make("picture", "other", lambda: [Path(str(1 // 0))])
    assert maker() == 1, "the file and its record are those of before"


def test_a_step_that_works_aside_keeps_what_is_in_place(maker: Maker) -> None:
    for _ in range(2):
        with made_aside(maker.run, "report") as files:
            aside = Maker(files)
            assert aside() == 0
            assert (files.figures / "picture.png").is_file()
    assert maker() == 1


def test_what_has_no_content_is_refused() -> None:
    for value in (object(), np.array([object()]), lambda: 0, {1}):
        with pytest.raises(TypeError, match="no content that could be compared"):
            print_of(value)


def test_values_of_other_types_and_orders_differ() -> None:
    values = [
        None,
        0,
        0.0,
        False,
        "0",
        b"0",
        [0],
        [[0]],
        [0, 0],
        {0: 0},
        np.zeros(1),
        np.zeros(1, np.float32),
    ]
    values += [np.zeros((1, 1)), Path("absent"), ["ab", "c"], ["a", "bc"]]
    assert len({print_of(value) for value in values}) == len(values)
