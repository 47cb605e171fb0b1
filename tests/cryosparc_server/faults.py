"""What the two generations call the operations that the tests let fail, and the warnings that go with it."""

import pytest

from cryosparc_server.conftest import GENERATION

IGNORED_WARNINGS = pytest.mark.filterwarnings(
    "ignore:.*API client.*:UserWarning", "ignore:.*CommandClient.*:UserWarning"
)
OPERATIONS = {  # what the two generations call the same thing
    "download": ("projects.download_file", "POST get_project_file"),
    "upload": ("projects.upload_file", "POST files"),
    "save": ("jobs.save_output", "POST dataset"),
    "status": ("jobs.find_one", "get_job"),
    "log": ("jobs.add_event_log", "job_send_streamlog"),
    "plot": ("assets.upload", "POST asset"),
    "create": ("jobs.create", "create_external_job"),
    "login": ("login", "get_id_by_email_password"),
    "mkdir": ("projects.mkdir", "project_mkdir"),
    "input": ("jobs.add_external_input", "add_external_job_input"),
    "connect": ("jobs.connect", "connect_external_job"),
    "start": ("jobs.mark_running", "run_external_job"),
    "output": ("jobs.add_external_output", "add_external_job_output"),
    "end": ("jobs.mark_completed", "set_job_status"),
    "load": ("jobs.load_input", "POST load_job_input"),
}


def operation(name: str) -> str:
    return OPERATIONS[name][0 if GENERATION >= 5 else 1]
