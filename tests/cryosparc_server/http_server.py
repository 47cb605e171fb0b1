"""The HTTP part that both fronts share: one thread a request, chunked bodies, and faults that a test can order."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from cryosparc_server.instance import ServerError


@dataclass
class Fault:
    """What goes wrong at the next calls of one operation."""

    operation: str
    times: int = 1
    status: int | None = None  # answer with this error status
    delay_in_seconds: float = 0.0  # answer late
    drops_connection: bool = False  # read a part of the body, then hang up
    cuts_answer: bool = False  # send half of the answer, then hang up


@dataclass
class Outage(Fault):
    """From the next call of one operation on, every call fails for so many seconds of a clock; then logins are forgotten."""

    seconds: float = 0.0
    now: Callable[[], float] = time.monotonic
    at_the_end: Callable[[], object] = lambda: None
    began: float | None = None
    is_over: bool = False

    def is_on(self, operation: str) -> bool:
        if self.is_over:
            return False
        if self.began is None:
            if operation != self.operation:
                return False
            self.began = self.now()
        if self.now() - self.began >= self.seconds:
            self.is_over = True
            self.at_the_end()
        return not self.is_over


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    content: bytes
    mime: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(value: object, status: int = 200) -> Answer:
    return Answer(json.dumps(value).encode(), "application/json", status)


class QuietServer(ThreadingHTTPServer):
    """Clients that went away in the middle are no news: nothing is printed among what a test looks at."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class LoopbackServer:
    """Serves one front on 127.0.0.1 until closed."""

    def __init__(self, port: int = 0) -> None:
        self.faults: list[Fault] = []
        self._connections: list[socket.socket] = []
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else every answer waits 40 ms for an acknowledgement

            def setup(self) -> None:
                super().setup()
                front._connections.append(self.connection)

            def do_GET(self) -> None:
                front._serve(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def log_message(self, *arguments: object) -> None:
                """Keep the test output clean."""

        self._server = QuietServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def close(self) -> None:
        """Stop listening and hang up on everyone."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def operation_of(self, request: Request) -> str:
        """The name of the operation, as faults and the list of calls know it."""
        raise NotImplementedError

    def answer(self, operation: str, request: Request) -> Answer:
        raise NotImplementedError

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(
            handler.command, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, b""
        )
        fault: Fault | None = None
        try:
            operation = self.operation_of(request)  # 4.7 names it in the body, so it is read first there
            fault = self._take_fault(operation)
            if fault is not None and fault.drops_connection:
                if _has_body(handler):
                    handler.rfile.read(1)
                handler.close_connection = True
                handler.connection.shutdown(socket.SHUT_RDWR)
                return
            request.body = _read_body(handler)
            operation = self.operation_of(request)
            fault = fault or self._take_fault(operation)
            if fault is not None:
                if fault.drops_connection:
                    handler.close_connection = True
                    handler.connection.shutdown(socket.SHUT_RDWR)
                    return
                time.sleep(fault.delay_in_seconds)
                if fault.status is not None:
                    raise ServerError(fault.status, f"ordered fault in {operation}")
            result = self.answer(operation, request)
        except ServerError as error:
            result = self.error_answer(error)
        _send(handler, result, is_cut=fault is not None and fault.cuts_answer)

    def error_answer(self, error: ServerError) -> Answer:
        return json_answer({"detail": error.detail, **(error.data or {})}, error.status)

    def _take_fault(self, operation: str) -> Fault | None:
        for fault in self.faults:
            if isinstance(fault, Outage):
                if fault.is_on(operation):
                    return fault
            elif fault.operation == operation and fault.times > 0:
                fault.times -= 1
                return fault
        return None


def _has_body(handler: BaseHTTPRequestHandler) -> bool:
    return "Transfer-Encoding" in handler.headers or int(handler.headers.get("Content-Length", 0)) > 0


def _read_body(handler: BaseHTTPRequestHandler) -> bytes:
    if "chunked" in handler.headers.get("Transfer-Encoding", ""):
        pieces = []
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            pieces.append(handler.rfile.read(size))
            handler.rfile.readline()
        handler.rfile.readline()
        return b"".join(pieces)
    return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


def _send(handler: BaseHTTPRequestHandler, result: Answer, is_cut: bool = False) -> None:
    try:
        handler.send_response(result.status)
        handler.send_header("Content-Type", result.mime)
        handler.send_header("Content-Length", str(len(result.content)))
        for name, value in result.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(result.content[: len(result.content) // 2] if is_cut else result.content)
        if is_cut:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        handler.close_connection = True  # the client gave up waiting
