"""500,000 CryoSPARC particles: read and join a job directory, make the table, write all states. Goal: 20 s, 2 GB."""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gem_plugin.io.cryosparc.files import write_cs_rows
from gem_plugin.io.cryosparc.groups import latent_fields, write_particle_group
from gem_plugin.io.cryosparc.jobs import read_cryosparc
from gem_plugin.particles.from_cryosparc import table_from_cryosparc

N_STATES = 10
IMAGES_PER_STACK = 100
GOAL_IN_SECONDS, GOAL_IN_GIGABYTES = 20, 2.0
CTF = [
    "accel_kv",
    "cs_mm",
    "amp_contrast",
    "df1_A",
    "df2_A",
    "df_angle_rad",
    "phase_shift_rad",
    "scale",
    "scale_const",
    "bfactor",
]
ALIGNMENT = [
    "psize_A",
    "error",
    "error_min",
    "resid_pow",
    "slice_pow",
    "image_pow",
    "cross_cor",
    "alpha",
    "alpha_min",
    "weight",
]
ALIGNMENT += ["pose_ess", "shift_ess", "class_posterior", "class_ess"]


def make_job(folder: Path, n_particles: int) -> None:
    """A Non-uniform Refinement: alignments and CTF in one file, the rest in the passthrough, in another order."""
    random = np.random.default_rng(0)
    counter = np.arange(n_particles)
    uids = random.permutation(counter).astype(np.uint64) + np.uint64(2**63)
    refined = np.zeros(n_particles, dtype=_refined_fields())
    refined["uid"] = uids
    refined["ctf/accel_kv"], refined["ctf/cs_mm"], refined["ctf/amp_contrast"] = 300, 2.7, 0.1
    refined["ctf/df1_A"] = random.uniform(9000, 16000, n_particles)
    refined["ctf/df2_A"] = refined["ctf/df1_A"] - 100
    refined["ctf/scale"] = refined["alignments3D/alpha"] = 1
    refined["alignments3D/split"] = counter % 2
    refined["alignments3D/pose"] = random.normal(0, 1.5, (n_particles, 3))
    refined["alignments3D/psize_A"] = 1.05
    rest = np.zeros(n_particles, dtype=_rest_fields())
    rest["uid"] = uids
    stacks = [
        f"J19/extract/{number:021d}_18jam15b_0345_ali_DW_particles.mrc"
        for number in range(n_particles // IMAGES_PER_STACK + 1)
    ]
    rest["blob/path"] = np.array(stacks, dtype="S96")[counter // IMAGES_PER_STACK]
    rest["blob/idx"], rest["blob/shape"] = counter % IMAGES_PER_STACK, 300
    rest["blob/psize_A"], rest["blob/sign"] = 1.05, -1
    rest["location/micrograph_path"] = rest["blob/path"]
    folder.mkdir(parents=True)
    write_cs_rows(folder / "J42_012_particles.cs", refined)
    write_cs_rows(folder / "J42_passthrough_particles.cs", rest[::-1])


def _refined_fields() -> list[tuple]:
    fields: list[tuple] = [("uid", "<u8"), ("ctf/type", "S9"), ("ctf/exp_group_id", "<u4")]
    fields += [(f"ctf/{name}", "<f4") for name in CTF]
    fields += [(f"ctf/{name}", "<f4", (size,)) for name, size in _aberrations()]
    fields += [
        ("alignments3D/split", "<u4"),
        ("alignments3D/shift", "<f4", (2,)),
        ("alignments3D/pose", "<f4", (3,)),
    ]
    return fields + [(f"alignments3D/{name}", "<f4") for name in ALIGNMENT] + [("alignments3D/class", "<u4")]


def _aberrations() -> list[tuple[str, int]]:
    return [("shift_A", 2), ("tilt_A", 2), ("trefoil_A", 2), ("tetra_A", 4), ("anisomag", 4)]


def _rest_fields() -> list[tuple]:
    fields: list[tuple] = [
        ("uid", "<u8"),
        ("blob/path", "S96"),
        ("blob/idx", "<u4"),
        ("blob/shape", "<u4", (2,)),
    ]
    fields += [("blob/psize_A", "<f4"), ("blob/sign", "<f4"), ("blob/import_sig", "<u8")]
    fields += [("location/micrograph_uid", "<u8"), ("location/micrograph_path", "S96")]
    return [*fields, ("location/micrograph_shape", "<u4", (2,)), ("location/center_x_frac", "<f4")]


def measure(folder: Path) -> None:
    """Everything that the goal names, with the time of each part."""
    start = time.perf_counter()
    particles = read_cryosparc(folder / "J42")
    read = time.perf_counter()
    table = table_from_cryosparc(particles)
    translated = time.perf_counter()
    states = np.random.default_rng(1).integers(1, N_STATES + 1, len(table))
    latents = np.zeros((len(table), 8), dtype=np.float32)
    for number in range(1, N_STATES + 1):
        rows = np.flatnonzero(states == number)
        write_particle_group(
            folder / "out" / f"state_{number:03d}.cs",
            particles,
            rows,
            f"State {number}",
            "",
            latent_fields(latents[rows]),
        )
    end = time.perf_counter()
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(
        f"{len(table)} particles of {particles.rows.dtype.itemsize} bytes: read and join {read - start:.1f} s, table "
        f"{translated - read:.1f} s, write {N_STATES} states {end - translated:.1f} s; in all {end - start:.1f} s "
        f"(goal {GOAL_IN_SECONDS} s), peak {gigabytes:.2f} GB (goal {GOAL_IN_GIGABYTES} GB)"
    )


def main() -> None:
    """Make the job, then measure in a process of its own, so that making it does not count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=500_000)
    parser.add_argument("--measure", type=Path, help="only measure, on a job made before")
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_job(Path(folder) / "J42", arguments.particles)
        subprocess.run([sys.executable, __file__, "--measure", folder], check=True)


if __name__ == "__main__":
    main()
