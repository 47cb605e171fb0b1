"""The work of open pages: the newer change of a part wins and is known to have replaced another; it outlives the explorer."""

import json
from pathlib import Path

import pytest
from explorer.test_work_parts import RUN, packed

from gem_plugin.errors import InputError
from gem_plugin.explorer import current_work
from gem_plugin.explorer.current_work import CurrentWork
from gem_plugin.io.run.files import RunFiles


@pytest.fixture
def run(tmp_path: Path) -> RunFiles:
    return RunFiles(tmp_path)


def basket(*rows: int) -> dict[str, object]:
    return {"name": "open", "members": packed(list(rows), "rows")}


def test_two_pages_change_different_parts_and_both_stay(run: RunFiles) -> None:
    work = CurrentWork(run, RUN)
    assert work.change(0, {"axes": "a"}, "one").replaced == []
    assert work.change(0, {"filters": "f"}, "two").replaced == []
    assert work.changed_since(0).parts == {"axes": "a", "filters": "f"}
    assert work.changed_since(0, "one").parts == {"filters": "f"}, "a page knows its own changes"


def test_of_one_part_the_newer_change_wins_and_its_page_hears_of_the_other(run: RunFiles) -> None:
    work = CurrentWork(run, RUN)
    work.change(0, {"axes": "a"}, "one")
    second = work.change(0, {"axes": "b"}, "two")
    assert second.replaced == ["axes"]
    assert work.changed_since(1, "one").parts == {"axes": "b"}, "the first page hears of the newer one"
    seen = work.changed_since(0, "one").version
    assert work.change(seen, {"axes": "c"}, "one").replaced == [], "it has seen what it replaces"


def test_it_is_found_again_with_baskets_and_without_what_was_removed(run: RunFiles) -> None:
    work = CurrentWork(run, RUN)
    work.change(0, {"basket.a": basket(1, 2), "basket.b": basket(3)})
    work.change(1, {"basket.b": None})
    work.save()
    again = CurrentWork(run, RUN)
    assert again.changed_since(0).parts == {"basket.a": basket(1, 2)}
    assert again.notices == []
    assert [path.name for path in run.explore.root.iterdir()] == ["current_work.json"]


def test_what_does_not_fit_is_dropped_said_and_kept_in_another_file(run: RunFiles) -> None:
    work = CurrentWork(run, RUN)
    work.change(0, {"basket.a": basket(1), "axes": "a"})
    work.save()
    before = run.explore.work.read_bytes()
    again = CurrentWork(run, RUN._replace(particles="others"))
    assert again.changed_since(0).parts == {"axes": "a"}
    assert "basket open" in again.notices[0]
    assert again.notices[1] == "All of it is kept in current_work_1.json."
    assert (run.explore.root / "current_work_1.json").read_bytes() == before
    again.save()
    assert json.loads(run.explore.work.read_text())["parts"] == {"axes": "a"}


@pytest.mark.parametrize("text", ["{", "[]", '{"run": {}}', '{"format": 9, "run": {}, "parts": {}}'])
def test_a_damaged_file_is_put_aside_and_said(run: RunFiles, text: str) -> None:
    run.explore.root.mkdir()
    run.explore.work.write_text(text)
    work = CurrentWork(run, RUN)
    assert work.changed_since(0).parts == {}
    assert "are kept in current_work_1.json" in work.notices[0]
    assert (run.explore.root / "current_work_1.json").read_text() == text


def test_a_run_that_was_deleted_is_not_made_again(run: RunFiles) -> None:
    work = CurrentWork(run, RUN)
    work.change(0, {"axes": "a"})
    run.root.rmdir()
    with pytest.raises(InputError, match="is no longer there, so the baskets cannot be kept"):
        work.save()
    assert not run.root.exists()
    run.root.mkdir()
    work.save()
    assert run.explore.work.is_file(), "kept in memory until it can be written"


def test_too_much_is_refused_as_a_whole(run: RunFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_work, "MAXIMUM_PARTS", 2)
    work = CurrentWork(run, RUN)
    work.change(0, {"a": 1, "b": 2})
    with pytest.raises(InputError, match="at most 2 baskets and other parts"):
        work.change(1, {"c": 3})
    assert work.changed_since(0).parts == {"a": 1, "b": 2}
    work.change(1, {"a": None, "c": 3})
    assert work.changed_since(1).parts == {"a": None, "c": 3}
