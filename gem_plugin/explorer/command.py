"""explore: serve the page of one run on this machine until Ctrl-C is pressed."""

import contextlib
import secrets
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Any

import uvicorn

from gem_plugin.errors import InputError
from gem_plugin.explorer.kept_address import Address, keep_address, kept_address
from gem_plugin.explorer.opened_run import OpenedRun, training_state
from gem_plugin.explorer.routes import create_app
from gem_plugin.explorer.settings import ExploreSettings
from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.outliers import outliers_in_words
from gem_plugin.progress import Progress
from gem_plugin.settings import check_settings

HOST = "127.0.0.1"
TOKEN_BYTES = 24


def run_explore(run: RunFiles, settings: ExploreSettings, progress: Progress) -> dict[str, Any]:
    """Serve the page until Ctrl-C is pressed."""
    check_settings(settings)
    if not run.root.is_dir():
        raise InputError(
            f"There is no folder {run.root}. Expected the folder of a run (--out of `gem-em run`)."
        )
    with progress.waiting(f"opening {run.root}"):
        opened = OpenedRun(run, settings.table)
    threading.Thread(target=opened.warm_up, args=(progress.track,), daemon=True).start()
    listener, token = listen_as_before(run.root, settings.port)
    with listener:
        port = listener.getsockname()[1]
        keep_address(run.root, Address(port, token))
        address = f"http://{HOST}:{port}/?token={token}"
        training = training_state(run)
        if not training["isFinished"]:
            progress.say(
                f"Training is not finished: {training['epochs']} of {training['of'] or 'some'} epochs."
            )
        if sentence := outliers_in_words(run, opened.n_particles):
            progress.say(f"{sentence} Colour them by the column outlier.")
        progress.say(f"{opened.n_particles} particles. Open {address}")
        progress.say(
            f"From another machine: ssh -L {port}:{HOST}:{port} THIS_MACHINE, then open the same address."
        )
        progress.say("Press Ctrl-C to stop.")
        if settings.browser:
            webbrowser.open(address)
        config = uvicorn.Config(create_app(opened, token), log_level="warning", access_log=False)
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
            uvicorn.Server(config).run(sockets=[listener])
    progress.say("The explorer has stopped.")
    return {"particles": opened.n_particles}


def listen_as_before(run: Path, port: int) -> tuple[socket.socket, str]:
    """A socket and a token: those of the last start where they are free, so that its open pages go on."""
    before = kept_address(run)
    if before is not None and port in (0, before.port):
        with contextlib.suppress(InputError):
            return listen(before.port), before.token
    return listen(port), secrets.token_urlsafe(TOKEN_BYTES)


def listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise InputError(
            f"--port {port} cannot be used: {error.strerror}. Leave --port out to take a free one."
        ) from error
    return listener
