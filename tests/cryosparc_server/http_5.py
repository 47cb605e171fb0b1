"""CryoSPARC 5.0 as cryosparc-tools 5.0.3 sees it: an OpenAPI description, and the operations that it names.

The client builds every call from the description, so the paths are ours; names, places of arguments and models are its.
"""

import json
import re
from collections.abc import Callable
from io import BytesIO

import numpy as np
from cryosparc.dataset import Dataset

from cryosparc_server.api_5 import BYTES_MIME, DATASET_MIME, OPERATIONS, Operation, openapi_description
from cryosparc_server.http_server import Answer, LoopbackServer, Request, json_answer
from cryosparc_server.instance import FakeInput, FakeJob, FakeOutput, Instance, ServerError
from cryosparc_server.slots import field_descriptions

STATUSES = [
    "building",
    "queued",
    "launched",
    "started",
    "running",
    "waiting",
    "completed",
    "killed",
    "failed",
]
DATE = "2026-01-01T00:00:00Z"


class Server5(LoopbackServer):
    """The REST front."""

    def __init__(self, instance: Instance, version: str = "v5.0.3") -> None:
        self.instance, self.version = instance, version
        self.patterns = [
            (op, re.compile("^/api/cmd" + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", op.path) + "$"))
            for op in OPERATIONS
        ]
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def operation_of(self, request: Request) -> str:
        if request.path == "/api/cmd/openapi.json":
            return "openapi"
        return self._match(request)[0].name

    def _match(self, request: Request) -> tuple[Operation, dict[str, str]]:
        for operation, pattern in self.patterns:
            found = pattern.match(request.path)
            if found and operation.method == request.method.lower():
                return operation, found.groupdict()
        raise ServerError(404, f"No operation {request.method} {request.path}")

    def answer(self, operation: str, request: Request) -> Answer:
        self.instance.calls.append(operation)
        if operation == "openapi":
            return json_answer(openapi_description())
        entry, in_path = self._match(request)
        if not entry.is_public:
            self._check_login(request)
        for name in entry.query:
            if name.endswith("!") and name.strip("!") not in request.query:
                raise ServerError(422, f"{operation}: query parameter {name.strip('!')} is missing")
        handler: Callable[..., object] = getattr(self, "_" + operation.replace(".", "_"))
        result = handler(request, **in_path)
        if isinstance(result, Answer):
            return result
        return json_answer(_job_model(self.instance, result) if isinstance(result, FakeJob) else result)

    def _check_login(self, request: Request) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.instance.tokens:
            raise ServerError(401, "Could not validate credentials")

    def _external(self, project: str, job: str) -> FakeJob:
        return self.instance.job(project, job)

    # logging in, finding
    def _health(self, request: Request) -> Answer:
        return Answer(b"OK", "text/plain")

    def _login(self, request: Request) -> dict:
        from urllib.parse import parse_qs

        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") != "password":
            raise ServerError(422, "grant_type must be password")
        token = self.instance.login(form.get("username", ""), form.get("password", ""))
        return {"access_token": token, "token_type": "bearer"}

    def _users_me(self, request: Request) -> dict:
        return {"name": "user", "first_name": "A", "last_name": "User"}

    def _config_get_version(self, request: Request) -> str:
        return self.version

    def _projects_find_one(self, request: Request, project: str) -> dict:
        self.instance.check_project(project)
        owner = {"owner_user_id": "u", "size_last_updated": DATE}
        return {
            "uid": project,
            "uid_num": 3,
            "title": "Test",
            "project_dir": self.instance.directory(),
            **owner,
        }

    def _projects_get_directory(self, request: Request, project: str) -> str:
        self.instance.check_project(project)
        return self.instance.directory()

    def _projects_upload_file(self, request: Request, project: str) -> str:
        self.instance.check_project(project)
        target = self.instance.file(request.query["path"])
        if target.exists() and request.query.get("overwrite", "").lower() != "true":
            raise ServerError(409, f"{request.query['path']} exists")
        self.instance.check_folder_of(target)
        target.write_bytes(request.body)
        return request.query["path"]

    def _projects_download_file(self, request: Request, project: str) -> Answer:
        self.instance.check_project(project)
        target = self.instance.file(request.query["path"])
        if not target.is_file():
            raise ServerError(404, f"{request.query['path']} not found")
        return Answer(target.read_bytes(), BYTES_MIME)

    def _projects_mkdir(self, request: Request, project: str) -> str:
        self.instance.check_project(project)
        options = [request.query.get(name, "").lower() == "true" for name in ("parents", "exist_ok")]
        self.instance.make_folder(request.query["path"], *options)
        return request.query["path"]

    def _workspaces_find_one(self, request: Request, project: str, workspace: str) -> dict:
        self.instance.check_project(project)
        self.instance.check_workspace(workspace)
        return {
            "uid": workspace,
            "uid_num": 1,
            "project_uid": project,
            "project_uid_num": 3,
            "title": "Work",
            "workspace_type": "base",
        }

    # external jobs
    def _jobs_create(self, request: Request, project: str, workspace: str) -> FakeJob:
        self.instance.check_project(project)
        self.instance.check_workspace(workspace)
        if request.query["type"] != "snowflake":
            raise ServerError(422, "only external jobs can be made here")
        return self.instance.create_external_job(
            request.query.get("title", ""), request.query.get("description", "")
        )

    def _jobs_find_one(self, request: Request, project: str, job: str) -> FakeJob:
        return self.instance.job(project, job)

    def _jobs_get_directory(self, request: Request, project: str, job: str) -> str:
        return self.instance.directory(self.instance.job(project, job).uid)

    def _jobs_add_external_input(self, request: Request, project: str, job: str, name: str) -> FakeJob:
        found, spec = self._external(project, job), json.loads(request.body)
        slots = {slot["name"]: slot["dtype"] for slot in spec["slots"]}
        required = {slot["name"] for slot in spec["slots"] if slot["required"]}
        most = float(spec["count_max"])
        self.instance.add_input(found, name, FakeInput(spec["type"], spec["title"], slots, required, most))
        return found

    def _jobs_add_external_output(self, request: Request, project: str, job: str, name: str) -> FakeJob:
        found, spec = self._external(project, job), json.loads(request.body)
        slots = {slot["name"]: slot["dtype"] for slot in spec["slots"]}
        self.instance.add_output(
            found, name, FakeOutput(spec["type"], spec["title"], slots, spec.get("passthrough"))
        )
        return found

    def _jobs_connect(self, request: Request, project: str, job: str, name: str) -> FakeJob:
        found = self._external(project, job)
        self.instance.connect(
            found, name, request.query["source_job_uid"], request.query["source_output_name"]
        )
        return found

    def _jobs_disconnect_result(
        self, request: Request, project: str, job: str, name: str, connection: str, slot: str
    ) -> FakeJob:
        found = self._external(project, job)
        assert connection == "0"
        self.instance.disconnect_slot(found, name, slot)
        return found

    def _jobs_load_input(self, request: Request, project: str, job: str, name: str) -> Answer:
        return _dataset_answer(self.instance.load_input(self.instance.job(project, job), name))

    def _jobs_load_output(self, request: Request, project: str, job: str, name: str) -> Answer:
        return _dataset_answer(self.instance.load_output(self.instance.job(project, job), name))

    def _jobs_get_output_fields(self, request: Request, project: str, job: str, name: str) -> list:
        output = self.instance.job(project, job).outputs.get(name)
        if output is None:
            raise ServerError(404, f"Job {job} has no output {name}")
        return field_descriptions(output.kind, output.slots)

    def _jobs_save_output(self, request: Request, project: str, job: str, name: str) -> FakeJob:
        found = self._external(project, job)
        if not request.body.startswith(b"\x95CSDAT"):
            raise ServerError(500, "Internal server error: not a dataset")
        dataset = Dataset.load(BytesIO(request.body))
        self.instance.save_output(found, name, np.asarray(dataset.to_records(fixed=True)).view(np.ndarray))
        return found

    def _jobs_mark_running(self, request: Request, project: str, job: str) -> FakeJob:
        found = self._external(project, job)
        self.instance.start(found, request.query["status"])
        return found

    def _jobs_mark_completed(self, request: Request, project: str, job: str) -> FakeJob:
        found = self._external(project, job)
        self.instance.finish(found, "completed")
        return found

    def _jobs_mark_failed(self, request: Request, project: str, job: str) -> FakeJob:
        found = self._external(project, job)
        self.instance.finish(found, "failed", request.query.get("error", ""))
        return found

    # log
    def _jobs_add_event_log(self, request: Request, project: str, job: str) -> dict:
        event = {"type": request.query.get("type", "text"), "text": json.loads(request.body)}
        return _add_event(self._external(project, job), event)

    def _jobs_update_event_log(self, request: Request, project: str, job: str, event: str) -> dict:
        found = next(one for one in self._external(project, job).events if one["_id"] == event)
        found["text"], found["type"] = json.loads(request.body), request.query.get("type", "text")
        return found

    def _jobs_add_image_log(self, request: Request, project: str, job: str) -> dict:
        files = json.loads(request.body)
        self._check_assets(files)
        event = {"type": "image", "text": request.query["text"], "imgfiles": files}
        return _add_event(self._external(project, job), event)

    def _jobs_add_checkpoint(self, request: Request, project: str, job: str) -> dict:
        return _add_event(
            self._external(project, job), {"type": "checkpoint", "meta": json.loads(request.body)}
        )

    def _assets_upload(self, request: Request, project: str, job: str) -> dict:
        identity = f"{len(self.instance.assets):024x}"
        self.instance.assets[identity] = request.body
        kind = request.query["format"]
        return {
            "fileid": identity,
            "filename": request.query.get("filename", f"file.{kind}"),
            "filetype": f"image/{kind}",
        }

    def _jobs_set_tile_image(self, request: Request, project: str, job: str) -> FakeJob:
        found, asset = self._external(project, job), json.loads(request.body)
        self._check_assets([asset])
        found.tile = asset
        return found

    def _jobs_set_output_image(self, request: Request, project: str, job: str, name: str) -> FakeJob:
        found, asset = self._external(project, job), json.loads(request.body)
        self._check_assets([asset])
        found.output_images[name] = asset
        return found

    def _check_assets(self, assets: list[dict]) -> None:
        for asset in assets:
            if asset["fileid"] not in self.instance.assets:
                raise ServerError(422, f"asset {asset['fileid']} does not exist")


def _add_event(job: FakeJob, event: dict) -> dict:
    event |= {"_id": f"{len(job.events):024x}", "project_uid": job.project, "job_uid": job.uid}
    job.events.append(event)
    return event


def _dataset_answer(rows: np.ndarray) -> Answer:
    return Answer(b"".join(Dataset(rows).stream()), DATASET_MIME)


def _job_model(instance: Instance, job: FakeJob) -> dict:
    """What pydantic's Job model needs."""
    inputs = {
        name: {
            "type": one.kind,
            "title": one.title,
            "slots": [
                {"name": slot, "dtype": dtype, "required": slot in one.required}
                for slot, dtype in one.slots.items()
            ],
            "connections": [
                {"job_uid": uid, "output": output, "results": []} for uid, output in one.connections
            ],
        }
        for name, one in job.inputs.items()
    }
    outputs = {name: _output_model(instance, job, name, one) for name, one in job.outputs.items()}
    spec = {"type": job.kind, "params": {}, "inputs": inputs, "outputs": outputs}
    return {
        "uid": job.uid,
        "uid_num": int(job.uid[1:]),
        "project_uid": job.project,
        "project_uid_num": 3,
        "title": job.title,
        "description": job.description,
        "job_dir": job.uid,
        "job_dir_size_last_updated": DATE,
        "status": job.status,
        "deleted": job.is_deleted,
        "status_num": STATUSES.index(job.status),
        "build_errors": [],
        "spec": {**spec, "ui_tile_width": 1, "ui_tile_height": 1, "resource_spec": {}},
    }


def _output_model(instance: Instance, job: FakeJob, name: str, output: FakeOutput) -> dict:
    is_saved = output.rows is not None
    count = len(output.rows) if output.rows is not None else 0
    results = [
        {
            "name": slot,
            "dtype": dtype,
            "versions": [0] if is_saved else [],
            "metafiles": [f"{job.uid}/{job.uid}_{name}.cs"] if is_saved else [],
            "num_items": [count] if is_saved else [],
            "passthrough": slot not in output.slots,
        }
        for slot, dtype in instance.slots_of(job, name).items()
    ]
    slots = [{"name": slot, "dtype": dtype} for slot, dtype in output.slots.items()]
    about = {
        "type": output.kind,
        "title": output.title,
        "passthrough": output.passthrough,
        "num_items": count,
    }
    return {**about, "slots": slots, "results": results}
