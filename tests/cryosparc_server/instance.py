"""The projects and jobs of the made-up instance, with the rules that its HTTP fronts enforce."""

import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import mrcfile
import numpy as np

from cryosparc_server.slots import SLOT_FIELDS, missing_fields
from gem_plugin.io.cryosparc.files import slots_of as slots_in

EMAIL, PASSWORD = "user@example.org", "correct horse"
LICENSE = "01234567-89ab-cdef-0123-456789abcdef"


class ServerError(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, detail: str, data: dict | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.data = status, detail, data


@dataclass
class FakeOutput:
    kind: str  # particle, volume, mask
    title: str
    slots: dict[str, str]  # name -> slot type
    passthrough: str | None = None  # name of an input of the same job
    rows: np.ndarray | None = None  # uid and own slots


@dataclass
class FakeInput:
    kind: str
    title: str
    slots: dict[str, str]
    required: set[str]
    most: float = float("inf")
    connections: list[tuple[str, str]] = field(default_factory=list)  # (job uid, output name)
    disconnected: set[str] = field(default_factory=set)  # slots that were taken off the connection


@dataclass
class FakeJob:
    uid: str
    project: str
    kind: str
    title: str = ""
    description: str = ""
    status: str = "building"
    error: str = ""
    is_deleted: bool = False  # such a job keeps its status and can still be found
    inputs: dict[str, FakeInput] = field(default_factory=dict)
    outputs: dict[str, FakeOutput] = field(default_factory=dict)
    events: list[dict] = field(default_factory=list)
    tile: dict | None = None
    output_images: dict[str, dict] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=list)  # every status that was set

    def texts(self) -> str:
        """Everything in the log, for the tests."""
        return "\n".join(
            event["text"] for event in self.events if event["type"] in ("text", "warning", "error")
        )


class Instance:
    """One project P3 with workspace W1, in a folder that the test gives."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[str, FakeJob] = {}
        self.assets: dict[str, bytes] = {}
        self.tokens: set[str] = set()
        self.calls: list[str] = []
        self.shown_folder: Path | None = None  # what get_directory answers; another path means "not mounted"
        self.can_save_when_done = False  # 4.7 lets outputs be saved in any state
        self.folder.mkdir(parents=True, exist_ok=True)

    # logging in
    def login(self, email: str, password_hash: str) -> str:
        if email != EMAIL or password_hash != hashlib.sha256(PASSWORD.encode()).hexdigest():
            raise ServerError(401, "Incorrect username or password")
        token = secrets.token_hex(8)
        self.tokens.add(token)
        return token

    # finding
    def check_project(self, project: str) -> None:
        if project != "P3":
            raise ServerError(404, f"Project {project} not found")

    def check_workspace(self, workspace: str) -> None:
        if workspace != "W1":
            raise ServerError(404, f"Workspace {workspace} not found")

    def job(self, project: str, uid: str) -> FakeJob:
        self.check_project(project)
        if uid not in self.jobs:
            raise ServerError(404, f"Job {project}-{uid} not found")
        return self.jobs[uid]

    def directory(self, uid: str = "") -> str:
        return str((self.shown_folder or self.folder) / uid)

    def file(self, path: str) -> Path:
        """A path in the project; .. is refused."""
        target = (self.folder / path).resolve()
        if not target.is_relative_to(self.folder.resolve()):
            raise ServerError(403, f"{path} is outside the project")
        return target

    def check_folder_of(self, target: Path) -> None:
        if not target.parent.is_dir():
            raise ServerError(422, f"{target.parent.name} does not exist: make the folder first")

    def make_folder(self, path: str, parents: bool, exist_ok: bool) -> None:
        try:
            self.file(path).mkdir(parents=parents, exist_ok=exist_ok)
        except OSError as error:
            raise ServerError(422, f"cannot make {path}: {error.strerror}") from error

    # making jobs
    def create_external_job(self, title: str, description: str) -> FakeJob:
        number = max([0, *(int(uid[1:]) for uid in self.jobs)]) + 1
        job = FakeJob(f"J{number}", "P3", "snowflake", title, description)
        self.jobs[job.uid] = job
        (self.folder / job.uid).mkdir()
        return job

    def check_external(self, job: FakeJob, statuses: tuple[str, ...], what: str) -> None:
        if job.kind != "snowflake":
            raise ServerError(422, f"Job {job.uid} is not an external job")
        if job.status not in statuses:
            raise ServerError(422, f"Cannot {what} job {job.uid} in status {job.status}")

    def add_input(self, job: FakeJob, name: str, new: FakeInput) -> None:
        self.check_external(job, ("building", "running", "waiting"), "add an input to")
        _check_slots(new.kind, new.slots)
        job.inputs[name] = new

    def add_output(self, job: FakeJob, name: str, new: FakeOutput) -> None:
        self.check_external(job, ("building", "running", "waiting"), "add an output to")
        _check_slots(new.kind, new.slots)
        if new.passthrough is not None and new.passthrough not in job.inputs:
            raise ServerError(422, f"Passthrough input {new.passthrough} does not exist in {job.uid}")
        job.outputs[name] = new

    def connect(self, job: FakeJob, input_name: str, source_uid: str, output_name: str) -> None:
        self.check_external(job, ("building", "running", "waiting"), "connect")
        source, target = self.job(job.project, source_uid), job.inputs.get(input_name)
        if target is None:
            raise ServerError(422, f"Job {job.uid} has no input {input_name}")
        if output_name not in source.outputs:
            raise ServerError(422, f"Job {source_uid} has no output {output_name}")
        output = source.outputs[output_name]
        if output.kind != target.kind:
            raise ServerError(422, f"Cannot connect {output.kind} to {target.kind}")
        present = self.slots_of(source, output_name)
        lacking = {name for name in target.required if name not in present}
        if lacking:
            raise ServerError(
                422, f"Output {source_uid}.{output_name} lacks required slots {sorted(lacking)}"
            )
        if len(target.connections) >= target.most:
            raise ServerError(422, f"Input {input_name} takes no more connections")
        target.connections.append((source_uid, output_name))

    def disconnect_slot(self, job: FakeJob, input_name: str, slot: str) -> None:
        self.check_external(job, ("building", "running", "waiting"), "disconnect a slot of")
        job.inputs[input_name].disconnected.add(slot)

    # status
    def start(self, job: FakeJob, status: str) -> None:
        self.check_external(job, ("building", "waiting", "running"), "start")
        if status not in ("running", "waiting") or job.status == status:
            raise ServerError(422, f"Job {job.uid} cannot go from {job.status} to {status}")
        self.set_status(job, status)

    def finish(self, job: FakeJob, status: str, error: str = "") -> None:
        self.check_external(job, ("running", "waiting"), f"mark as {status}")
        job.error = error
        self.set_status(job, status)

    def set_status(self, job: FakeJob, status: str) -> None:
        job.status = status
        job.statuses.append(status)

    # data
    def slots_of(self, job: FakeJob, output_name: str) -> dict[str, str]:
        """Own slots and those inherited through passthrough."""
        output = job.outputs[output_name]
        inherited: dict[str, str] = {}
        if output.passthrough is not None:
            for source_uid, name in job.inputs[output.passthrough].connections:
                inherited |= self.slots_of(self.jobs[source_uid], name)
            for slot in job.inputs[output.passthrough].disconnected:
                inherited.pop(slot, None)
        return {**inherited, **output.slots}

    def load_output(self, job: FakeJob, output_name: str, slots: str | list[str] = "all") -> np.ndarray:
        if output_name not in job.outputs:
            raise ServerError(404, f"Job {job.uid} has no output {output_name}")
        output = job.outputs[output_name]
        if output.rows is None:
            raise ServerError(422, f"Output {job.uid}.{output_name} has no data yet")
        tables = [output.rows]
        if output.passthrough is not None:
            inherited = self.load_input(job, output.passthrough)
            tables.append(inherited[_rows_of_uids(inherited["uid"], output.rows["uid"])])
        rows = _merge(tables)
        return rows if slots == "all" else _only_slots(rows, slots)

    def load_input(self, job: FakeJob, input_name: str, slots: str | list[str] = "all") -> np.ndarray:
        if input_name not in job.inputs:
            raise ServerError(404, f"Job {job.uid} has no input {input_name}")
        connections = job.inputs[input_name].connections
        if not connections:
            raise ServerError(422, f"Input {job.uid}.{input_name} is not connected")
        rows = np.concatenate([self.load_output(self.jobs[uid], name) for uid, name in connections])
        gone = job.inputs[input_name].disconnected
        if gone:
            rows = _only_slots(rows, [slot for slot in slots_in(rows) if slot not in gone])
        return rows if slots == "all" else _only_slots(rows, slots)

    def save_output(self, job: FakeJob, output_name: str, rows: np.ndarray) -> None:
        if output_name not in job.outputs:
            raise ServerError(404, f"Job {job.uid} has no output {output_name}")
        if not self.can_save_when_done:
            self.check_external(job, ("running", "waiting"), "save an output of")
        output = job.outputs[output_name]
        missing = missing_fields(output.kind, output.slots, rows)
        if missing:
            raise ServerError(422, f"Invalid dataset; missing the following required fields: {missing}")
        if len(np.unique(rows["uid"])) < len(rows):
            raise ServerError(422, "Invalid dataset; duplicate uids")
        if output.passthrough is not None:
            known = self.load_input(job, output.passthrough)["uid"]
            if not np.isin(rows["uid"], known).all():
                raise ServerError(422, f"Invalid dataset; uids that input {output.passthrough} does not have")
        if output.kind in ("volume", "mask"):
            self._check_maps_exist(output, rows)
        output.rows = _only_slots(rows, list(output.slots))  # columns of other slots are dropped
        with open(self.folder / job.uid / f"{job.uid}_{output_name}.cs", "wb") as handle:
            np.save(handle, output.rows)

    def _check_maps_exist(self, output: FakeOutput, rows: np.ndarray) -> None:
        for slot in output.slots:
            for path, shape in zip(rows[f"{slot}/path"], rows[f"{slot}/shape"]):
                found = mrcfile.read(self.file(path.decode())).shape
                if found != tuple(shape.tolist()):
                    raise ServerError(
                        422, f"{path.decode()} has shape {found}, the dataset says {shape.tolist()}"
                    )

    # for the tests: a finished refinement to start from
    def add_refinement(
        self, uid: str, particles: np.ndarray, volume: np.ndarray, pixel_size: float, mask: np.ndarray
    ) -> FakeJob:
        """A completed Non-uniform Refinement with particles, volume and mask on disk."""
        extraction = FakeJob("J7", "P3", "extract_micrographs_multi", status="completed")
        own = {name: name for name in ("blob", "ctf", "location")}
        extraction.outputs["particles"] = FakeOutput(
            "particle", "Extracted", own, None, _only_slots(particles, list(own))
        )
        job = FakeJob(uid, "P3", "nonuniform_refine_new", "NU Refinement", status="completed")
        job.inputs["particles"] = FakeInput("particle", "Particles", own, set(own), 1, [("J7", "particles")])
        refined = {"ctf": "ctf", "alignments3D": "alignments3D"}
        rows = _only_slots(particles, list(refined))
        job.outputs["particles"] = FakeOutput("particle", "All particles", refined, "particles", rows)
        for name, values in (("volume", volume), ("mask", mask)):
            path = f"{uid}/{uid}_{name}_map.mrc"
            (self.folder / uid).mkdir(exist_ok=True)
            with mrcfile.new(self.folder / path) as mrc:
                mrc.set_data(values.astype(np.float32))
                mrc.voxel_size = pixel_size
            slot = "map" if name == "volume" else "mask"
            job.outputs[name] = FakeOutput(
                name, name, {slot: "blob"}, None, map_rows(slot, path, values.shape, pixel_size)
            )
        self.jobs |= {"J7": extraction, uid: job}
        return job


def map_rows(slot: str, path: str, shape: tuple[int, ...], pixel_size: float) -> np.ndarray:
    """One row that describes a map file."""
    fields = [
        ("uid", "<u8"),
        (f"{slot}/path", "S64"),
        (f"{slot}/shape", "<u4", (3,)),
        (f"{slot}/psize_A", "<f4"),
    ]
    rows = np.zeros(1, dtype=fields)
    rows["uid"], rows[f"{slot}/path"], rows[f"{slot}/shape"], rows[f"{slot}/psize_A"] = (
        77,
        path,
        shape,
        pixel_size,
    )
    return rows


def _check_slots(kind: str, slots: dict[str, str]) -> None:
    known = SLOT_FIELDS.get(kind, {})
    unknown = sorted(dtype for dtype in slots.values() if dtype not in known)
    if not slots or unknown:
        data = {
            "type": kind,
            "valid": list(known),
            "invalid": [
                {"prefix": name, "dtype": dtype} for name, dtype in slots.items() if dtype not in known
            ],
            "valid_dtypes": list(known),
        }
        raise ServerError(422, f"Unknown {kind} slots {unknown}; valid are {sorted(known)}", {"slots": data})


def _rows_of_uids(uids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    order = np.argsort(uids)
    return order[np.searchsorted(uids[order], wanted)]


def _only_slots(rows: np.ndarray, slots: list[str]) -> np.ndarray:
    names = ["uid", *(name for name in rows.dtype.names if name.split("/")[0] in slots)]
    part = np.zeros(len(rows), dtype=[(name, rows.dtype[name]) for name in names])
    for name in names:
        part[name] = rows[name]
    return part


def _merge(tables: list[np.ndarray]) -> np.ndarray:
    """Columns of tables with the same rows; the first table that has a column gives it."""
    columns: dict[str, np.ndarray] = {}
    for table in tables:
        own = {name.split("/")[0] for name in columns} - {"uid"}
        columns |= {
            name: table[name]
            for name in table.dtype.names
            if name not in columns and name.split("/")[0] not in own
        }
    merged = np.zeros(
        len(tables[0]), dtype=[(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    )
    for name, column in columns.items():
        merged[name] = column
    return merged
