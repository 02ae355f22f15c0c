"""Tell MLflow how a run goes: one parent run a loop, one child run a round, in a local SQLite store or on a server."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from filelock import FileLock, Timeout

from poolwise.core.errors import PoolwiseError
from poolwise.core.interfaces import FittedModel, Tracker
from poolwise.core.types import RoundRecord, RunRecord
from poolwise.report.tracking.cursor import read_cursor
from poolwise.report.tracking.database import SQLITE, database_of, opened
from poolwise.report.tracking.facts import sha256
from poolwise.report.tracking.quiet import environment, limits, reachable, replaced, silence, silent_migrations
from poolwise.report.tracking.reasons import Unreachable, Untold, reason, sentence
from poolwise.report.tracking.redaction import redact

LOG = logging.getLogger("poolwise")
PROBE_S = 3.0
"""Seconds to wait for somebody to listen; a server that does is then given `timeout_s` for each answer."""
LOCK_S = 60.0
"""Seconds to wait for another process that opens the same file; making the tables takes up to ten."""

_outages: dict[str, str] = {}
"""Stores that could not be told last time, with a sentence that says why: an outage is told once, not once a round."""


@dataclass(frozen=True)
class MLflowTracker(Tracker):
    """A `Tracker` that writes to MLflow 3.

    Attributes:
        uri: a server ("http://host:5000") or database; None for SQLite in `home`.
        home: folder of `mlflow.db` and its artifacts, if `uri` is None.
        experiment: name of the MLflow experiment.
        artifacts: where a new experiment keeps its files; None: beside an SQLite store, else where the server says.
        log_model: send the last round's network when the run has stopped.
        timeout_s: seconds that one call to a server may take.
    """

    uri: str | None = None
    home: str = "runs"
    experiment: str = "poolwise"
    artifacts: str | None = None
    log_model: bool = True
    timeout_s: float = 10.0

    def sync(
        self,
        run: RunRecord,
        *,
        model: Callable[[], FittedModel] | None = None,
        files: Mapping[str, Path] = MappingProxyType({}),
        round_figures: Callable[[RoundRecord], Mapping[str, bytes]] | None = None,
    ) -> bool:
        """Send what is new; False, and one warning an outage, if not all could be sent. See `interfaces.Tracker`."""
        store = self.store()
        try:
            if not reachable(store, min(PROBE_S, self.timeout_s)):
                raise Unreachable("nobody listens there")
            with environment(limits(self.timeout_s)), silence():
                self._send(store, run, model if self.log_model else None, files, round_figures)
        except PoolwiseError:
            raise
        except Exception as error:  # database, disk, network, credentials, plug-ins: each has errors of its own
            _missed(store, run.name, error)
            return False
        if _outages.pop(store, None):
            LOG.info("MLflow at %s answers again; nothing is missing there of %s.", redact(store), run.name)
        return True

    def why(self) -> str:
        """Return a sentence without its full stop; see `interfaces.Tracker`."""
        return _outages.get(self.store(), "")

    def store(self) -> str:
        """Return the address that is written to."""
        return self.uri or f"{SQLITE}{(Path(self.home).resolve() / 'mlflow.db').as_posix()}"

    def _send(self, store: str, run: RunRecord, model: Any, files: Any, figures: Any) -> None:
        from poolwise.report.tracking.sending import Sending

        client, experiment_id = self._opened(store)
        cursor = read_cursor(run.folder, sha256(f"{store}\n{self.experiment}"))
        Sending(client, experiment_id, run, cursor).send(model, files, figures)

    def _opened(self, store: str) -> tuple[Any, str]:
        database = database_of(store)
        with _few_attempts(store), _alone(database), silent_migrations():
            from mlflow import MlflowClient

            client = MlflowClient(tracking_uri=store) if database is None else opened(store, database)
            return client, self._experiment_id(client, database)

    def _experiment_id(self, client: Any, database: Path | None) -> str:
        from mlflow.exceptions import MlflowException

        if found := client.get_experiment_by_name(self.experiment):
            return str(found.experiment_id)
        try:
            return str(client.create_experiment(self.experiment, artifact_location=self._artifact_location(database)))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            return str(client.get_experiment_by_name(self.experiment).experiment_id)  # made by another run meanwhile

    def _artifact_location(self, database: Path | None) -> str | None:
        """MLflow alone would make `mlruns` in whatever folder the command was typed in."""
        if self.artifacts or database is None:
            return self.artifacts
        return (database.resolve().parent / "mlartifacts").as_uri()


@contextlib.contextmanager
def _alone(database: Path | None) -> Iterator[None]:
    """One process at a time makes the tables of a SQLite file; the lock falls with the process, however it ends."""
    if database is None:
        yield
        return
    lock = FileLock(database.with_name(f".{database.name}.lock"))  # makes the folder, too
    try:
        lock.acquire(timeout=LOCK_S)
    except Timeout:
        raise Untold(f"another process has kept {lock.lock_file} locked for {LOCK_S:.0f} s") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _few_attempts(store: str) -> Iterator[None]:
    """Open a database once: MLflow would try for 100 s whatever the reason (a wrong password, a file that is none)."""
    if store.startswith(("http:", "https:", "databricks")):
        yield
        return
    import mlflow.store.db.utils as database

    with replaced(database, "MAX_RETRY_COUNT", 1):
        yield


def _missed(store: str, name: str, error: Exception) -> None:
    LOG.debug("MLflow was not told of %s", name, exc_info=error)
    known = store in _outages
    _outages[store] = sentence(store, error)
    if known:
        return
    LOG.warning(
        "MLflow at %s could not be told how %s goes (%s). The run goes on; what is missing is sent after a later round, "
        "or by the same command when %s.",
        redact(store),
        name,
        reason(error),
        "that is put right" if store.startswith("sqlite:") else "MLflow is back",
    )
