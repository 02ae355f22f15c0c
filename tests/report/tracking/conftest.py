"""A run as the ledger would tell it, and an MLflow client to look with."""

import contextlib
import hashlib
import io
import os
import signal
import socket
import sqlite3
from dataclasses import dataclass, replace

import pytest

from poolwise.core.types import Ask, RoundRecord, RunRecord
from poolwise.report.tracking.mlflow import MLflowTracker
from poolwise.report.tracking.quiet import silence

CLASSES = ("cat", "dog", "fox")


def round_record(number, labels=("cat", "dog", None)):
    ids = range(10 * number, 10 * number + len(labels))
    asks = tuple(
        Ask(at, f"pool/{at:03d}.png", "cat", 0.5 + at / 1000, 0.25, "close to the border & far from <others>")
        for at in ids
    )
    return RoundRecord(
        round=number,
        labelled=20 + 10 * number,
        skipped=1,
        asks=asks,
        labels=tuple(labels),
        metrics={"accuracy": 0.5 + number / 100, "loss": 1.0 / (1 + number)},
        per_class={name: {"precision": 0.5, "recall": 0.25, "support": 7} for name in CLASSES},
        confusion=((5, 1, 1), (0, 7, 0), (2, 2, 3)),
        fit={"steps": 40.0, "epochs": 4.0},
        seconds={"train": 1.5, "predict": 0.5},
        labels_digest=hashlib.sha256(repr((number, labels)).encode()).hexdigest(),
    )


@pytest.fixture
def make_run(tmp_path):
    def make(rounds=2, status="running", name="digits-margin-0", **changes):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True, exist_ok=True)
        record = RunRecord(
            name=name,
            strategy="margin",
            folder=folder,
            config={"seed": 0, "query": {"_target_": "poolwise.query.top_k.Margin"}, "stopping": [{"budget": 200}]},
            command="poolwise loop query=margin",
            metric="accuracy",
            data={
                "name": "digits", "digest": "a" * 64, "task": "multiclass", "classes": list(CLASSES),
                "pool": 100, "validation": 0, "test": 50, "shape": [1, 8, 8],
            },
            rounds=tuple(round_record(number) for number in range(rounds)),
            status=status,
            stop_reason="the budget is spent" if status == "stopped" else "",
        )  # fmt: skip
        return replace(record, **changes)

    return make


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The bytes of a database with tables and no runs: making the tables takes seconds."""
    home = tmp_path_factory.mktemp("store")
    with silence():
        MLflowTracker(home=str(home))._opened(MLflowTracker(home=str(home)).store())
    with contextlib.closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        database.execute("delete from experiments where name = 'poolwise'")
    return (home / "mlflow.db").read_bytes()


@pytest.fixture
def tracker(tmp_path, empty_store):
    home = tmp_path / "runs"
    home.mkdir(exist_ok=True)
    (home / "mlflow.db").write_bytes(empty_store)
    return MLflowTracker(home=str(home))


@dataclass
class Look:
    """What MLflow holds, as its own client reads it."""

    client: object

    def runs(self):
        experiment = self.client.get_experiment_by_name("poolwise")
        return self.client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])

    def parent(self):
        return next(run for run in self.runs() if "mlflow.parentRunId" not in run.data.tags)

    def children(self):
        parent = self.parent().info.run_id
        found = [run for run in self.runs() if run.data.tags.get("mlflow.parentRunId") == parent]
        return sorted(found, key=lambda run: int(run.data.tags["poolwise.round"]))

    def history(self, run, metric="accuracy"):
        return [(at.step, at.value) for at in self.client.get_metric_history(run.info.run_id, metric)]

    def files(self, run):
        return {file.path: file.file_size for file in self.client.list_artifacts(run.info.run_id)}

    def everything(self):
        """All that a repeat must not change."""
        return {
            run.info.run_id: (
                {key: self.history(run, key) for key in run.data.metrics},
                run.data.params, run.data.tags, self.files(run),
                sorted((i.dataset.name, i.dataset.digest) for i in run.inputs.dataset_inputs),
                [output.model_id for output in (run.outputs.model_outputs if run.outputs else [])],
            )
            for run in [self.client.get_run(found.info.run_id) for found in self.runs()]
        }  # fmt: skip


@pytest.fixture
def look():
    def at(tracker):
        with silence():
            from mlflow import MlflowClient

            return Look(MlflowClient(tracking_uri=tracker.store()))

    return at


@dataclass
class Mean:
    """A fitted model as far as a tracker is concerned."""

    shape: tuple = (1, 8, 8)

    def exported(self):
        import torch

        class Network(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(64, len(CLASSES))

            def forward(self, images):
                return torch.softmax(self.layer(images.float().flatten(1) / 255), dim=1)

        torch.manual_seed(0)
        return Network().eval()


@pytest.fixture
def model():
    return Mean


@pytest.fixture(scope="session")
def png():
    from PIL import Image

    kept = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 30, 30)).save(kept, format="PNG")
    return kept.getvalue()


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@pytest.fixture
def ended():
    """Processes that are ended with all that they started, at the latest after the test."""
    stops = []

    def watch(process):
        def stop():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

        stops.append(stop)
        return stop

    yield watch
    for stop in stops:
        stop()
