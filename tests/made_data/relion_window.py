"""RELION's own window on a screen that nobody sees, driven by a mouse and a keyboard. The Escape key ends RELION: it is never pressed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, ImageGrab

PROGRAMS = {"relion": "relion-gui", "Xvfb": "xvfb", "xdotool": "xdotool"}  # program -> Debian package
SCREEN_WIDTH, SCREEN_HEIGHT = 820, 830
TABS = {"Input": (224, 16), "Params": (281, 16), "Running": (349, 16)}
FIELDS = {  # pixels from the corner of the window
    "External executable": (570, 52),
    "Input particles": (570, 128),
    "Input 3D reference": (570, 172),
    "Number of threads": (505, 52),
}
FIRST_PARAMETER, PARAMETER_HEIGHT = (530, 52), 22
EXTERNAL, RUN, DISPLAY, JOB_ACTIONS = (60, 330), (740, 346), (690, 385), (145, 385)
FIRST_FINISHED, FIRST_RUNNING, NOWHERE = (60, 445), (340, 445), (430, 20)
ABORT_RUNNING, CONFIRM_ABORT = (150, 453), (344, 453)


class RelionWindow:
    """RELION's main window in a project folder."""

    def __init__(self, project: Path, screen_number: int = 77) -> None:
        missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
        if missing:
            pytest.skip(f"{', '.join(missing)} absent (Debian: apt-get install {' '.join(missing)})")
        (project / ".gui_projectdir").touch()  # without it RELION asks first
        self.screen = f":{screen_number}"
        size = f"{SCREEN_WIDTH}x{SCREEN_HEIGHT}x24"
        self._server = subprocess.Popen(
            ["Xvfb", self.screen, "-screen", "0", size], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        path = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]
        time.sleep(2)
        self._relion = subprocess.Popen(
            ["relion"],
            cwd=project,
            env={**os.environ, "DISPLAY": self.screen, "PATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._move_to_corner()

    def close(self) -> None:
        for process in (self._relion, self._server):
            process.terminate()
            process.wait(20)

    def click(self, position: tuple[int, int], times: int = 1) -> None:
        self._do("mousemove", position[0], position[1])
        time.sleep(0.2)
        self._do("click", "--repeat", times, "--delay", 80, 1)
        time.sleep(0.6)

    def choose_external(self) -> None:
        self.click(EXTERNAL)

    def fill_in(self, tab: str, values: dict[str, str]) -> None:
        """Type values into the fields of a tab; on Params the names are the labels."""
        self.click(TABS[tab])
        for number, (name, value) in enumerate(values.items()):
            if tab == "Params":
                x, y = FIRST_PARAMETER[0], FIRST_PARAMETER[1] + number * PARAMETER_HEIGHT
                self._type((x, y), name)
                self._type((x + 100, y), value)
            else:
                self._type(FIELDS[name], value)

    def run(self) -> None:
        """Press Run!, which is Continue! where a job is shown."""
        self.click(RUN)

    def show_first_finished_job(self) -> None:
        self.click(FIRST_FINISHED)
        time.sleep(2)

    def abort_first_running_job(self) -> None:
        self.click(FIRST_RUNNING)
        self.click(JOB_ACTIONS)
        self.click(ABORT_RUNNING)
        self.click(CONFIRM_ABORT)

    def open_outputs(self) -> None:
        self.click(DISPLAY)

    def close_menu(self) -> None:
        self.click(NOWHERE)

    def picture(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self.screen)

    def _type(self, position: tuple[int, int], text: str) -> None:
        self.click(position, times=3)
        self._do("key", "ctrl+a")
        self._do("key", "BackSpace")
        self._do("type", "--delay", 15, text)

    def _move_to_corner(self) -> None:
        """Wait for the window, and put its corner where the positions count from."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = self._do("search", "--name", "RELION-", check=False).stdout.split()
            if found:
                time.sleep(2)
                self._do("windowmove", found[0], 0, 0)
                time.sleep(1)
                return
            time.sleep(0.5)
        raise TimeoutError("The window of RELION did not appear within a minute.")

    def _do(self, *words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DISPLAY": self.screen}
        command = ["xdotool", *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=check)
