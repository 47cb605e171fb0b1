"""The outputs of an external job: particles with latents, particles and map of each state, consensus and mask."""

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gem_plugin.adapters.cryosparc.external_job import ExternalJob
from gem_plugin.adapters.cryosparc.inputs import RESULT_FOLDER, JobFolders
from gem_plugin.adapters.cryosparc.retries import ServerAwayError
from gem_plugin.adapters.cryosparc.surface_pictures import drawn, tile_of
from gem_plugin.errors import GemError, InputError
from gem_plugin.io.array_files import read_array
from gem_plugin.io.cryosparc.files import read_cs_rows, slot_type, slots_of
from gem_plugin.io.cryosparc.groups import LATENT_SLOT
from gem_plugin.io.mrc.header import read_mrc_header
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.settings import read_summary
from gem_plugin.io.whole_files import whole_file
from gem_plugin.notices import warn
from gem_plugin.particles.pose_columns import ALIGNMENTS
from gem_plugin.progress import Track, untracked
from gem_plugin.results.checks import RunChecks
from gem_plugin.results.state_sources import FULL, SKETCH
from gem_plugin.results.states import States

ALL_PARTICLES = "particles"
REFINED_POSES = "particles_refined"
CONSENSUS = "consensus"
MASK = "mask"
PARTICLE_INPUT = "particles"
SYMMETRY_SLOT = "sym_expand"
USUAL_SLOTS = ("blob", "ctf", "alignments3D", "location")  # of particles, which every server takes


@dataclass(frozen=True)
class _Declared:
    """An output as it was declared."""

    title: str
    slots: dict[str, str]  # name -> slot type


def _nothing(*given: object) -> None:
    """Default of what to do with a picture, and with the news that an output has arrived."""


class JobOutputs:
    """Declares and saves the outputs of one job. Particles keep their uids; what is not new is passed through."""

    def __init__(
        self,
        job: ExternalJob,
        folders: JobFolders,
        rows: np.ndarray,
        volume_slot_type: str,
        track: Track = untracked,
        are_views: bool = False,  # rows that were made here by symmetry, with uids that the input does not have
        sent: Collection[str] = (),  # outputs that arrived at an earlier try
        on_sent: Callable[[str], None] = _nothing,
        show_picture: Callable[[str, bytes], None] = _nothing,  # name of an output, PNG file
    ) -> None:
        self.job, self.folders, self.rows = job, folders, rows
        self.sent, self._on_sent, self._show_picture = frozenset(sent), on_sent, show_picture
        self.are_views = are_views
        self.volume_slot_type = volume_slot_type
        self.track = track
        self._declared: dict[str, _Declared | None] = dict.fromkeys(
            job.declared_outputs()
        )  # None: by an earlier start
        self._other_components_are_settled = False

    def save_particles(
        self,
        name: str,
        title: str,
        chosen: np.ndarray | None = None,
        latents: np.ndarray | None = None,
        rows: np.ndarray | None = None,  # (n,) in place of those of the input
        changed_slots: Sequence[str] = (),  # in which they differ from it
    ) -> None:
        """All or the chosen (k,) rows, with the latents (n, latent_size) of all particles as components_mode_k."""
        if name in self.sent:
            return
        rows = self.rows if rows is None else rows
        rows = rows if chosen is None else rows[chosen]
        own = dict.fromkeys([*self._own_slots(latents is not None), *changed_slots])
        slots = {slot: slot_type(slot, rows) for slot in own}
        columns = {field: rows[field] for field in rows.dtype.names or () if field.split("/", 1)[0] in slots}
        if latents is not None:
            values = latents if chosen is None else latents[chosen]
            for mode in range(values.shape[1]):
                slots[f"{LATENT_SLOT}{mode}"] = "components"
                columns[f"{LATENT_SLOT}{mode}/component"] = np.full(len(rows), mode, dtype=np.uint32)
                columns[f"{LATENT_SLOT}{mode}/value"] = values[:, mode].astype(np.float32)
            self._leave_out_other_components(set(slots))
        if self.are_views:
            slots = self._declare_views(name, slots, title)
            columns = {field: values for field, values in columns.items() if field.split("/", 1)[0] in slots}
        else:
            self._declare("particle", name, slots, PARTICLE_INPUT, title)
        self.job.save_output(name, rows["uid"], columns)
        self._on_sent(name)

    def _declare_views(self, name: str, slots: dict[str, str], title: str) -> dict[str, str]:
        """The slots that the server took: one that does not know some of them gets the views without these."""
        latents = {slot: kind for slot, kind in slots.items() if slot.startswith(LATENT_SLOT)}
        without_symmetry = {slot: kind for slot, kind in slots.items() if slot != SYMMETRY_SLOT}
        usual = {slot: kind for slot, kind in slots.items() if slot in USUAL_SLOTS} | latents
        choices = list(dict.fromkeys(tuple(choice) for choice in (slots, without_symmetry, usual)))
        for number, choice in enumerate(choices, 1):
            taken = {slot: slots[slot] for slot in choice}
            try:
                self._declare("particle", name, taken, None, title)
            except ServerAwayError:
                raise
            except GemError:
                if number == len(choices):
                    raise
                continue
            self._say_left_out(name, [slot for slot in slots if slot not in taken])
            return taken
        raise AssertionError("one of the choices was declared, or its error raised")

    def _say_left_out(self, name: str, left_out: list[str]) -> None:
        if not left_out:
            return
        effect = (
            "does not say which views are of one particle; the poses are right"
            if SYMMETRY_SLOT in left_out
            else "lacks them"
        )
        warn(
            f"This CryoSPARC does not take the slot {', '.join(left_out)} of external jobs, so that the output {name} {effect}. "
            "The .cs file in the job directory has all slots: import it with its .csg."
        )

    def _own_slots(self, with_latents: bool) -> list[str]:
        """The slots that are saved: of views all, as CryoSPARC cannot pass anything on to rows with other uids."""
        if not self.are_views:
            return ["blob"]
        return [slot for slot in slots_of(self.rows) if not (with_latents and slot.startswith(LATENT_SLOT))]

    def leave_out_symmetry(self) -> None:
        """For whole particles: the slot of symmetry expansion is taken off the input where the server can."""
        if SYMMETRY_SLOT not in slots_of(self.job.load_input(PARTICLE_INPUT)):
            return
        if not self.job.leave_out_slot(PARTICLE_INPUT, SYMMETRY_SLOT):
            warn(
                f"CryoSPARC passes on the slot {SYMMETRY_SLOT} of the connected views. The particles of this output are whole ones, "
                "one row each in its original pose: do not use that slot of them."
            )

    def _leave_out_other_components(self, ours: set[str]) -> None:
        """Components of an earlier job are taken off the input where the server can, else it passes them through."""
        if self.are_views:
            return
        theirs = [slot for slot in slots_of(self.rows) if slot.startswith(LATENT_SLOT) and slot not in ours]
        if not theirs or self._other_components_are_settled:
            return
        self._other_components_are_settled = True
        passed_on = [slot for slot in theirs if not self.job.leave_out_slot(PARTICLE_INPUT, slot)]
        left_out = [slot for slot in theirs if slot not in passed_on]
        if left_out:
            self.job.log(
                f"Left out of the particles: {', '.join(left_out)} of the earlier job (such as 3D Variability), so that they are not "
                "taken for latents of GEM. That job keeps them."
            )
        if passed_on:
            warn(
                f"Only the first {len(ours) - 1} component modes are latents of GEM. CryoSPARC passes on {', '.join(passed_on)} "
                "of the connected particles too, which are of the earlier job (such as 3D Variability): choose none of them "
                "together with GEM's."
            )

    def save_map(self, name: str, title: str, path: Path, kind: str = "volume") -> None:
        """A map or mask; its file is left in the job directory, or put there."""
        if name in self.sent:
            return
        slot = "map" if kind == "volume" else "mask"
        header = read_mrc_header(path)
        self._declare(kind, name, {slot: self.volume_slot_type}, None, title)
        columns = {
            f"{slot}/path": f"{self.job.uid}/{self.path_in_job(path)}",
            f"{slot}/shape": list(header.shape),
            f"{slot}/psize_A": header.pixel_size_in_angstroms,
        }
        self.job.save_output(name, None, columns)
        self._on_sent(name)
        picture = drawn(lambda: tile_of([path]))
        if picture is not None:
            self._show_picture(name, picture)

    def path_in_job(self, path: Path) -> str:
        """The file's name in the job directory, after putting it there where it is elsewhere."""
        if self.folders.job is not None:
            real, folder = path.resolve(), self.folders.job.resolve()
            if real.is_relative_to(folder):
                return real.relative_to(folder).as_posix()
            with whole_file(folder / RESULT_FOLDER / path.name) as temporary:
                shutil.copyfile(path, temporary)
        else:
            self.job.make_folder(RESULT_FOLDER)
            self.job.upload(path, f"{RESULT_FOLDER}/{path.name}")
        return f"{RESULT_FOLDER}/{path.name}"

    def declare_particles(self, name: str, title: str, latent_size: int) -> None:
        """Declare an output of particles before the work, as save_particles will need it."""
        slots = {slot: slot_type(slot, self.rows) for slot in self._own_slots(latent_size > 0)}
        slots |= {f"{LATENT_SLOT}{mode}": "components" for mode in range(latent_size)}
        self._declare("particle", name, slots, PARTICLE_INPUT, title)

    def declare_map(self, name: str, title: str, kind: str = "volume") -> None:
        """Declare an output of a map or mask before the work."""
        slot = "map" if kind == "volume" else "mask"
        self._declare(kind, name, {slot: self.volume_slot_type}, None, title)

    def _declare(
        self, kind: str, name: str, slots: dict[str, str], passthrough: str | None, title: str
    ) -> None:
        """Declare an output that is not declared yet, or of which more is known now."""
        new = _Declared(title, dict(slots))
        known = self._declared.get(name)
        if known == new:
            return
        try:
            self.job.add_output(kind, name, slots, passthrough, title)
        except ServerAwayError:
            raise
        except GemError:
            if name not in self._declared or (known is not None and known.slots != new.slots):
                raise
            return  # it keeps the title that it has
        self._declared[name] = new


def save_latents(outputs: JobOutputs, run: RunFiles) -> None:
    """All particles with their latents."""
    outputs.save_particles(ALL_PARTICLES, "All particles with latents", latents=_latents(outputs, run))


def save_refined_poses(outputs: JobOutputs, run: RunFiles) -> None:
    """All particles with the poses that training refined; nothing where it refined none."""
    if not run.refined_poses.is_file():
        return
    rows = read_cs_rows(run.refined_particles(".cs"))
    if not np.array_equal(rows["uid"], outputs.rows["uid"]):
        raise InputError(
            f"{run.refined_particles('.cs')} does not hold the {len(outputs.rows)} connected particles in their order. "
            "Start the GEM job again."
        )
    title, latents = "All particles with refined poses", _latents(outputs, run)
    outputs.save_particles(REFINED_POSES, title, latents=latents, rows=rows, changed_slots=[ALIGNMENTS])


def save_consensus(outputs: JobOutputs, run: RunFiles) -> None:
    """The map that the training started from."""
    outputs.save_map(CONSENSUS, "Consensus", run.consensus_map)


def save_states(outputs: JobOutputs, run: RunFiles) -> None:
    """Particles and mean map of every state of the landscape step, and the mask."""
    _save_groups(outputs, run, SKETCH)
    if run.landscape.mask.is_file():
        outputs.save_map(MASK, "Mask of the landscape", run.landscape.mask, "mask")


def save_full_states(outputs: JobOutputs, run: RunFiles) -> None:
    """Particles and mean map of every state of the landscape-full step."""
    _save_groups(outputs, run, FULL)


def _save_groups(outputs: JobOutputs, run: RunFiles, source: str) -> None:
    """Each state's particles with latents, and its mean map where there is one."""
    latents, states = _latents(outputs, run), States.load(run.landscape, source)
    _check_length(states.labels, outputs, states.files.root)
    checks = RunChecks.load(run)
    for number in outputs.track(states.numbers, "Saving the states in CryoSPARC", unit="state"):
        chosen = states.rows(number)
        badge = checks.badge(number, source)
        title = f"State {number}, {badge}: {len(chosen)} particles"
        outputs.save_particles(f"particles_state_{number}", title, chosen, latents)
        if states.has_mean_map(number):
            outputs.save_map(
                f"volume_state_{number}", f"State {number}, {badge}: mean map", states.files.mean(number)
            )


def save_chosen(outputs: JobOutputs, run: RunFiles) -> None:
    """The particles that the select step wrote."""
    written = read_cs_rows(Path(read_summary(run)["select"]["file"]))
    chosen = np.flatnonzero(np.isin(outputs.rows["uid"], written["uid"]))
    latents = read_array(run.latents, "gem-cryosparc-train")
    has_latents = len(latents) == len(outputs.rows)  # not where views were joined to particles again
    outputs.save_particles(
        ALL_PARTICLES, f"{len(chosen)} chosen particles", chosen, latents if has_latents else None
    )


def _latents(outputs: JobOutputs, run: RunFiles) -> np.ndarray:  # (n, latent_size)
    latents = read_array(run.latents, "gem-cryosparc-train")
    _check_length(latents, outputs, run.latents)
    return latents


def _check_length(values: np.ndarray, outputs: JobOutputs, path: Path) -> None:
    if len(values) != len(outputs.rows):
        raise InputError(
            f"{path} has {len(values)} particles, the input has {len(outputs.rows)}. Start the GEM job before it again."
        )
