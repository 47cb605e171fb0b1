"""Who may talk to the explorer: the browser that was given the token, on this machine, from our own page."""

import hmac
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
TOKEN_HEADER = "x-gem-token"
MAXIMUM_BYTES_OF_A_REQUEST = 80_000_000  # rows of ten million particles; a mask of 256 voxels along a side; a movie of some hundred frames
SAFE_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses requests without the token, for another host, or sent by another page.

    The Host check stops a foreign name that resolves to this machine (DNS rebinding); the Origin check stops foreign
    pages; the token stops other users of the machine.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            status, text = refusal
            await _refuse(status, text, is_for_reader=scope["path"] == "/")(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self.app(scope, receive, send_safely)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason; None for a request that is answered."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name_of(f"http://{host}") not in LOCAL_NAMES:
            return (403, f"Refused: this page answers at 127.0.0.1 only, not at {host[:80]!r}.")
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{host}".lower():
            return (403, "Refused: the request comes from another page.")
        if not hmac.compare_digest(self._token_of(scope, headers), self.token.encode()):
            return (
                401,
                "Refused: no token, or a wrong one. Open the address that `gem-em explore` printed, all of it.",
            )
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAXIMUM_BYTES_OF_A_REQUEST:
            return (413, f"Refused: more than {MAXIMUM_BYTES_OF_A_REQUEST} bytes in one request.")
        return None

    def _token_of(self, scope: Scope, headers: Headers) -> bytes:
        """From the header that our page sends; from the address only for the page itself, which has no header yet."""
        token = headers.get(TOKEN_HEADER)
        if token is None and scope["path"] == "/":
            token = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return (token or "").encode("utf-8", "replace")


def _name_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def _refuse(code: int, text: str, is_for_reader: bool) -> Response:
    """As text where the browser shows it as the page, as JSON where our page asked."""
    if is_for_reader:
        return PlainTextResponse(text + "\n", code, headers=SAFE_HEADERS)
    return JSONResponse({"error": text}, code, headers=SAFE_HEADERS)
