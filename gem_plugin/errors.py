"""What can go wrong, as types. Every message says what was expected, what came, and what to do next."""


class GemError(Exception):
    """Base of every error that a user is meant to read; shown as one message, without a traceback."""


class InputError(GemError):
    """The input is wrong: a file, a column, a setting. Raised before any long work."""


class RunError(GemError):
    """The work itself failed: training diverged, memory or disk ran out."""


class StopRequestedError(GemError):
    """Somebody asked the work to stop (abort file, SIGTERM); what is finished stays usable."""
