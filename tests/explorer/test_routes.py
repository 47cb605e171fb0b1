"""The explorer's server: right answers to its own page, none to anybody else, nothing written outside the run."""

import hashlib
import io
import signal
import socket
import subprocess
import sys
import urllib.request
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from arm_model import BOX_SIZE
from explorer_run import N_PARTICLES, N_STATES, explorer_source
from served_explorer import Explorer, files_below, serve
from small_star_run import HEADER, write_run

from gem_plugin.adapters.relion.output_nodes import NODES_FILE
from gem_plugin.errors import InputError
from gem_plugin.explorer.command import listen, run_explore
from gem_plugin.explorer.guard import MAXIMUM_BYTES_OF_A_REQUEST
from gem_plugin.explorer.opened_run import OpenedRun
from gem_plugin.explorer.page_text import LIBRARIES
from gem_plugin.explorer.settings import ExploreSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.progress import Progress


def test_without_the_token_nothing_is_answered(explorer: Explorer) -> None:
    for path in ("/", "/?token=wrong", "/api/run", "/api/column/latent_1", "/absent"):
        status, content = explorer.ask(path, with_token=False)
        assert status == 401, path
        assert b"Open the address that `gem-em explore` printed" in content
    assert explorer.ask("/api/run?token=a-token-for-the-tests", with_token=False)[0] == 401, "page only"
    assert explorer.ask("/api/run", headers={"X-Gem-Token": "wrong"}, with_token=False)[0] == 401


def test_other_names_of_this_machine_are_refused(explorer: Explorer) -> None:
    for host in ("evil.example", f"evil.example:{explorer.port}", "127.0.0.1.evil.example", "0.0.0.0", ""):
        status, content = explorer.ask("/api/run", headers={"Host": host})
        assert status == 403, host
        assert b"127.0.0.1 only" in content
    assert explorer.ask("/api/run", headers={"Host": "localhost:9999"})[0] == 200, "through an ssh tunnel"


def test_other_pages_are_refused(explorer: Explorer) -> None:
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{explorer.port}", "http://127.0.0.1:1"):
        assert explorer.ask("/api/run", headers={"Origin": origin})[0] == 403, origin
    assert explorer.ask("/api/run", headers={"Origin": f"http://127.0.0.1:{explorer.port}"})[0] == 200


def test_too_large_a_request_is_refused_before_it_is_read(explorer: Explorer) -> None:
    length = str(MAXIMUM_BYTES_OF_A_REQUEST + 1)
    status, _ = explorer.ask("/api/states", headers={"Content-Length": length})
    assert status == 413


def test_names_cannot_lead_out_of_the_run(explorer: Explorer) -> None:
    before = files_below(explorer.run.root.parent)
    rows = np.arange(3, dtype="<u4").tobytes()
    for name in (
        "..%2Fout",
        "%2e%2e%2fout",
        "..",
        "%2Ftmp%2Fout",
        "a%2Fb",
        "a%00b",
        ".hidden",
        "x" * 61,
        "a%20b",
    ):
        for path in (f"/api/save/selection/particles/{name}", f"/api/save/selection/relion-job/{name}"):
            assert explorer.ask(path, rows)[0] in (400, 404), path
        assert explorer.ask(f"/api/session/{name}", {"a": 1})[0] in (400, 404)
        assert explorer.ask(f"/api/session/{name}")[0] in (400, 404)
        assert explorer.ask(f"/api/save/maps/{name}", {"latents": [[1.0, 0.0]]})[0] in (400, 404)
    assert files_below(explorer.run.root.parent) == before


def test_the_page_holds_everything_it_needs(explorer: Explorer) -> None:
    status, content = explorer.ask(f"/?token={'a-token-for-the-tests'}", with_token=False)
    assert status == 200
    text = content.decode()
    assert "/*SCRIPT*/" not in text
    for name in ("http://127.0.0.1", "http://www.w3.org/2000/svg"):  # the second is a namespace
        text = text.replace(name, "")
    assert "http://" not in text
    assert "https://" not in text


def test_libraries_are_as_their_authors_published_them(explorer: Explorer) -> None:
    folder = files("gem_plugin.explorer").joinpath("page", "libraries")
    notes = folder.joinpath("README.md").read_text(encoding="utf-8")
    for name in LIBRARIES:
        status, content = explorer.ask(f"/library/{name}")
        assert status == 200
        assert hashlib.sha256(content).hexdigest() in notes
        assert folder.joinpath(name.replace(".js", ".LICENSE")).is_file()
    assert explorer.ask(f"/library/{LIBRARIES[0]}", with_token=False)[0] == 401
    for other in ("other.js", "README.md", "..%2Fexplore.js"):
        assert explorer.ask(f"/library/{other}")[0] in (400, 404)


def test_description_names_what_there_is(explorer: Explorer) -> None:
    described = explorer.ask_json("/api/run")
    assert described["nParticles"] == N_PARTICLES
    assert described["training"]["isFinished"]
    more = explorer.ask_json("/api/model")
    assert more["landscape"]["nStates"] == N_STATES
    assert more["landscape"]["regions"][0] == "whole"
    assert more["model"]["boxSize"] == BOX_SIZE
    names = {column["name"] for column in described["columns"]}
    assert {"latent_1", "latent_pc_1", "state", "defocus", "rot", "half_set"} <= names


def test_columns_are_the_values_of_the_run(explorer: Explorer) -> None:
    _, content = explorer.ask("/api/column/state")
    saved = np.load(explorer.run.landscape.particle_states)
    np.testing.assert_array_equal(np.frombuffer(content, "<f4"), saved)
    status, content = explorer.ask("/api/column/absent")
    assert status == 400
    assert b"There is no column 'absent'" in content


def test_a_molecule_is_the_decoded_map(explorer: Explorer) -> None:
    model = explorer.ask_json("/api/model")["model"]
    size, step = model["windowSize"], model["densityOf255"] / 255
    head, content = explorer.ask_packed("/api/molecule", {"row": 7})
    source = explorer_source()
    np.testing.assert_allclose(head["latents"], source.latents[7], atol=1e-5)
    volume = next(iter(source.decode(source.latents[7:8])))
    first = BOX_SIZE // 2 - size // 2
    window = volume[first : first + size, first : first + size, first : first + size]
    shown = np.frombuffer(content, np.uint8).reshape(size, size, size) * step
    np.testing.assert_allclose(shown, window, atol=step)
    assert volume.sum() == pytest.approx(window.sum(), rel=0.02), "the window holds the molecule"
    _, same = explorer.ask_packed("/api/molecule", {"latents": source.latents[7].tolist()})
    assert same == content


def test_wrong_molecules_are_refused_with_a_reason(explorer: Explorer) -> None:
    for request, reason in (
        ({"row": N_PARTICLES}, b"rows are 0 to 299"),
        ({"row": -1}, b"rows are 0 to 299"),
        ({"row": "seven"}, b"Expected a whole number for row"),
        ({}, b"Expected latents"),
        ({"latents": [1.0]}, b"Expected 2 finite latents"),
        ({"latents": ["nan", 1.0]}, b"Expected 2 finite latents"),
        ({"latents": "abc"}, b"Expected numbers for latents"),
    ):
        status, content = explorer.ask("/api/molecule", request)
        assert status == 400, request
        assert reason in content, content
    status, content = explorer.ask("/api/molecule", b"not json")
    assert (status, b"not JSON" in content) == (400, True)


def images_of(explorer: Explorer, row: int) -> np.ndarray:  # (2, box, box): the particle, the projection
    head, content = explorer.ask_packed("/api/molecule", {"row": row, "withImages": True})
    assert len(content) == sum(head["lengths"])
    return np.frombuffer(content[head["lengths"][0] :], "<f4").reshape(2, head["imageSize"], -1)


def test_the_expected_image_looks_like_the_particle(explorer: Explorer) -> None:
    for row in (0, 123):
        image, expected = images_of(explorer, row)
        assert np.corrcoef(image.ravel(), expected.ravel())[0, 1] > 0.6
    _, unlike = images_of(explorer, 124)
    assert np.corrcoef(image.ravel(), unlike.ravel())[0, 1] < 0.6, "another view, other defocus"


def test_reclustering_as_landscape_did_gives_its_states(explorer: Explorer) -> None:
    request = {"nStates": N_STATES, "linkage": "ward", "region": "whole"}
    head, content = explorer.ask_packed("/api/states", request)
    saved = np.load(explorer.run.landscape.particle_states)
    np.testing.assert_array_equal(np.frombuffer(content, "<f4"), saved)
    assert head["counts"] == np.bincount(saved, minlength=N_STATES + 1)[1:].tolist()
    assert len(head["tree"]) == len(head["mapStates"]) - 1


def test_reclustering_by_the_part_that_moves_is_as_good_and_by_a_still_part_is_not(
    explorer: Explorer,
) -> None:
    regions = explorer.ask_json("/api/model")["landscape"]["regions"][1:]
    arm, _ = explorer.ask_packed("/api/states", {"nStates": 4, "linkage": "ward", "region": regions[-1]})
    whole, _ = explorer.ask_packed("/api/states", {"nStates": 4, "linkage": "ward", "region": "whole"})
    assert arm["silhouette"] > 0.5 * whole["silhouette"]
    status, content = explorer.ask("/api/states", {"nStates": 4, "linkage": "ward", "region": "../part 1"})
    assert status == 400
    assert b"There is no region" in content


def test_wrong_reclusterings_are_refused_with_a_reason(explorer: Explorer) -> None:
    for change, reason in (
        ({"nStates": 31}, b"expected 1 to 30"),
        ({"nStates": 0}, b"expected 1 to 30"),
        ({"linkage": "best"}, b"expected one of"),
        ({"nStates": None}, b"Expected a whole number for nStates"),
    ):
        request = {"nStates": 3, "linkage": "ward", "region": "whole", **change}
        status, content = explorer.ask("/api/states", request)
        assert status == 400
        assert reason in content, content


def test_maps_of_states_are_mean_spread_and_difference(explorer: Explorer) -> None:
    grouped, _ = explorer.ask_packed("/api/states", {"nStates": 2, "linkage": "ward", "region": "whole"})
    request = {"mapStates": grouped["mapStates"], "number": 1, "other": 2}
    first, second = (
        np.frombuffer(
            explorer.ask_packed("/api/state-map", {**request, "number": number})[1], np.uint8
        ).astype(float)
        for number in (1, 2)
    )
    head, content = explorer.ask_packed("/api/state-map", {**request, "kind": "difference"})
    assert head["isSigned"]
    difference = (np.frombuffer(content, np.uint8).astype(float) - 128) * 255 / 127
    np.testing.assert_allclose(difference, first - second, atol=4)
    assert np.abs(difference).max() > 20, "the two states differ"
    _, spread = explorer.ask_packed("/api/state-map", {**request, "kind": "variability"})
    assert 0 < np.frombuffer(spread, np.uint8).max() < first.max()


@pytest.mark.parametrize("kind", ["straight", "on data", "through neighbours", "minimum energy"])
def test_every_trajectory_leads_from_the_first_waypoint_to_the_last(explorer: Explorer, kind: str) -> None:
    latents = explorer_source().latents
    angle = np.arctan2(latents[:, 1], latents[:, 0])
    waypoints = [int(np.abs(angle - wanted).argmin()) for wanted in (-1.0, 0.0, 1.0)]
    request = {"kind": kind, "waypoints": waypoints, "nPoints": 21, "x": "latent_1", "y": "latent_2"}
    path = explorer.ask_json("/api/trajectory", request)
    points = np.array(path["latents"])
    assert points.shape == (21, 2)
    for waypoint in waypoints:
        assert np.abs(points - latents[waypoint]).max(axis=1).min() < 1e-6, "met exactly"
    for end, waypoint in ((0, waypoints[0]), (-1, waypoints[-1])):
        np.testing.assert_allclose(points[end], latents[waypoint], atol=1e-6)
    if kind != "straight":
        radius = np.linalg.norm(points, axis=1)
        assert radius.min() > 0.8, "the way keeps to the ring of the particles"
    if kind in ("on data", "minimum energy"):
        np.testing.assert_allclose(points, latents[path["rows"]], atol=1e-5)


def test_the_energy_of_a_path_is_that_of_latents_whatever_is_shown(explorer: Explorer) -> None:
    request = {"kind": "minimum energy", "waypoints": [3, 30], "nPoints": 12}
    shown = {**request, "x": "latent_1", "y": "latent_2"}
    assert explorer.ask_json("/api/trajectory", shown)["energyColumns"] == ["latent_1", "latent_2"]
    paths = []
    for axes in ({"x": "rot", "y": "defocus"}, {"x": "state", "y": "half_set"}):
        paths.append(explorer.ask_json("/api/trajectory", {**request, **axes}))
        assert paths[-1]["energyColumns"] == ["latent_pc_1", "latent_pc_2"]
    assert paths[0] == paths[1]


def test_waypoints_that_are_not_rows_are_refused(explorer: Explorer) -> None:
    request = {"kind": "straight", "nPoints": 5, "x": "latent_1", "y": "latent_2"}
    for waypoints in ("all", [1.5, 2], [True, 2], None, [[1], [2]]):
        status, content = explorer.ask("/api/trajectory", {**request, "waypoints": waypoints})
        assert (status, b"Expected the waypoints as a list of whole numbers" in content) == (400, True)


def test_trajectories_without_waypoints_are_refused(explorer: Explorer) -> None:
    request = {"kind": "straight", "waypoints": [3], "nPoints": 5, "x": "latent_1", "y": "latent_2"}
    status, content = explorer.ask("/api/trajectory", request)
    assert (status, b"two waypoints or more" in content) == (400, True)


def test_saved_particles_are_the_original_rows(explorer: Explorer) -> None:
    rows = np.array([0, 5, 299], dtype="<u4")
    answer = explorer.ask_json("/api/save/selection/particles/three", rows.tobytes())
    star = explorer.run.explore.root / "three.star"
    assert answer["files"][0] == str(star)
    original = (explorer.run.root.parent / "particles.star").read_text().removeprefix(HEADER).splitlines(True)
    expected = [original[N_PARTICLES - 1 - row] for row in rows]  # the file is in reverse order
    assert star.read_text() == HEADER + "".join(reversed(expected))
    np.testing.assert_array_equal(np.loadtxt(explorer.run.explore.root / "three_rows.txt", dtype=int), rows)


def test_a_relion_job_folder_has_particles_and_nodes(explorer: Explorer) -> None:
    rows = np.arange(10, dtype="<u4")
    explorer.ask_json("/api/save/selection/relion-job/ten", rows.tobytes())
    folder = explorer.run.explore.root / "jobs" / "ten"
    nodes = (folder / NODES_FILE).read_text()
    assert "particles.star 3 ParticleGroupMetadata.star.relion" in nodes
    assert (folder / "RELION_JOB_EXIT_SUCCESS").exists()
    text = (folder / "particles.star").read_text()
    assert len(text.removeprefix(HEADER).splitlines()) == 10


def test_empty_and_wrong_selections_are_refused(explorer: Explorer) -> None:
    for rows, reason in (
        (b"", b"selection is empty"),
        (np.array([300], "<u4").tobytes(), b"names row 300"),
        (b"abc", b"four bytes each"),
    ):
        status, content = explorer.ask("/api/save/selection/particles/wrong", rows)
        assert status == 400
        assert reason in content
    assert not (explorer.run.explore.root / "wrong.star").exists()


def test_maps_are_saved_as_decoded(explorer: Explorer) -> None:
    from gem_plugin.io.mrc.maps import read_map

    source = explorer_source()
    explorer.ask_json("/api/save/maps/two_maps", {"latents": source.latents[:2].tolist()})
    saved = read_map(explorer.run.explore.root / "two_maps" / "vol_002.mrc")
    np.testing.assert_allclose(saved.volume, next(iter(source.decode(source.latents[1:2]))), atol=1e-5)


def test_sessions_come_back_as_they_were_saved(explorer: Explorer) -> None:
    content = {"axes": {"x": "latent_1"}, "selected": [1, 2]}
    assert "mine" in explorer.ask_json("/api/session/mine", content)["sessions"]
    assert explorer.ask_json("/api/session/mine") == content
    status, message = explorer.ask("/api/session/absent")
    assert status == 400
    assert b"there are mine" in message or b"mine" in message


def test_a_run_that_is_still_training_says_how_far_it_is(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 20)
    run.history.parent.mkdir(parents=True)
    run.history.write_text("epoch,loss\n1,3.0\n2,2.0\n")
    run.settings.write_text("[train]\nepochs = 30\n")
    for served in serve(run):
        described = served.ask_json("/api/run")
        assert described["training"] == {"epochs": 2, "of": 30, "isFinished": False}
        more = served.ask_json("/api/model")
        assert "gem-em train" in more["model"]["missing"]
        assert "gem-em landscape" in more["landscape"]["missing"]
        assert len(described["columns"]) > 5, "poses and defocus can be looked at"
        status, content = served.ask("/api/molecule", {"row": 0})
        assert (status, b"gem-em train" in content) == (400, True)


def test_a_folder_without_anything_to_see_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to look at yet"):
        OpenedRun(RunFiles(tmp_path))
    with pytest.raises(InputError, match="Expected the folder of a run"):
        run_explore(RunFiles(tmp_path / "absent"), ExploreSettings(), Progress(io.StringIO()))


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(InputError, match="Leave --port out"):
            listen(other.getsockname()[1])


def test_own_tables_become_columns(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 3)
    table = tmp_path / "own.csv"
    table.write_text("score,size\n1.5,10\n2.5,20\n3.5,30\n")
    opened = OpenedRun(run, table)
    np.testing.assert_array_equal(opened.column("own_score").values, np.float32([1.5, 2.5, 3.5]))
    table.write_text("score\n1\n2\n")
    with pytest.raises(InputError, match="2 rows under its header; the run has 3"):
        OpenedRun(run, table)
    table.write_text("score\n1\nx\n3\n")
    with pytest.raises(InputError, match="column score: expected one number per row"):
        OpenedRun(run, table)


def test_the_command_prints_an_address_that_works_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    run, _ = write_run(tmp_path, 12)
    command = [sys.executable, "-m", "gem_plugin", "explore", str(run.root), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = []  # a slow machine also says how long opening took
            while not lines or not lines[-1].startswith("Press Ctrl-C"):
                lines.append(process.stdout.readline())
                assert lines[-1], "the command ended"
            address = next(word for line in lines for word in line.split() if word.startswith("http://"))
            assert any("Training is not finished" in line for line in lines)
            with urllib.request.urlopen(address, timeout=20) as answer:
                assert b"GEM explorer" in answer.read()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, errors) == (0, "")
