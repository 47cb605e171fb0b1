"""What the explorer saves: a second save under the same name overwrites nothing unless it is asked to."""

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from explorer_run import explorer_source
from PIL import Image
from served_explorer import Explorer, files_below

from gem_plugin.explorer import saving
from gem_plugin.explorer.saved_names import NameTakenError
from gem_plugin.notices import listening
from gem_plugin.results.run import Run

Body = bytes | dict[str, Any]


def rows(*numbers: int) -> bytes:
    return np.array(numbers, "<u4").tobytes()


def film(grey: int) -> dict[str, Any]:
    content = io.BytesIO()
    Image.new("RGB", (16, 16), (grey, grey, grey)).save(content, "PNG")
    frame = "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
    return {"frames": [frame, frame]}


def latents(n_maps: int) -> dict[str, Any]:
    return {"latents": explorer_source().latents[:n_maps].tolist()}


def made_mask(level: float) -> dict[str, Any]:
    return {"kind": "made", "level": level, "dilate": 5.0, "edge": 0.0}


SAVES: dict[str, tuple[str, Body, Body]] = {  # address, what is saved first, and what then
    "particles": ("/api/save/selection/particles/{}", rows(1, 2), rows(7, 8, 9)),
    "RELION job": ("/api/save/selection/relion-job/{}", rows(1, 2), rows(7, 8, 9)),
    "maps": ("/api/save/maps/{}", latents(3), latents(2)),
    "movie": ("/api/save/movie/{}", film(10), film(200)),
    "session": ("/api/session/{}", {"axes": 1}, {"axes": 2}),
    "mask": ("/api/save/mask/{}", made_mask(0.1), made_mask(0.4)),
}


def contents(explorer: Explorer) -> dict[str, bytes]:
    folder = explorer.run.explore.root
    return {name: (folder / name).read_bytes() for name in files_below(folder)}


@pytest.fixture(params=SAVES)
def saved(request: pytest.FixtureRequest, explorer: Explorer) -> tuple[str, Body, str]:
    """An address without its name, the second content, and the name under which the first was saved."""
    address, first, second = SAVES[request.param]
    test = "overwritten" if "overwritten" in request.node.name else "kept"
    name = f"{test}_{request.param.replace(' ', '_')}"
    explorer.ask_json(address.format(name), first)
    return address, second, name


def test_a_second_save_under_the_same_name_overwrites_nothing(
    explorer: Explorer, saved: tuple[str, Body, str]
) -> None:
    address, second, name = saved
    before = contents(explorer)
    status, content = explorer.ask(address.format(name), second)
    answer = json.loads(content)
    assert (status, answer["newName"]) == (409, f"{name}-2")
    assert "would be lost. Save as" in answer["error"]
    assert contents(explorer) == before
    explorer.ask_json(address.format(answer["newName"]), second)
    after = contents(explorer)
    assert before.items() < after.items()
    assert any(f"{name}-2" in path for path in after.keys() - before.keys())


def test_overwritten_when_asked_everything_belongs_to_the_second_save(
    explorer: Explorer, saved: tuple[str, Body, str]
) -> None:
    address, second, name = saved
    explorer.ask_json(address.format(f"{name}_alone"), second)
    explorer.ask_json(address.format(name) + "?overwrite=true", second)
    found = contents(explorer)

    def of(stem: str) -> dict[str, bytes]:
        is_of_stem = re.compile(rf"(.*/)?{stem}(_rows)?([./].*)?")
        return {
            path.replace(stem, "NAME"): content.replace(stem.encode(), b"NAME")
            for path, content in found.items()
            if is_of_stem.fullmatch(path)
        }

    assert of(name)
    assert of(name) == of(f"{name}_alone")


def test_the_same_session_mask_or_rows_saved_again_lose_nothing(explorer: Explorer) -> None:
    for kind in ("session", "mask"):
        address, first, _ = SAVES[kind]
        for _ in range(2):
            explorer.ask_json(address.format("same"), first)
    chosen = np.array([5, 3])
    for order in (chosen, chosen[::-1]):
        with saving.rows_kept(explorer.run, "sent", order) as listed:
            assert listed.read_text().split() == ["3", "5"]
    with listening(lambda notice: None):
        saving.save_selection(explorer.run, "sent", chosen)  # what was sent may be kept as a file too
    others = saving.rows_kept(explorer.run, "sent", np.array([5, 3, 4]))
    with pytest.raises(NameTakenError, match="would be lost"), others:
        pytest.fail("other rows")
    assert (explorer.run.explore.root / "sent_rows.txt").read_text().split() == ["3", "5"]


def test_what_is_left_out_of_a_saved_file_is_said_in_the_answer(explorer: Explorer) -> None:
    """Rows of one half-set alone are written without half-sets; the reader of the page sees no terminal."""
    halves = Run(explorer.run).particles.half_sets
    alone = np.flatnonzero(halves == 2)[:2].astype(np.uint32)
    answer = explorer.ask_json("/api/save/selection/particles/one_half", alone.tobytes())
    assert "all 2 particles are of half-set 2, so rlnRandomSubset is left out" in " ".join(answer["notices"])
    both = np.array([np.flatnonzero(halves == 1)[0], alone[0]], np.uint32)
    assert explorer.ask_json("/api/save/selection/particles/both_halves", both.tobytes())["notices"] == []


def test_rows_that_could_not_be_sent_are_not_kept(explorer: Explorer) -> None:
    with pytest.raises(ConnectionError), saving.rows_kept(explorer.run, "not_sent", np.array([5])):
        raise ConnectionError
    assert not explorer.run.explore.rows("not_sent").exists()


def test_rows_saved_while_others_are_being_sent_stay(explorer: Explorer) -> None:
    with saving.rows_kept(explorer.run, "slow", np.array([1, 2])), listening(lambda notice: None):
        saving.save_selection(explorer.run, "slow", np.array([7]))
    assert explorer.run.explore.rows("slow").read_text().split() == ["7"]
    assert explorer.run.explore.rows("slow-2").read_text().split() == ["1", "2"]


def test_a_save_that_fails_leaves_the_earlier_one_whole(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    broken: dict[str, Callable[[], object]] = {
        "run_select": lambda: saving.save_selection(explorer.run, "whole", np.array([9]), overwrite=True),
        "write_map": lambda: saving.save_maps(
            explorer.run, "whole", explorer_source().latents[:1], [np.ones((4, 4, 4))], 1.0, overwrite=True
        ),
    }
    saving.save_selection(explorer.run, "whole", np.array([1, 2]))
    explorer.ask_json("/api/save/maps/whole", latents(2))
    before = contents(explorer)
    for function, save in broken.items():
        with monkeypatch.context() as patch:
            patch.setattr(saving, function, fail)
            with pytest.raises(OSError, match="No space left"):
                save()
        assert contents(explorer) == before
        assert not [path for path in explorer.run.explore.root.glob(".*") if path.is_dir()], (
            "no folder half made"
        )


def test_maps_do_not_lie_among_the_explorers_own_files(explorer: Explorer) -> None:
    for name in saving.OWN_FOLDERS:
        status, content = explorer.ask(f"/api/save/maps/{name}?overwrite=true", latents(1))
        assert (status, b"save the maps under another name" in content) == (400, True)


def test_a_damaged_session_is_named(explorer: Explorer) -> None:
    path: Path = explorer.run.explore.session("damaged")
    for text in ('{"axes": ', "[1, 2]"):
        path.write_text(text)
        status, content = explorer.ask("/api/session/damaged")
        assert (status, b"damaged.session.json is damaged" in content) == (400, True)
