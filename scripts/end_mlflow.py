"""End a process while it makes `mlflow.db`, run the same command again, and look whether MLflow is whole.

    python scripts/end_mlflow.py [--files made left migrated] [--ends kill term int full] [--moments 5]

`made`: poolwise makes the file. `left`: MLflow alone makes it in place, and what it leaves is poolwise's to mend. `migrated`: the
file has the tables of MLflow 3.1 and a run of somebody else. Ends: kill -9, kill, Ctrl-C, a disk that is full from then on. The
moments are spread evenly over the statements that make the tables and over the pages that are put into the file.

Whole means: the folder's two runs hold the rounds, metrics, parameters, files and inputs of an undisturbed folder, a foreign
run is untouched, SQLite finds no damage, and nothing is left over. Each step is a process of its own. Not for Windows.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import resource
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 (once, before the processes part)
from mlflow import MlflowClient
from sqlalchemy import event
from sqlalchemy.engine import Engine, create_engine

from poolwise.core.types import Ask, RoundRecord, RunRecord
from poolwise.report.tracking import database
from poolwise.report.tracking import mlflow as tracker
from poolwise.report.tracking.mlflow import MLflowTracker

ENDS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}
OLD = "bda7b8c39065"
"""The last migration of MLflow 3.1."""
ROWS = (
    "experiments (experiment_id, name, artifact_location, lifecycle_stage) values (0, 'Default', 'x', 'active')",
    "experiments (experiment_id, name, artifact_location, lifecycle_stage) values (1, 'theirs', 'x', 'active')",
    "runs (run_uuid, name, source_type, status, start_time, lifecycle_stage, experiment_id, artifact_uri) "
    "values ('c0ffee', 'theirs', 'LOCAL', 'FINISHED', 1, 'active', 1, 'x')",
    "metrics (key, value, timestamp, run_uuid, step, is_nan) values ('loss', 0.25, 1, 'c0ffee', 7, 0)",
)
"""Somebody else's run, in tables of MLflow 3.1."""
THEIRS = [("theirs", "FINISHED", 1), ("loss", 0.25, 7)]
OF_THEIR_OWN = ("poolwise.key", "mlflow.parentRunId")


def record(home: Path, name: str) -> RunRecord:
    """A run of two rounds."""
    folder = home / name
    folder.mkdir(parents=True, exist_ok=True)
    data = {"name": "digits", "digest": "a" * 64, "task": "multiclass", "classes": ["cat", "dog"], "pool": 9, "test": 9}
    rounds = tuple(_round(number) for number in range(2))
    config = {"seed": 0, "query": {"k": 3}}
    return RunRecord(name, "margin", folder, config, "poolwise loop", "accuracy", data, rounds, "stopped", "budget")


def _round(number: int) -> RoundRecord:
    return RoundRecord(
        round=number,
        labelled=20 + 10 * number,
        skipped=0,
        asks=tuple(Ask(10 * number + at, f"{at}.png", "cat", 0.5, 0.25, "close to the border") for at in range(3)),
        labels=("cat", "dog", "cat"),
        metrics={"accuracy": 0.5 + number / 10},
        per_class={name: {"precision": 0.5, "recall": 0.25, "support": 4} for name in ("cat", "dog")},
        confusion=((5, 1), (0, 7)),
        fit={"steps": 40.0},
        seconds={"train": 1.5},
        labels_digest=f"{number}" * 64,
    )


def command(home: Path, name: str) -> None:
    """What `poolwise loop` and `poolwise track` do at their end; exit status 1 if not all was told."""
    if not MLflowTracker(home=str(home)).sync(record(home, name)):
        raise SystemExit(1)


def in_place(home: Path) -> None:
    """What a poolwise before this one did."""
    MlflowClient(tracking_uri=f"sqlite:///{home}/mlflow.db")


def old(home: Path) -> None:
    """A file with the tables of MLflow 3.1 and a run of somebody else."""
    from alembic import command as alembic
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base

    home.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{home}/mlflow.db"
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    config = _get_alembic_config(url)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        alembic.upgrade(config, OLD)
    with closing(sqlite3.connect(home / "mlflow.db")) as file, file:
        for row in ROWS:
            file.execute(f"insert into {row}")


def theirs(home: Path) -> list[Any]:
    """The rows of somebody else's run."""
    with closing(sqlite3.connect(home / "mlflow.db")) as file:
        rows = file.execute("select name, status, start_time from runs where run_uuid = 'c0ffee'").fetchall()
        return rows + file.execute("select key, value, step from metrics where run_uuid = 'c0ffee'").fetchall()


def seen(home: Path) -> dict[str, Any]:
    """All that MLflow shows of the runs, without ids and times."""
    client = MlflowClient(tracking_uri=f"sqlite:///{home}/mlflow.db")
    experiment = client.get_experiment_by_name("poolwise")
    runs = client.search_runs([experiment.experiment_id]) if experiment else []
    return {f"{run.data.tags['poolwise.run']} {run.info.run_name}": _run(client, run) for run in runs} | {
        "runs": len(runs)
    }


def both(home: Path) -> dict[str, Any]:
    """Tell the folder's other run; all that MLflow shows then."""
    command(home, "two")
    return seen(home)


def _run(client: MlflowClient, run: Any) -> dict[str, Any]:
    points = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    return {
        "status": run.info.status,
        "metrics": {key: [(at.step, at.value) for at in history] for key, history in sorted(points.items())},
        "parameters": run.data.params,
        "tags": {key: value for key, value in run.data.tags.items() if key not in OF_THEIR_OWN},
        "files": sorted((file.path, file.file_size) for file in client.list_artifacts(run.info.run_id)),
        "inputs": sorted((each.dataset.name, each.dataset.digest) for each in run.inputs.dataset_inputs),
    }


class Stepwise(sqlite3.Connection):
    """Copies page by page, so that a process can be ended between two."""

    ticked: Callable[[bool], None]

    def backup(self, target: sqlite3.Connection, **_: Any) -> None:
        """As `sqlite3.Connection.backup`."""
        super().backup(target, pages=1, progress=lambda *_: Stepwise.ticked(True))


def ticking(ticked: Callable[[bool], None]) -> None:
    """Call for each statement of MLflow's, and (with True) for each page that is copied."""
    Stepwise.ticked = staticmethod(ticked)  # type: ignore[method-assign,assignment]
    event.listen(Engine, "before_cursor_execute", lambda *_: ticked(False))
    database._connected = lambda file: sqlite3.connect(  # type: ignore[assignment]
        file, timeout=20, isolation_level=None, factory=Stepwise
    )


def ending(end: str, at: int, home: Path) -> Callable[[bool], None]:
    """Ends this process, or fills the disk, at a tick."""
    count = 0

    def ticked(copying: bool) -> None:
        nonlocal count
        count += 1
        if count != at:
            return
        if end in ENDS:
            os.kill(os.getpid(), ENDS[end])
            time.sleep(0.01)  # a handler in Python runs at the next step of the interpreter
            return
        aside = list(home.glob(".mlflow.db.making/*.db"))
        growing = home / "mlflow.db" if copying or not aside else aside[0]
        size = max(8192, growing.stat().st_size if growing.exists() else 0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return ticked


def apart(work: Callable[[], Any]) -> tuple[int, Any]:
    """Do something in a process of its own: how it ended (minus the signal), and what it returned."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    if not (child := os.fork()):
        code = 3
        with contextlib.suppress(BaseException):
            code = _child(work, writing)
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), json.loads(told) if told else None


def _child(work: Callable[[], Any], writing: int) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore Ctrl-C
    try:
        told = work()
    except SystemExit as exit_:
        return int(str(exit_.code))
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        logging.getLogger("poolwise").warning("%s", f"{type(error).__name__}: {error}"[:200])
        return 1
    os.write(writing, json.dumps(told).encode())  # less than a pipe holds, or the parent reads on
    return 0


def ticks(work: Callable[[], Any]) -> int:
    """How many ticks pass until the file can be used."""

    def counted() -> int:
        found: list[bool] = []
        real, at = tracker.opened, [0]

        def opened(*asked: Any) -> Any:
            client = real(*asked)
            at[0] = len(found)
            return client

        tracker.opened = opened
        ticking(found.append)
        work()
        return at[0] or len(found)

    return int(apart(counted)[1])


def begun(kind: str, home: Path) -> Callable[[], Any]:
    """Lay a folder out; what is ended there."""
    home.mkdir(parents=True)
    if kind == "migrated":
        apart(lambda: old(home))
    return (lambda: in_place(home)) if kind == "left" else (lambda: command(home, "one"))


def case(kind: str, end: str, at: int, home: Path, undisturbed: dict[str, Any]) -> tuple[str, float]:
    """End one process; what is wrong after the same command ("" for nothing), and its seconds."""
    work = begun(kind, home)

    def ended() -> None:
        ticking(ending(end, at, home))
        work()

    code, _ = apart(ended)
    if code != {"int": 130, "full": 1}.get(end, -ENDS.get(end, 0)):
        return f"it was not ended: {code}", 0.0
    if kind == "left" and (home / "mlflow.db").exists():
        os.utime(home / "mlflow.db", (0, 0))  # else the command waits ten seconds, lest somebody is still making it
    if kind == "migrated" and theirs(home) != THEIRS:
        return "somebody else's run is gone before the command", 0.0
    start = time.perf_counter()
    code, _ = apart(lambda: command(home, "one"))
    seconds = time.perf_counter() - start
    if code:
        return f"the same command ended with {code}", seconds
    return "; ".join(wrong(kind, home, undisturbed)), seconds


def wrong(kind: str, home: Path, undisturbed: dict[str, Any]) -> Iterable[str]:
    """What a folder lacks."""
    code, found = apart(lambda: both(home))
    if code:
        yield "the other run of the folder cannot be told"
    elif found != undisturbed:
        yield f"MLflow shows something else: {sorted(found)}"
    if kind == "migrated" and theirs(home) != THEIRS:
        yield "somebody else's run is gone"
    with closing(sqlite3.connect(home / "mlflow.db")) as file:
        if (
            file.execute("pragma integrity_check").fetchone() != ("ok",)
            or file.execute("pragma foreign_key_check").fetchall()
        ):
            yield "SQLite finds damage"
    expected = {"one", "two", "mlflow.db", "mlartifacts", ".mlflow.db.lock"} | (
        {"mlflow.db.half-made"} if kind == "left" else set()
    )
    if left := {file.name for file in home.iterdir()} - expected:
        yield f"left over: {sorted(left)}"


def main() -> None:
    """Try every end at every moment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--files", nargs="+", default=["made", "left", "migrated"], choices=["made", "left", "migrated"]
    )
    parser.add_argument("--ends", nargs="+", default=[*ENDS, "full"], choices=[*ENDS, "full"])
    parser.add_argument(
        "--moments", type=int, default=5, help="for each end; spread over the making, other ones for each end"
    )
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    failures = 0
    with tempfile.TemporaryDirectory(prefix="poolwise-") as folder:
        os.chdir(folder)  # where MLflow says that its default experiment keeps files
        base = Path(folder).resolve()
        total = {"made": ticks(begun("made", base / "whole"))}
        undisturbed = apart(lambda: both(base / "whole"))[1]
        assert undisturbed["runs"] == 6
        for kind in options.files:
            total[kind] = total.get(kind) or ticks(begun(kind, base / f"{kind}-whole"))
            failures += _tried(kind, options.ends, options.moments, total[kind], base, undisturbed)
    sys.exit(bool(failures))


def _tried(kind: str, ends: list[str], moments: int, total: int, base: Path, undisturbed: dict[str, Any]) -> int:
    good, count = 0, len(ends) * moments
    for number in range(count):
        end, at = ends[number % len(ends)], 1 + int(total * (number + 0.5) / count)
        wrong, seconds = case(kind, end, at, base / f"{kind}-{number}", undisturbed)
        good += not wrong
        print(f"{kind:8} {end:4} at {at:4} of {total}: {wrong or 'whole'} ({seconds:.1f} s)", flush=True)
    print(f"{kind}: whole after the same command in {good} of {count}", flush=True)
    return count - good


if __name__ == "__main__":
    main()
