"""What kind of folder a user named: a run, a run of another program, or something else."""

from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.io.run.files import RunFiles


def check_is_run(folder: Path) -> None:
    """Refuse a folder that is no run, with one sentence on what it is and what to do."""
    if not folder.is_dir():
        raise InputError(
            f"There is no folder {folder}. Expected the folder of a run (--out of `gem-em run`); "
            f"relative names start from {Path.cwd()}."
        )
    files = RunFiles(folder)
    traces = (
        files.settings,
        files.summary,
        files.prepared_table,
        files.latents,
        files.landscape.particle_states,
    )
    if any(path.is_file() for path in traces):
        return
    if is_cryodrgn_folder(folder):
        raise InputError(
            f"{folder} is a run of cryoDRGN, not of GEM. Make a landscape of it with "
            f"`gem-em landscape {folder} EPOCH`, and open the folder that it writes, {folder / 'landscape.EPOCH'}."
        )
    raise InputError(
        f"{folder} holds no run of GEM: there is neither {files.settings.name} nor {files.latents.name}. "
        "Expected the folder of a run (--out of `gem-em run`), or of a GEM job in RELION."
    )


def is_cryodrgn_folder(folder: Path) -> bool:
    """Whether cryoDRGN trained here."""
    has_weights = any(folder.glob("weights.*pkl")) or any(folder.glob("z.*pkl"))
    return has_weights or (folder / "config.yaml").is_file()
