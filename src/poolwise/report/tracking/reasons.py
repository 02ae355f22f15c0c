"""Say why MLflow could not be told."""

from __future__ import annotations

from poolwise.report.tracking.facts import cut
from poolwise.report.tracking.redaction import redact

LIMIT = 500
"""Characters: the reason is half of a sentence on a terminal."""


class Untold(Exception):
    """MLflow could not be told; the message says why, in words for the user. No `PoolwiseError`: the run goes on."""


class Unreachable(Untold):
    """Nobody answers at the address of the server."""


def reason(error: Exception) -> str:
    """Return why, without secrets, on one line.

    >>> reason(Unreachable("nobody listens there"))
    'nobody listens there'
    >>> reason(OSError(28, "No space left on device"))
    'OSError: [Errno 28] No space left on device'
    """
    text = str(error) if isinstance(error, Untold) else f"{type(error).__name__}: {error}"
    text = text.split("[SQL:")[0].split("(Background on this error")[0]  # what SQLAlchemy adds is for programmers
    return cut(" ".join(redact(text).split()), LIMIT)


def sentence(store: str, error: Exception) -> str:
    """Return a sentence without its full stop.

    >>> sentence("http://ada:secret@host:5000", Unreachable("nobody listens there"))
    'MLflow at http://***@host:5000 cannot be reached (nobody listens there)'
    """
    what = "reached" if isinstance(error, Unreachable) else "told"
    return f"MLflow at {redact(store)} cannot be {what} ({reason(error)})"
