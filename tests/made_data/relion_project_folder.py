"""A RELION project for tests, driven by the real relion_pipeliner without its GUI."""

import linecache
import os
import shutil
import subprocess
from pathlib import Path

import starfile

NEW_PIPELINE = (
    "# version 30001\n\ndata_pipeline_general\n\n_rlnPipeLineJobCounter                       1\n\n"
)
MPI_AS_ROOT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
}
STATUS_WORDS = {0: "running", 1: "scheduled", 2: "finished", 3: "failed", 4: "aborted"}  # of RELION 3.1


class RelionProject:
    """One project folder; jobs are named as RELION names them, External/job003/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "default_pipeline.star").write_text(NEW_PIPELINE)

    def add_job(self, kind: str, **options: object) -> str:
        """Schedule a job; a value must not contain a semicolon."""
        return self._added(["--addJob", kind], options)

    def add_job_from_star(self, star: Path, **options: object) -> str:
        """Schedule a job from a job.star file, with some options changed."""
        return self._added(["--addJobFromStar", str(star)], options)

    def run_job(self, job: str, seconds: float = 120) -> str:
        """Run one scheduled job to its end; gives its status in words."""
        running = self.start_job(job)
        try:
            running.communicate(timeout=seconds)
        finally:
            running.kill()  # it waits for ever for a missing input, or for a job without an exit file
        return self.status(job)

    def start_job(self, job: str) -> subprocess.Popen:
        """Start relion_pipeliner on one job; it returns when the job has ended."""
        name = job.strip("/").replace("/", "_")
        log = self.folder / f"pipeline_{name}.log"
        log.unlink(missing_ok=True)  # RELION refuses to start a schedule of a known name
        command = ["relion_pipeliner", "--RunJobs", job, "--schedule", name, "--sec_wait_after", "1"]
        return subprocess.Popen(command, cwd=self.folder, env=self._environment(), stdout=subprocess.DEVNULL)

    def status(self, job: str) -> str:
        """The status of a job in default_pipeline.star."""
        processes = self._pipeline()["pipeline_processes"]
        row = processes[processes["rlnPipeLineProcessName"] == job]
        return STATUS_WORDS[int(row["rlnPipeLineProcessStatus"].iloc[0])]

    def nodes(self, job: str) -> dict[str, int]:
        """The outputs of a job as RELION knows them: path in the job folder -> integer type."""
        nodes = self._pipeline().get("pipeline_nodes")
        if nodes is None:  # RELION leaves the block out when no job has any input or output
            return {}
        pairs = zip(nodes["rlnPipeLineNodeName"], nodes["rlnPipeLineNodeType"], strict=True)
        return {name.removeprefix(job): int(kind) for name, kind in pairs if name.startswith(job)}

    def run_program(self, *command: str, seconds: float = 120) -> str:
        """Run a RELION program in the project; its output is the message of a failure."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def output_of(self, job: str) -> str:
        """What the job printed: run.out and run.err."""
        files = [self.folder / job / name for name in ("run.out", "run.err")]
        return "\n".join(file.read_text() for file in files if file.exists())

    def _added(self, how: list[str], options: dict[str, object]) -> str:
        before = set(self.folder.glob("*/job*"))
        text = ";".join(f"{name} == {value}" for name, value in options.items())
        self.run_program("relion_pipeliner", *how, *(["--addJobOptions", text] if text else []))
        (new,) = set(self.folder.glob("*/job*")) - before
        return f"{new.relative_to(self.folder)}/"

    def _pipeline(self) -> dict:
        linecache.clearcache()  # starfile reads through it, and would give the file of before
        return starfile.read(self.folder / "default_pipeline.star", always_dict=True)

    @staticmethod
    def _environment() -> dict[str, str]:
        return {**os.environ, **MPI_AS_ROOT}


def find_relion_pipeliner() -> str | None:
    """The whole path of relion_pipeliner, or None."""
    return shutil.which("relion_pipeliner")
