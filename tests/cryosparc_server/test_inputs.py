"""Outputs of 3D classification, heterogeneous and local refinement, 3D Variability and Particle Sets as inputs, by their names."""

import numpy as np
import pytest
from cryosparc_rows import with_fields

from cryosparc_server import slots
from cryosparc_server.commands import PLACE, assert_has_all_fields_of, load, newest
from cryosparc_server.fake_steps import states_of
from cryosparc_server.faults import IGNORED_WARNINGS
from cryosparc_server.instance import FakeInput, FakeJob, FakeOutput, Instance, _only_slots
from gem_plugin.adapters.cryosparc import outputs, pictures, step_pictures
from gem_plugin.adapters.cryosparc.commands import run_command
from gem_plugin.io.cryosparc.groups import latent_fields

pytest.importorskip("cryosparc.tools", reason="cryosparc-tools is absent (pip install 'gem-em[cryosparc]')")

pytestmark = IGNORED_WARNINGS
PARTS = {  # type of the job, its outputs in which the particles are divided
    "class_3D": ("particles_class_0", "particles_class_1", "particles_class_2"),
    "hetero_refine": ("particles_class_0", "particles_class_1"),
    "var_3D_disp": ("particles_cluster_0", "particles_cluster_1"),
    "particle_sets": ("split_0", "split_1", "remainder"),
}
REFINED = {"alignments3D": "alignments3D"}


@pytest.fixture
def expanded(rows: np.ndarray, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """J42 refined symmetry-expanded particles, so that its outputs carry sym_expand."""
    for module in (outputs, pictures, step_pictures):
        monkeypatch.setattr(module, "drawn", lambda draw: None)
    number = np.arange(len(rows))
    fields = {
        name: np.zeros(len(rows), dtype=f"<{kind[1:]}") for name, kind, *_ in slots.SYMMETRY if kind != "O"
    }
    columns = {f"sym_expand/{name}": values for name, values in fields.items()}
    columns |= {"sym_expand/symmetry": np.full(len(rows), b"C2", dtype="S8")}
    columns |= {
        "sym_expand/src_uid": (number // 2 + 5).astype("<u8"),
        "sym_expand/idx": (number % 2).astype("<u4"),
    }
    output = instance.jobs["J42"].outputs["particles"]
    assert output.rows is not None
    output.rows = with_fields(output.rows, columns)
    output.slots |= {"sym_expand": "sym_expand"}
    return with_fields(rows, columns)


def add_job(
    instance: Instance, uid: str, kind: str, parts: dict[str, np.ndarray], own: dict[str, str]
) -> None:
    """A finished job on J42 whose outputs change some slots and pass the others on."""
    job = FakeJob(uid, "P3", kind, kind, status="completed")
    needed = {name: name for name in ("blob", "ctf")}
    job.inputs["particles"] = FakeInput(
        "particle", "Particles", needed, set(needed), 1, [("J42", "particles")]
    )
    for name, part in parts.items():
        kept = _only_slots(part, list(own))
        job.outputs[name] = FakeOutput("particle", name, own, "particles", kept)
    instance.jobs[uid] = job


def divided(rows: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {name: rows[number :: len(names)] for number, name in enumerate(names)}


@pytest.mark.parametrize("kind", PARTS)
def test_one_output_of_several_is_taken_by_its_name(expanded: np.ndarray, instance: Instance, kind: str):
    parts = divided(expanded, PARTS[kind])
    add_job(instance, "J61", kind, parts, REFINED)
    name = PARTS[kind][-1]
    assert run_command("run", [*PLACE, "--particles", f"J61.{name}", "--volume", "J42"]) == 0
    job = newest(instance)
    assert job.inputs["particles"].connections == [("J61", name)]
    assert_has_all_fields_of(load(job.uid, "particles"), parts[name])
    states = states_of(len(parts[name]))
    for number in np.unique(states).tolist():
        found = load(job.uid, f"particles_state_{number}")
        assert_has_all_fields_of(found, parts[name][states == number])
        assert "sym_expand/src_uid" in found.dtype.names


def test_several_outputs_and_none_named_lists_them(expanded: np.ndarray, instance: Instance, capsys):
    add_job(instance, "J61", "class_3D", divided(expanded, PARTS["class_3D"]), REFINED)
    assert run_command("run", [*PLACE, "--particles", "J61", "--volume", "J42"]) == 2
    shown = capsys.readouterr().err
    assert "particles_class_0 (particle), particles_class_1 (particle), particles_class_2 (particle)" in shown
    assert "Name another one as J61.NAME" in shown


@pytest.mark.parametrize(("kind", "n_modes"), [("new_local_refine", 0), ("var_3D", 3)])
def test_local_refinement_and_variability_are_taken_as_they_are(
    expanded: np.ndarray, instance: Instance, kind: str, n_modes: int
):
    rows, own = expanded.copy(), dict(REFINED)
    rows["alignments3D/shift"] += 1
    if n_modes:
        rows = with_fields(rows, latent_fields(np.full((len(rows), n_modes), 9, dtype=np.float32)))
        own |= {f"components_mode_{mode}": "components" for mode in range(n_modes)}
    add_job(instance, "J61", kind, {"particles": rows}, own)
    assert run_command("train", [*PLACE, "--particles", "P3-J61", "--volume", "J42"]) == 0
    found = load(newest(instance).uid, "particles")
    assert_has_all_fields_of(
        found, rows, but=[name for name in rows.dtype.names if name.startswith("components")]
    )
    assert set(found["components_mode_0/component"].tolist()) == {0}
    assert not (found["components_mode_0/value"] == 9).any()


def test_particles_of_a_classification_with_alignments_of_each_class_only(
    expanded: np.ndarray, instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    """CryoSPARC 4.4: alignments_class_0, _1 and no alignments3D; they are required in its stead, and all are passed on."""
    extraction = instance.jobs["J7"].outputs["particles"]
    names = [name for name in expanded.dtype.names if name.startswith("alignments3D/")]
    of_classes = {
        f"alignments_class_{number}/{name.split('/')[1]}": expanded[name].copy()
        for number in (0, 1)
        for name in names
    }
    of_classes["alignments_class_1/class_posterior"][:] = 2
    rows = with_fields(expanded, of_classes)
    own = {f"alignments_class_{number}": "alignments3D" for number in (0, 1)} | {"ctf": "ctf"}
    job = FakeJob("J61", "P3", "class_3D", status="completed")
    job.inputs["particles"] = FakeInput(
        "particle", "Particles", dict(extraction.slots), set(), 1, [("J7", "particles")]
    )
    job.outputs["particles_class_1"] = FakeOutput(
        "particle", "c", own, "particles", _only_slots(rows, list(own))
    )
    instance.jobs["J61"] = job
    assert run_command("train", [*PLACE, "--particles", "J61.particles_class_1", "--volume", "J42"]) == 0
    done = newest(instance)
    assert set(done.inputs["particles"].slots) == {"blob", "ctf", "alignments_class_0", "alignments_class_1"}
    found = load(done.uid, "particles")
    np.testing.assert_array_equal(found["alignments_class_1/pose"], rows["alignments_class_1/pose"])
