"""What has been sent of a run: a small file in the run's folder, so that a later sync sends the rest and nothing twice."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path

from poolwise.core.files import write_text

FILE_NAME = "tracking.json"
VERSION = 1


@dataclass
class SentRound:
    """One round in the tracker.

    Attributes:
        run_id: the tracker's name for it, "" before it is made.
        at: milliseconds since 1970, fixed before anything is sent: a metric sent again with the same time is one point.
        answers: digest of the batch table that was sent, "" before the round is complete there.
    """

    run_id: str = ""
    at: int = 0
    answers: str = ""


@dataclass
class Cursor:
    """What has been sent to one store.

    Attributes:
        store: digest of the tracker's address and experiment; another one starts anew.
        token: marks everything that belongs to this run, so that it can be found again.
        opening: what was about to be made when this was written; if it still stands here, look before making it.
        run_id: the tracker's name for the run.
        parameters: as sent; MLflow refuses to change them.
        config: digest of the configuration as sent.
        described: digest of the tags as sent.
        results: digest of the numbers of the whole run as sent.
        status: as sent.
        rounds: by number.
        trials: by name; `answers` is a digest of what was sent of one.
        files: name to SHA-256 of the content.
        model: labels digest of the round whose model was sent.
    """

    store: str
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    opening: str = ""
    run_id: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    config: str = ""
    described: str = ""
    results: str = ""
    status: str = ""
    rounds: dict[str, SentRound] = field(default_factory=dict)
    trials: dict[str, SentRound] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    model: str = ""

    def write(self, folder: Path) -> None:
        """Replace the file as a whole."""
        write_text(folder / FILE_NAME, json.dumps({"version": VERSION, **asdict(self)}, indent=1))


def read_cursor(folder: Path, store: str) -> Cursor:
    """Return the cursor in a run's folder; a new one if there is none, or if it tells of another store or cannot be read."""
    try:
        body = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        if body.pop("version") != VERSION or body["store"] != store:
            return Cursor(store)
        rounds = {number: SentRound(**sent) for number, sent in body.pop("rounds").items()}
        trials = {name: SentRound(**sent) for name, sent in body.pop("trials", {}).items()}
        return Cursor(**body, rounds=rounds, trials=trials)
    except FileNotFoundError:
        return Cursor(store)
    except (ValueError, KeyError, TypeError, AttributeError):
        # Ours alone is written here; one that cannot be read costs a second copy in the tracker, never the run.
        return Cursor(store)
