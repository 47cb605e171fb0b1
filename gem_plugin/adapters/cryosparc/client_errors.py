"""What an error of cryosparc-tools means, in one sentence without secrets, and whether the same call may succeed later."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator

from gem_plugin.errors import GemError, InputError, RunError

MAXIMUM_DETAIL_LENGTH = 400  # characters of the server's answer that are repeated to the user
REMOTE_CALL = re.compile(
    r'from JSONRPC function "\w+" with params .*?:\n'
)  # 4.7 repeats these before the answer
WORDS_OF_ABSENCE = re.compile(
    r"not found|(does|do|did) ?(not|n't) exist|no such (project|workspace|job)", re.IGNORECASE
)
STATUSES_FOR_LATER = (408, 425, 429)  # too slow, too early, too many at once
SECRET_VARIABLES = ("CRYOSPARC_PASSWORD", "CRYOSPARC_LICENSE_ID")
HOW_TO_LOG_IN = {
    5: "Run `python -m cryosparc.tools login --url URL`, or set CRYOSPARC_EMAIL and CRYOSPARC_PASSWORD.",
    4: "Set CRYOSPARC_LICENSE_ID, CRYOSPARC_EMAIL and CRYOSPARC_PASSWORD.",
}


class AbsentError(InputError):
    """CryoSPARC has no such project, workspace, job or file (any more)."""


@contextlib.contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn any error of cryosparc-tools into one sentence; our own errors pass unchanged."""
    try:
        yield
    except GemError:
        raise
    except Exception as error:
        raise _kind_of(error)(explain(error, doing)) from error


def _kind_of(error: Exception) -> type[GemError]:
    if is_about_absence(error):
        return AbsentError
    return InputError if status_of(error) in (401, 403) or _is_refused_login(error) else RunError


def explain(error: Exception, doing: str) -> str:
    """One sentence on an error of cryosparc-tools: what was being done, what the server said, what to do."""
    status, detail = status_of(error), _detail_of(error)
    if _is_refused_login(error):
        return f"CryoSPARC refused the login while {doing}: {detail}. {HOW_TO_LOG_IN[4]}"
    if status in (401, 403):
        return f"CryoSPARC refused the login (status {status}) while {doing}: {detail}. {HOW_TO_LOG_IN[5]}"
    if is_about_absence(error):
        return f"CryoSPARC did not find what was asked for while {doing}: {detail}. Check the project and job numbers."
    if status is not None and 400 <= status < 500:
        return f"CryoSPARC did not accept it (status {status}) while {doing}: {detail}."
    if is_about_certificate(error):
        return (
            f"The certificate of CryoSPARC is not trusted here, while {doing}: {detail}. If it is your own (self-signed), set "
            "SSL_CERT_FILE to the .pem file of the certificate: export SSL_CERT_FILE=/path/to/certificate.pem."
        )
    if is_about_time(error):
        return f"CryoSPARC did not answer in time while {doing}. Is it overloaded? Try again, or give a longer --timeout."
    if is_about_connection(error):
        return f"The connection to CryoSPARC was lost while {doing}: {detail}. Is the server running?"
    if status is not None:
        return f"CryoSPARC failed (status {status}) while {doing}: {detail}. Its own log says more: cryosparcm log."
    if isinstance(error, ValueError) and "authentication not provided" in str(error):
        return f"No CryoSPARC login was found while {doing}. {HOW_TO_LOG_IN[5]}"
    return f"{type(error).__name__} while {doing}: {detail}"


def is_about_absence(error: BaseException) -> bool:
    """Whether the server answered that there is no such project, workspace, job or file.

    The remote calls of 4.7 give code 500 to this as to any other failure, so their words decide; a 500 of the
    web server itself, or one that says something else, is a failure of the server.
    """
    if status_of(error) == 404:
        return True
    called = REMOTE_CALL.search(str(error))
    answer = str(error)[called.end() :].split("\n")[0] if called else ""
    return WORDS_OF_ABSENCE.search(answer) is not None


def is_worth_another_try(error: Exception) -> bool:
    """Whether the same call may succeed later: the server failed, was slow or was away."""
    if is_about_absence(error) or is_about_certificate(error) or _is_refused_login(error):
        return False
    status = status_of(error)
    is_for_later = status is not None and (status >= 500 or status in STATUSES_FOR_LATER)
    return is_for_later or is_about_time(error) or is_about_connection(error)


def is_answer_of_a_remote_call(error: BaseException) -> bool:
    """Whether a procedure of CryoSPARC 4.7 itself answered with an error, not the web server before it."""
    return REMOTE_CALL.search(str(error)) is not None


def status_of(error: BaseException) -> int | None:
    """The HTTP status of the answer, from the error or what caused it; None where there was no answer."""
    if is_about_time(error) or is_about_connection(error):
        return None  # the 4.7 client gives code 500 to errors that no server sent
    for one in _chain(error):
        for holder in (one, getattr(one, "response", None)):
            status = getattr(holder, "code", None) or getattr(holder, "status_code", None)
            if isinstance(status, int):
                return status
    return None


def _is_refused_login(error: BaseException) -> bool:
    """The 4.7 client hides why it could not log in; a lost connection is recognised by its cause."""
    return "authentication with given credentials" in str(error) and not is_about_connection(error)


def is_about_certificate(error: BaseException) -> bool:
    """Whether the server showed a certificate that this machine does not trust."""
    return any("CERTIFICATE_VERIFY_FAILED" in str(one) for one in _chain(error))


def is_about_time(error: BaseException) -> bool:
    return _is_named(error, "Timeout") or any("Timeout Error" in str(one) for one in _chain(error))


def is_about_connection(error: BaseException) -> bool:
    names = ("TransportError", "ConnectionError", "URLError", "IncompleteRead")
    return any(_is_named(error, name) for name in names) or any(
        "URL Error" in str(one) for one in _chain(error)
    )


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it, in turn."""
    chain, cause = [error], error.__cause__
    while cause is not None:
        chain.append(cause)
        cause = cause.__cause__
    return chain


def _is_named(error: BaseException, word: str) -> bool:
    """Whether the error, or one that caused it, is of a class with this word in its name (httpx is not imported)."""
    return any(word in kind.__name__ for one in _chain(error) for kind in type(one).__mro__)


def _detail_of(error: Exception) -> str:
    """What the server said, or the first line of the error, without secrets and not too long."""
    for one in _chain(error):
        data = getattr(one, "data", None)
        if isinstance(data, dict) and data.get("detail"):
            return _shortened(str(data["detail"]))
    is_wrapped = "due to error" in str(error) or "with given credentials" in str(error)
    text = str(error.__cause__ if error.__cause__ is not None and is_wrapped else error).strip()
    called = REMOTE_CALL.search(text)
    if called is not None:
        text = text[called.end() :]
    if "Response from server: " in text:
        text = text.partition("Response from server: ")[2].removeprefix("b'").removesuffix("'")
    return _shortened(text.split("\n")[0] or type(error).__name__)


def without_secrets(text: str) -> str:
    """The text with passwords and licences crossed out; the 4.7 client repeats them in its errors."""
    for name in SECRET_VARIABLES:
        secret = os.environ.get(name)
        if secret:
            text = text.replace(secret, "***").replace(hashlib.sha256(secret.encode()).hexdigest(), "***")
    return text


def _shortened(text: str) -> str:
    text = without_secrets(text).rstrip(".")
    return text if len(text) <= MAXIMUM_DETAIL_LENGTH else text[:MAXIMUM_DETAIL_LENGTH] + "..."
