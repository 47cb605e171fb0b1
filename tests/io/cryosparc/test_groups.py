"""Chosen particles as .cs and .csg: what is kept, what is added, and that the pair can be read again."""

from pathlib import Path

import numpy as np
import pytest
from cryosparc_rows import make_rows

from gem_plugin.errors import InputError
from gem_plugin.io.cryosparc.files import read_cs_rows, read_csg, write_cs_rows
from gem_plugin.io.cryosparc.groups import latent_fields, rows_with_fields, write_particle_group
from gem_plugin.io.cryosparc.jobs import read_cryosparc


def test_chosen_rows_keep_every_byte_and_their_order(tmp_path: Path):
    rows = make_rows(20)
    write_cs_rows(tmp_path / "J42" / "J42_001_particles.cs", rows)
    particles = read_cryosparc(tmp_path / "J42")
    csg = write_particle_group(tmp_path / "state_1.cs", particles, np.array([7, 2, 19]), "State 1", "three")
    assert read_cs_rows(tmp_path / "state_1.cs").tobytes() == rows[[7, 2, 19]].tobytes()
    assert read_csg(csg).counts["blob"] == 3
    assert read_cryosparc(csg).rows.tobytes() == rows[[7, 2, 19]].tobytes()


def test_latents_are_added_as_component_modes_and_nothing_else_changes(tmp_path: Path):
    rows = make_rows(20)
    write_cs_rows(tmp_path / "J42" / "J42_001_particles.cs", rows)
    latents = np.random.default_rng(2).normal(size=(20, 3)).astype(np.float32)
    particles = read_cryosparc(tmp_path / "J42")
    csg = write_particle_group(
        tmp_path / "all.cs", particles, np.array([4, 1]), "All", "", latent_fields(latents[[4, 1]])
    )
    written = read_cs_rows(tmp_path / "all.cs")
    for mode in range(3):
        assert written[f"components_mode_{mode}/component"].tolist() == [mode, mode]
        assert written[f"components_mode_{mode}/value"].tobytes() == latents[[4, 1], mode].tobytes()
    for name in rows.dtype.names:
        assert written[name].tobytes() == rows[[4, 1]][name].tobytes()
    assert read_csg(csg).slot_types["components_mode_2"] == "particle.components"


def test_components_of_an_earlier_variability_analysis_are_never_mixed_with_latents(tmp_path: Path):
    """Modes 0 and 5 of 3D Variability, 0 and 1 of GEM: no mode 5 stays behind."""
    rows = make_rows(4)
    theirs = latent_fields(np.ones((4, 6), dtype=np.float32))
    chosen = {
        name: theirs[name] for name in theirs if name.startswith(("components_mode_0/", "components_mode_5/"))
    }
    write_cs_rows(tmp_path / "J42" / "J42_001_particles.cs", rows_with_fields(rows, chosen))
    particles = read_cryosparc(tmp_path / "J42")
    ours = latent_fields(np.full((4, 2), 2, dtype=np.float32))
    with pytest.warns(
        UserWarning, match="components_mode_0, components_mode_5 of an earlier job .* are left out"
    ):
        csg = write_particle_group(tmp_path / "all.cs", particles, None, "All", "", ours)
    written = read_cs_rows(tmp_path / "all.cs")
    assert written["components_mode_1/value"].tolist() == [2, 2, 2, 2]
    assert set(written.dtype.names) == {*rows.dtype.names, *ours}
    assert "components_mode_5" not in read_csg(csg).counts
    write_particle_group(tmp_path / "subset.cs", particles, None, "All", "")  # without latents theirs stay
    assert "components_mode_5/value" in read_cs_rows(tmp_path / "subset.cs").dtype.names


def test_export_paths_hold_beside_the_new_group(tmp_path: Path):
    rows = make_rows(3)
    rows["blob/path"] = [b">J7/images.mrc"] * 3
    export = tmp_path / "export"
    (export / "J7").mkdir(parents=True)
    (export / "J7" / "images.mrc").write_bytes(b"image")
    write_cs_rows(export / "J2_particles_exported.cs", rows)
    particles = read_cryosparc(export)
    csg = write_particle_group(tmp_path / "run" / "state.cs", particles, np.array([1]), "t", "")
    assert read_cs_rows(csg.with_suffix(".cs"))["blob/path"].tolist() == [b">J7/images.mrc"]
    assert (csg.parent / "J7" / "images.mrc").read_bytes() == b"image"
    assert read_cryosparc(csg).image_folder == csg.parent
    write_particle_group(
        tmp_path / "run" / "state.cs", particles, np.array([1]), "t", ""
    )  # again: the link is kept


def test_a_group_of_another_ending_is_refused(tmp_path: Path):
    write_cs_rows(tmp_path / "J42_001_particles.cs", make_rows(4))
    particles = read_cryosparc(tmp_path / "J42_001_particles.cs")
    with pytest.raises(InputError, match=r"expected a name that ends in \.cs"):
        write_particle_group(tmp_path / "a.star", particles, None, "t", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["J42_001_particles.cs"]
