"""CryoSPARC 4.7 as cryosparc-tools 4.7.1 sees it: JSON-RPC on base port + 2, + 3 and + 5, and raw uploads on + 3."""

import hashlib
import json
import random
import re
from io import BytesIO
from typing import Any

import numpy as np
from cryosparc.dataset import Dataset

from cryosparc_server.http_server import Answer, Fault, LoopbackServer, Request, json_answer
from cryosparc_server.instance import LICENSE, FakeInput, FakeJob, FakeOutput, Instance, ServerError
from cryosparc_server.slots import field_descriptions

DATASET_MIME = "application/x-cryosparc-dataset"
RAW = {  # operation -> pattern of its path
    "POST load_job_input": r"/load_job_input",
    "POST get_project_file": r"/get_project_file",
    "POST files": r"/projects/(?P<project>\w+)/files",
    "POST asset": r"/projects/(?P<project>\w+)/jobs/(?P<job>\w+)/files",
    "POST dataset": r"/external/projects/(?P<project>\w+)/jobs/(?P<job>\w+)/outputs/(?P<name>\w+)/dataset",
}
CORE = [
    "get_id_by_email_password",
    "get_running_version",
    "get_project",
    "get_project_dir_abs",
    "get_workspace",
]
CORE += ["get_job", "get_job_dir_abs", "run_external_job", "set_job_status", "job_send_streamlog"]
CORE += ["job_checkpoint_streamlog", "test_connection"]
VIS = [
    "project_mkdir",
    "create_external_job",
    "add_external_job_input",
    "add_external_job_output",
    "connect_external_job",
]
DISTANCES = {2: CORE, 3: VIS, 5: []}


class Server4:
    """The three JSON-RPC services of one instance."""

    def __init__(self, instance: Instance, version: str = "v4.7.1") -> None:
        instance.can_save_when_done = True
        self.faults: list[Fault] = []
        for _ in range(50):  # until three free ports at the right distances are found
            self.base_port = random.randrange(20000, 60000)
            self._services: list[_Service] = []
            try:
                for distance, procedures in DISTANCES.items():
                    self._services.append(_Service(instance, version, procedures, self.base_port + distance))
                break
            except OSError:
                self.close()
        for service in self._services:
            service.faults = self.faults

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.base_port}"

    def close(self) -> None:
        for service in self._services:
            service.close()


class _Service(LoopbackServer):
    def __init__(self, instance: Instance, version: str, procedures: list[str], port: int) -> None:
        self.instance, self.version, self.procedures = instance, version, procedures
        super().__init__(port)

    def operation_of(self, request: Request) -> str:
        if request.path == "/api":
            return json.loads(request.body)["method"] if request.body else "api"
        for operation, pattern in RAW.items():
            if re.fullmatch(pattern, request.path):
                return operation
        raise ServerError(404, f"no {request.method} {request.path}")

    def answer(self, operation: str, request: Request) -> Answer:
        self.instance.calls.append(operation)
        if request.headers.get("license-id") != LICENSE:
            raise ServerError(401, "wrong license")
        if operation in RAW:
            found = re.fullmatch(RAW[operation], request.path)
            assert found is not None
            return getattr(self, "_" + operation.replace("POST ", "post_"))(request, **found.groupdict())
        return self._remote_call(operation, json.loads(request.body))

    def error_answer(self, error: ServerError) -> Answer:
        """Raw requests fail with plain text, as the third-party reports of 422 show."""
        return Answer(error.detail.encode(), "text/plain", error.status)

    def _remote_call(self, operation: str, call: dict) -> Answer:
        if operation == "system.describe":
            return json_answer({"result": {"procs": [{"name": name} for name in self.procedures]}})
        if operation not in self.procedures:
            return json_answer({"error": {"code": -32601, "name": "MethodNotFound", "message": operation}})
        parameters = call["params"]
        positional, named = (parameters, {}) if isinstance(parameters, list) else ([], parameters)
        try:
            return json_answer({"result": getattr(self, "_" + operation)(*positional, **named)})
        except ServerError as error:
            code = 422 if error.data else 500
            message = {"code": code, "name": "OtherError", "message": error.detail, "data": error.data}
            return json_answer({"error": message})

    # core
    def _get_id_by_email_password(self, email: str, password: str) -> str:
        return self.instance.login(email, hashlib.sha256(password.encode()).hexdigest())

    def _get_running_version(self) -> str:
        return self.version

    def _test_connection(self) -> bool:
        return True

    def _get_project(self, project_uid: str) -> dict:
        self.instance.check_project(project_uid)
        return {"uid": project_uid, "title": "Test", "project_dir": self.instance.directory()}

    def _get_project_dir_abs(self, project_uid: str) -> str:
        self.instance.check_project(project_uid)
        return self.instance.directory()

    def _get_workspace(self, project_uid: str, workspace_uid: str) -> dict:
        self.instance.check_project(project_uid)
        self.instance.check_workspace(workspace_uid)
        return {"uid": workspace_uid, "project_uid": project_uid}

    def _get_job(self, project_uid: str, job_uid: str) -> dict:
        return _document(self.instance, self.instance.job(project_uid, job_uid))

    def _get_job_dir_abs(self, project_uid: str, job_uid: str) -> str:
        return self.instance.directory(self.instance.job(project_uid, job_uid).uid)

    def _run_external_job(self, project_uid: str, job_uid: str, status: str) -> None:
        self.instance.start(self.instance.job(project_uid, job_uid), status)

    def _set_job_status(self, project_uid: str, job_uid: str, status: str) -> None:
        self.instance.finish(self.instance.job(project_uid, job_uid), status)

    def _job_send_streamlog(
        self,
        project_uid: str,
        job_uid: str,
        message: str,
        error: bool = False,
        flags: list[str] | None = None,
        imgfiles: list[dict] | None = None,
    ) -> str:
        job = self.instance.job(project_uid, job_uid)
        for asset in imgfiles or []:
            if asset["fileid"] not in self.instance.assets:
                raise ServerError(422, f"asset {asset['fileid']} does not exist")
        kind = "image" if imgfiles else "error" if error else "text"
        job.events.append({"type": kind, "text": message})
        return str(len(job.events))

    def _job_checkpoint_streamlog(self, project_uid: str, job_uid: str, meta: dict) -> None:
        self.instance.job(project_uid, job_uid).events.append({"type": "checkpoint", "meta": meta})

    # vis
    def _project_mkdir(self, project_uid: str, path: str, parents: bool, exist_ok: bool) -> None:
        self.instance.check_project(project_uid)
        self.instance.make_folder(path, parents, exist_ok)

    def _create_external_job(
        self, project_uid: str, workspace_uid: str, user: str, title: str | None, desc: str | None
    ) -> str:
        self.instance.check_project(project_uid)
        self.instance.check_workspace(workspace_uid)
        if user not in self.instance.tokens:
            raise ServerError(401, "unknown user")
        return self.instance.create_external_job(title or "", desc or "").uid

    def _add_external_job_input(self, project_uid: str, job_uid: str, **given: Any) -> None:
        slots = [_slot(one) for one in given["slots"]]
        required = {name for name, _, is_required in slots if is_required}
        most = float(given["max"])
        described = {name: dtype for name, dtype, _ in slots}
        new = FakeInput(given["type"], given["title"] or "", described, required, most)
        self.instance.add_input(self.instance.job(project_uid, job_uid), given["name"] or given["type"], new)

    def _add_external_job_output(self, project_uid: str, job_uid: str, **given: Any) -> None:
        described = {name: dtype for name, dtype, _ in map(_slot, given["slots"])}
        new = FakeOutput(given["type"], given["title"] or "", described, given["passthrough"])
        self.instance.add_output(self.instance.job(project_uid, job_uid), given["name"] or given["type"], new)

    def _connect_external_job(self, project_uid: str, target_job_uid: str, **given: Any) -> None:
        job = self.instance.job(project_uid, target_job_uid)
        self.instance.connect(job, given["target_input"], given["source_job_uid"], given["source_output"])

    # raw
    def _post_load_job_input(self, request: Request) -> Answer:
        wanted = json.loads(request.body)
        job = self.instance.job(wanted["project_uid"], wanted["job_uid"])
        rows = self.instance.load_input(job, wanted["input_name"], wanted["slots"] or "all")
        return Answer(b"".join(Dataset(rows).stream()), DATASET_MIME)

    def _post_get_project_file(self, request: Request) -> Answer:
        wanted = json.loads(request.body)
        self.instance.check_project(wanted["project_uid"])
        dataset = re.fullmatch(r"(J\d+)/\1_(passthrough_)?(\w+)\.cs", wanted["path"])
        if dataset:
            job = self.instance.job(wanted["project_uid"], dataset[1])
            return Answer(
                _numpy_form(_file_rows(self.instance, job, dataset[3], bool(dataset[2]))),
                "application/octet-stream",
            )
        target = self.instance.file(wanted["path"])
        if not target.is_file():
            raise ServerError(404, f"{wanted['path']} not found")
        return Answer(target.read_bytes(), "application/octet-stream")

    def _post_files(self, request: Request, project: str) -> Answer:
        self.instance.check_project(project)
        target = self.instance.file(request.query["path"])
        if target.exists() and request.query.get("overwrite") != "1":
            raise ServerError(409, f"{request.query['path']} exists")
        self.instance.check_folder_of(target)
        target.write_bytes(request.body)
        return Answer(b"ok", "text/plain")

    def _post_asset(self, request: Request, project: str, job: str) -> Answer:
        self.instance.job(project, job)
        identity = f"{len(self.instance.assets):024x}"
        self.instance.assets[identity] = request.body
        kind = request.query["format"]
        return json_answer(
            {"fileid": identity, "filename": request.query.get("filename", "file"), "filetype": kind}
        )

    def _post_dataset(self, request: Request, project: str, job: str, name: str) -> Answer:
        if not request.body.startswith(b"\x95CSDAT"):
            raise ServerError(500, "Internal server error: not a dataset")
        rows = np.asarray(Dataset.load(BytesIO(request.body)).to_records(fixed=True)).view(np.ndarray)
        self.instance.save_output(self.instance.job(project, job), name, rows)
        return Answer(b"ok", "text/plain")


def _slot(slot: str | dict) -> tuple[str, str, bool]:  # name, type, whether required
    if isinstance(slot, str):
        return slot.lstrip("?"), slot.lstrip("?"), not slot.startswith("?")
    if "prefix" not in slot:
        raise ServerError(422, f"slot {slot} has no prefix")
    return slot["prefix"], slot["dtype"], slot.get("required", True)


def _document(instance: Instance, job: FakeJob) -> dict:
    """The job document that 4.7 keeps in its database, as far as the client reads it."""
    inputs = [
        {
            "name": name,
            "type": one.kind,
            "title": one.title,
            "slots": [
                {"name": slot, "type": f"{one.kind}.{dtype}", "optional": slot not in one.required}
                for slot, dtype in one.slots.items()
            ],
            "connections": [{"job_uid": uid, "group_name": output} for uid, output in one.connections],
        }
        for name, one in job.inputs.items()
    ]
    results = [result for name in job.outputs for result in _results(instance, job, name)]
    groups = [
        {
            "name": name,
            "type": one.kind,
            "title": one.title,
            "passthrough": one.passthrough or False,
            "num_items": 0 if one.rows is None else len(one.rows),
            "contains": [result for result in results if result["group_name"] == name],
        }
        for name, one in job.outputs.items()
    ]
    about = {
        "uid": job.uid,
        "project_uid": job.project,
        "job_type": job.kind,
        "title": job.title,
        "status": job.status,
        "deleted": job.is_deleted,
    }
    return {**about, "input_slot_groups": inputs, "output_result_groups": groups, "output_results": results}


def _results(instance: Instance, job: FakeJob, name: str) -> list[dict]:
    output, results = job.outputs[name], []
    for slot, dtype in instance.slots_of(job, name).items():
        is_inherited = slot not in output.slots
        file = f"{job.uid}/{job.uid}_{'passthrough_' if is_inherited else ''}{name}.cs"
        descriptions = [] if is_inherited else field_descriptions(output.kind, {slot: dtype})
        results.append(
            {
                "group_name": name,
                "name": slot,
                "type": f"{output.kind}.{dtype}",
                "passthrough": is_inherited,
                "metafiles": [file] if output.rows is not None else [],
                "min_fields": [[field.split("/")[1], kind] for field, kind in descriptions],
            }
        )
    return results


def _file_rows(instance: Instance, job: FakeJob, name: str, is_passthrough: bool) -> np.ndarray:
    output = job.outputs[name]
    if output.rows is None:
        raise ServerError(404, f"{name} of {job.uid} was not saved")
    if not is_passthrough:
        return output.rows
    inherited = [slot for slot in instance.slots_of(job, name) if slot not in output.slots]
    return instance.load_output(job, name, inherited)


def _numpy_form(rows: np.ndarray) -> bytes:
    buffer = BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    return buffer.getvalue()
