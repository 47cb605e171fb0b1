"""A small whole file of every kind that comes from outside, its reader, and ways to damage it; for tests and fuzzers."""

import io
import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from gem_plugin.io.array_files import read_array, read_arrays, read_number_table
from gem_plugin.io.atoms.models import read_atomic_model
from gem_plugin.io.atoms.positions import read_atoms
from gem_plugin.io.checkpoints import read_checkpoint, write_checkpoint
from gem_plugin.io.cryosparc.files import read_cs_rows, read_csg
from gem_plugin.io.foreign.cryodrgn import read_config, read_pickled_array, read_weights
from gem_plugin.io.foreign.gaussianem import (
    NETWORK_SIZES,
    GaussianEmCloud,
    read_gaussianem_cloud,
    read_gaussianem_config,
    read_gaussianem_latents,
    read_gaussianem_weights,
    write_gaussianem_cloud,
)
from gem_plugin.io.foreign.pickled_arrays import read_pickled_arrays
from gem_plugin.io.gaussian_files import GaussianArrays, read_gaussians, write_gaussians
from gem_plugin.io.mrc.maps import read_map, write_map
from gem_plugin.io.mrc.stacks import open_stack
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_run_settings
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.text import read_star_document
from gem_plugin.particles.from_relion import read_relion_particles

STAR = b"""
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnImagePixelSize #2
1 1.5

data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnOpticsGroup #3
000001@a.mrcs 12.5 1
000002@a.mrcs -3.5 1
"""
PDB = b"ATOM      1  CA  ALA A   1      11.104   6.134  -6.504  1.00 10.00           C\nEND\n"

CIF = b"""data_x
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_seq_id
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.pdbx_PDB_model_num
ATOM 1 C CA . ALA A 1 1.0 2.0 3.0 1.0 10.0 1 A 1
ATOM 2 C CB . ALA A 1 1.5 2.0 3.0 1.0 10.0 1 A 1
"""
CSG = b"""created: 2024-01-01
group: {name: particles, type: particle, title: t, description: d}
results:
  blob: {metafile: '>a.cs', num_items: 3, type: particle.blob}
version: v4.7
"""
CFG = {
    **{"nDetector": [16, 16], "pixelSize": 2.0, "scale_min": 0.01, "scale_max": 0.1, "zdim": 4, "std": 1.0},
    **{"qdim": 8, "qlayers": 2, "invert_contrast": False},
    **dict.fromkeys(NETWORK_SIZES, 4),
}
PARTICLES = b"""
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnImagePixelSize #3
_rlnImageSize #4
_rlnImageDimensionality #5
_rlnVoltage #6
_rlnSphericalAberration #7
_rlnAmplitudeContrast #8
1 one 2.0 16 2 300.0 2.7 0.1

data_particles

loop_
_rlnImageName #1
_rlnAngleRot #2
_rlnAngleTilt #3
_rlnAnglePsi #4
_rlnOriginXAngst #5
_rlnOriginYAngst #6
_rlnDefocusU #7
_rlnDefocusV #8
_rlnDefocusAngle #9
_rlnOpticsGroup #10
000001@a.mrcs 12.5 10 -5 0.5 0 10000 10100 12 1
000002@a.mrcs -3.5 20 7 0 0.5 12000 12100 12 1
"""


def _read_star(path: Path) -> None:
    document = read_star_document(path)
    for block in document.blocks:
        read_columns(document, block, ["_rlnAngleRot"], ["_rlnImageName"])


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _made(write: Callable[[Path], None], folder: Path, name: str) -> bytes:
    write(folder / name)
    return (folder / name).read_bytes()


def _pickled(value: object) -> bytes:
    return pickle.dumps(value, protocol=2)


def _saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


class Sample(NamedTuple):
    """One kind of file."""

    content: bytes  # of a whole file
    read: Callable[[Path], object]


def make_samples(folder: Path) -> dict[str, Sample]:
    """Suffix -> a small whole file and its reader."""
    volume = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
    cloud = GaussianArrays(np.ones((5, 3), np.float32), np.ones(5, np.float32), np.ones(5, np.float32))
    foreign_cloud = GaussianEmCloud(*cloud)
    rows = np.zeros(3, dtype=[("uid", "<u8"), ("blob/path", "S12"), ("blob/shape", "<u4", (2,))])
    arrays = io.BytesIO()
    np.savez(arrays, first=volume, second=np.arange(5))
    mrc = _made(lambda path: write_map(path, volume, 1.5), folder, "a.mrc")
    checkpoint = _made(lambda path: write_checkpoint(path, {"model": torch.ones(4), "n": 3}), folder, "a.pt")
    return {
        "star": Sample(STAR, _read_star),
        "particles.star": Sample(PARTICLES, read_relion_particles),
        "mrc": Sample(mrc, read_map),
        "mrcs": Sample(mrc, open_stack),
        "ply": Sample(_made(lambda path: write_gaussians(path, cloud), folder, "a.ply"), read_gaussians),
        "gaussianem.ply": Sample(
            _made(lambda path: write_gaussianem_cloud(path, foreign_cloud), folder, "b.ply"),
            read_gaussianem_cloud,
        ),
        "npy": Sample(_npy(volume), lambda path: read_array(path, "x")),
        "npz": Sample(arrays.getvalue(), lambda path: read_arrays(path, "x")),
        "cs": Sample(_npy(rows), read_cs_rows),
        "csg": Sample(CSG, read_csg),
        "pkl": Sample(_pickled([volume, {"a": 1.5}]), read_pickled_arrays),
        "cryodrgn.pkl": Sample(_pickled(volume), read_pickled_array),
        "output.pkl": Sample(
            _pickled({"z_mu": np.ones((3, 2)), "ind": np.arange(3)}), read_gaussianem_latents
        ),
        "pt": Sample(checkpoint, read_checkpoint),
        "weights.pkl": Sample(_saved({"model_state_dict": {"a": torch.ones(3)}}), read_weights),
        "gaussianem.pkl": Sample(_saved({"model_state_dict": {"a": torch.ones(3)}}), read_gaussianem_weights),
        "json": Sample(json.dumps({"cfg": CFG}).encode(), read_gaussianem_config),
        "yaml": Sample(b"a: 1\nb:\n  c: [1, 2]\n  d: text\n", read_config),
        "toml": Sample(b'[train]\nepochs = 3\nout = "x"\n', _read_settings),
        "txt": Sample(b"1 2.5\n3 4\n", read_number_table),
        "pdb": Sample(PDB, read_atoms),
        "model.pdb": Sample(PDB, read_atomic_model),
        "cif": Sample(CIF, read_atomic_model),
    }


def _read_settings(path: Path) -> object:
    """As if the file were the settings.toml of a run."""
    folder = path.parent / "run"
    folder.mkdir(exist_ok=True)
    (folder / "settings.toml").write_bytes(path.read_bytes())
    return read_run_settings(RunFiles(folder))


def damaged(content: bytes, seed: int) -> bytes:
    """Bytes changed, cut, doubled, or numbers made huge, at random places."""
    generator, data = random.Random(seed), bytearray(content)
    for _ in range(generator.randint(1, 6)):
        place = generator.randrange(max(len(data), 1))
        kind = generator.randrange(6)
        if kind == 0 and data:
            data[place] = generator.randrange(256)
        elif kind == 1:
            del data[place:]
        elif kind == 2:
            data[place:place] = data[place : place + generator.randint(1, 40)]
        elif kind == 3:
            data[place : place + 4] = generator.choice([b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f"])
        elif kind == 4:
            digits = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
            if digits:
                at = generator.choice(digits)
                data[at : at + 1] = generator.choice([b"999999999", b"-1", b"nan", b"0"])
        else:
            del data[place : place + generator.randint(1, 8)]
    return bytes(data)
