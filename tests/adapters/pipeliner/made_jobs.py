"""The folder of a finished job with small files, and the same with damage."""

import json
from pathlib import Path

import mrcfile
import numpy as np

from gem_plugin.io.run import figure_names as names
from gem_plugin.io.run.files import RunFiles

ONE_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
PARTICLES = "# version 30001\n\ndata_particles\n\nloop_\n_rlnImageName #1\n000001@a.mrcs\n"


def finished_job(folder: Path, n_states: int = 2) -> RunFiles:
    """What a gem_em.run job leaves."""
    run = RunFiles(folder)
    for path in (
        run.history,
        run.landscape.state_table,
        run.landscape.states.mean(1),
        run.consensus_map,
        run.prepared_images,
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
    run.figures.mkdir()
    run.history.write_text("epoch,loss,validation_loss\n1,2.5,nan\n2,2.25,2.75\n")
    table = [
        "state,maps,particles,verdict",
        *(f"{number},3,{10 * number},supported (9 sigma)" for number in range(1, n_states + 1)),
    ]
    run.landscape.state_table.write_text("\n".join(table) + "\n")
    run.landscape.populations.write_text(
        "state,counted_fraction,fraction,lower,upper\n1,0.3,0.333333,0.25,0.412\n"
    )
    run.checks.write_text(
        "check,subject,number,threshold,verdict,sentence,advice,depth,made_for\n"
        "a,latents,1,2,bad,The latents follow the defocus.,Check the CTF.,quick,x\n"
        "b,states,3,2,good,Fine.,,quick,x\nc,states,,2,not measured,Not known.,,long,x\n"
    )
    run.summary.write_text('{"train": {"epochs": 2, "gain": NaN}}')
    run.warnings.write_text(json.dumps({"train": [{"level": "warning", "sentence": "Few particles."}]}))
    for name in (names.FIRST_PAGE, names.VOLUME_COMPONENTS.format(1, 2)):
        (run.figures / f"{name}.png").write_bytes(ONE_PIXEL)
    for path in (
        *(run.landscape.states.mean(number) for number in range(1, n_states + 1)),
        run.consensus_map,
    ):
        with mrcfile.new(path) as mrc:
            mrc.set_data(np.arange(512, dtype=np.float32).reshape(8, 8, 8))
            mrc.voxel_size = 4.0
    for number in range(1, n_states + 1):
        run.landscape.states.reference(number).write_bytes(run.landscape.states.mean(number).read_bytes())
        run.landscape.states.particles(number, ".star").write_text(PARTICLES)
    for path in (run.particles(".star"), run.landscape.particles(".star")):
        path.write_text(PARTICLES)
    run.report.write_text("<!doctype html><title>Report</title>")
    run.pdf_log.write_bytes(b"%PDF-1.4\n")
    run.prepared_images.write_bytes(b"images")
    run.prepared_table.write_bytes(b"table")
    return run
