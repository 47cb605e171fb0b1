"""The operations of CryoSPARC 5.0 that the client knows by name, as its OpenAPI description lists them."""

import re
from dataclasses import dataclass

DATASET_MIME, BYTES_MIME = "application/x-cryosparc-dataset", "application/octet-stream"
PROJECT, JOB = "/projects/{project}", "/projects/{project}/jobs/{job}"


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    query: tuple[str, ...] = ()  # a trailing ! marks a required one
    body: str = ""  # json, form, or a mime type
    response: str = "json"  # json, text, a model's name, or a mime type
    is_public: bool = False

    def parameters(self) -> list[dict]:
        in_path = [
            {"name": name, "in": "path", "required": True} for name in re.findall(r"{(\w+)}", self.path)
        ]
        in_query = [
            {"name": name.strip("!"), "in": "query", "required": name.endswith("!")} for name in self.query
        ]
        return in_path + in_query

    def description(self) -> dict:
        """The entry of /openapi.json."""
        entry: dict = {
            "summary": self.name,
            "parameters": self.parameters(),
            "responses": {"200": self._response()},
        }
        mimes = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
        if self.body:
            entry["requestBody"] = {
                "content": {mimes.get(self.body, self.body): {"schema": {"title": "Body"}}}
            }
        return entry

    def _response(self) -> dict:
        if self.response in ("json", "text"):
            mime = "application/json" if self.response == "json" else "text/plain"
            return {"content": {mime: {"schema": {}}}}
        if "/" in self.response:
            return {"content": {self.response: {"schema": {"type": "string", "format": "binary"}}}}
        return {
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{self.response}"}}}
        }


OPERATIONS = [
    Operation("health", "get", "/health", response="text", is_public=True),
    Operation("login", "post", "/login", ("expires_in",), "form", "Token", is_public=True),
    Operation("users.me", "get", "/users/me", response="User"),
    Operation("config.get_version", "get", "/config/version"),
    Operation("projects.find_one", "get", PROJECT, response="Project"),
    Operation("projects.get_directory", "get", PROJECT + "/directory"),
    Operation("projects.upload_file", "post", PROJECT + "/files", ("path!", "overwrite"), BYTES_MIME),
    Operation("projects.download_file", "get", PROJECT + "/files", ("path!",), response=BYTES_MIME),
    Operation("projects.mkdir", "post", PROJECT + "/folders", ("path!", "parents", "exist_ok")),
    Operation("workspaces.find_one", "get", PROJECT + "/workspaces/{workspace}", response="Workspace"),
    Operation(
        "jobs.create",
        "post",
        PROJECT + "/workspaces/{workspace}/jobs",
        ("type!", "title", "description"),
        "json",
        "Job",
    ),
    Operation("jobs.find_one", "get", JOB, response="Job"),
    Operation("jobs.get_directory", "get", JOB + "/directory"),
    Operation("jobs.add_external_input", "put", JOB + "/inputs/{name}", (), "json", "Job"),
    Operation("jobs.add_external_output", "put", JOB + "/outputs/{name}", (), "json", "Job"),
    Operation(
        "jobs.connect",
        "post",
        JOB + "/inputs/{name}/connections",
        ("source_job_uid!", "source_output_name!"),
        response="Job",
    ),
    Operation(
        "jobs.disconnect_result",
        "delete",
        JOB + "/inputs/{name}/connections/{connection}/results/{slot}",
        response="Job",
    ),
    Operation("jobs.load_input", "get", JOB + "/inputs/{name}/dataset", ("slots",), response=DATASET_MIME),
    Operation(
        "jobs.load_output",
        "get",
        JOB + "/outputs/{name}/dataset",
        ("slots", "version"),
        response=DATASET_MIME,
    ),
    Operation("jobs.get_output_fields", "post", JOB + "/outputs/{name}/fields", (), "json"),
    Operation("jobs.save_output", "post", JOB + "/outputs/{name}/dataset", ("version",), DATASET_MIME, "Job"),
    Operation("jobs.mark_running", "post", JOB + "/running", ("status!",), response="Job"),
    Operation("jobs.mark_completed", "post", JOB + "/completed", response="Job"),
    Operation("jobs.mark_failed", "post", JOB + "/failed", ("error",), response="Job"),
    Operation("jobs.add_event_log", "post", JOB + "/events", ("type",), "json", "TextEvent"),
    Operation("jobs.update_event_log", "patch", JOB + "/events/{event}", ("type",), "json", "TextEvent"),
    Operation("jobs.add_image_log", "post", JOB + "/images", ("text!", "flags"), "json", "ImageEvent"),
    Operation("jobs.add_checkpoint", "post", JOB + "/checkpoints", (), "json", "CheckpointEvent"),
    Operation("assets.upload", "post", JOB + "/assets", ("filename", "format!"), BYTES_MIME, "GridFSAsset"),
    Operation("jobs.set_tile_image", "put", JOB + "/tile", (), "json", "Job"),
    Operation("jobs.set_output_image", "put", JOB + "/outputs/{name}/image", (), "json", "Job"),
]


def openapi_description() -> dict:
    """/openapi.json: the client makes its methods from this."""
    paths: dict[str, dict] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation.description()
    return {"info": {"title": "loopback", "version": "5"}, "paths": paths, "components": {"schemas": {}}}
