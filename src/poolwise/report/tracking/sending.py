"""Send what is new of one run through an MLflow client. Every step may be repeated and then changes nothing.

Before anything is made, the cursor says so on disk. After a crash, or an answer that got lost, the next attempt looks for what
carries the run's token before it makes it again. Metrics carry a time that was fixed beforehand: MLflow's SQL stores take a
metric of the same name, step, time and value for the same point.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.interfaces import FittedModel
from poolwise.core.types import RoundRecord, RunRecord, TrialRecord
from poolwise.report.tracking import facts
from poolwise.report.tracking.cursor import Cursor, SentRound
from poolwise.report.tracking.redaction import redact, without_secrets

LOG = logging.getLogger("poolwise")
KEY = "poolwise.key"
TABLES = ("batch.json", "per_class.json")
BATCH_LIMIT = 100
"""Parameters or tags in one request; 1000 for metrics."""

Figures = Callable[[RoundRecord], Mapping[str, bytes]]


@dataclass
class Sending:
    """One run on its way to one experiment of a store.

    Attributes:
        client: `mlflow.MlflowClient`, bound to its store; nothing of MLflow's global state is used.
        experiment_id: where the run belongs.
        run: as the ledger tells it.
        cursor: what has been sent; written to `run.folder` after each step.
    """

    client: Any
    experiment_id: str
    run: RunRecord
    cursor: Cursor

    def send(self, model: Callable[[], FittedModel] | None, files: Mapping[str, Path], figures: Figures | None) -> None:
        """All that is new, in an order that leaves a useful view wherever it breaks off."""
        self._open()
        self._describe()
        self._results()
        for round_ in self.run.rounds:
            self._round(round_, figures)
        for trial in self.run.trials:
            self._trial(trial)
        for name, path in files.items():
            self._file(name, path)
        if model is not None and self.run.rounds and self.run.status == "stopped":
            self._model(model)
        self._status()

    # the run itself

    def _open(self) -> None:
        if self.cursor.run_id and not self._exists(self.cursor.run_id):
            self.cursor = Cursor(self.cursor.store)
        if not self.cursor.run_id:
            started = _now() - _milliseconds(self.run.rounds)
            self.cursor.run_id = self._made(
                "run", self._find_run, lambda key: self._create_run(key, self.run.name, started)
            )
            self._save()

    def _exists(self, run_id: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            return bool(self.client.get_run(run_id).info.lifecycle_stage == "active")
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise

    def _made(self, what: str, find: Callable[[str], str | None], make: Callable[[str], str]) -> str:
        """Return the id of what carries the key: found if an earlier attempt may have made it, else made."""
        key = f"{self.cursor.token}/{what}"
        found = find(key) if self.cursor.opening == what else None
        if found is None:
            self.cursor.opening = what
            self._save()
            found = make(key)
        return found

    def _find_run(self, key: str) -> str | None:
        runs = self.client.search_runs([self.experiment_id], filter_string=f"tags.`{KEY}` = '{key}'", max_results=1)
        return str(runs[0].info.run_id) if runs else None

    def _create_run(self, key: str, name: str, started: int, tags: Mapping[str, str] | None = None) -> str:
        all_tags = {KEY: key, "mlflow.source.name": "poolwise", "mlflow.source.type": "LOCAL", **(tags or {})}
        made = self.client.create_run(self.experiment_id, start_time=started, tags=all_tags, run_name=name)
        return str(made.info.run_id)

    def _describe(self) -> None:
        self._configuration()
        tags = {**facts.run_tags(self.run), **self._changed()}
        digest = facts.sha256(json.dumps(tags))
        if self.cursor.described != digest:
            self._log(self.cursor.run_id, tags=tags)
            self.cursor.described = digest
            self._save()

    def _configuration(self) -> None:
        config = json.dumps(without_secrets(self.run.config), indent=1, default=str)
        digest = facts.sha256(config + str(self.run.data["digest"]))
        if self.cursor.config == digest:
            return
        now = facts.parameters(self.run.config)
        new = {key: value for key, value in now.items() if key not in self.cursor.parameters}
        self._log(self.cursor.run_id, parameters=new)
        self.client.log_text(self.cursor.run_id, config, "config.json")
        self.client.log_inputs(self.cursor.run_id, [_data_set(self.run)])
        self.cursor.parameters.update(new)
        self.cursor.config = digest
        self._save()

    def _changed(self) -> dict[str, str]:
        """Return settings that were changed on the way, as a tag: MLflow refuses another value for a parameter."""
        now = facts.parameters(self.run.config)
        changed = {key: value for key, value in now.items() if self.cursor.parameters[key] != value}
        return {"poolwise.changed": facts.cut(json.dumps(changed), facts.TAG_LIMIT)} if changed else {}

    def _results(self) -> None:
        named = {facts.name_of(name): float(value) for name, value in self.run.results.items()}
        digest = facts.sha256(json.dumps(named, sort_keys=True))
        if named and self.cursor.results != digest:
            self._log(self.cursor.run_id, metrics=named, at=_now())
            self.cursor.results = digest
            self._save()

    def _status(self) -> None:
        if self.cursor.status == self.run.status:
            return
        if self.run.status == "stopped":
            if self.run.regret:
                last = self.run.rounds[-1]
                at = self.cursor.rounds[str(last.round)].at
                self._log(self.cursor.run_id, metrics=facts.regret_metrics(self.run), at=at, step=last.labelled)
            self.client.set_terminated(self.cursor.run_id, "FINISHED")
        elif self.cursor.status == "stopped":
            self.client.update_run(self.cursor.run_id, status="RUNNING")
        self.cursor.status = self.run.status
        self._save()

    # rounds

    def _round(self, round_: RoundRecord, figures: Figures | None) -> None:
        sent = self.cursor.rounds.setdefault(str(round_.round), SentRound(at=_now()))
        answers = facts.batch_digest(round_)
        if sent.answers == answers:
            return
        if not sent.run_id:
            sent.run_id = self._made(
                f"round-{round_.round:03d}", self._find_run, lambda key: self._child(key, round_, sent.at)
            )
            self._save()
        self._log(sent.run_id, metrics=facts.round_metrics(round_), at=sent.at, step=round_.labelled)
        self.client.log_inputs(sent.run_id, _round_data(self.run, round_))
        self._tables(sent.run_id, round_, figures)
        self.client.set_terminated(sent.run_id, "FINISHED", end_time=sent.at)
        self._log(self.cursor.run_id, metrics=facts.curve_point(round_), at=sent.at, step=round_.labelled)
        sent.answers = answers
        self._save()

    def _child(self, key: str, round_: RoundRecord, at: int) -> str:
        tables = [{"path": name, "type": "table"} for name in TABLES]
        tags = {
            **facts.round_tags(self.run, round_),
            "mlflow.parentRunId": self.cursor.run_id,
            "mlflow.loggedArtifacts": json.dumps(tables),
        }
        return self._create_run(key, f"round {round_.round:03d}", at - _milliseconds([round_]), tags)

    def _tables(self, run_id: str, round_: RoundRecord, figures: Figures | None) -> None:
        # Not `log_table`: it appends to a table that is already there, so a repeat would double the rows.
        tables = zip(TABLES, (facts.batch_table(round_), facts.class_table(round_)), strict=True)
        contents = {name: facts.table_json(columns).encode() for name, columns in tables}
        contents.update(figures(round_) if figures else {})
        with tempfile.TemporaryDirectory(prefix="poolwise-") as folder:
            for name, content in contents.items():
                (Path(folder) / name).write_bytes(content)
            self.client.log_artifacts(run_id, folder)

    # trainings that are compared

    def _trial(self, trial: TrialRecord) -> None:
        sent = self.cursor.trials.setdefault(trial.name, SentRound(at=_now()))
        digest = facts.sha256(json.dumps([dict(trial.settings), dict(trial.results)], sort_keys=True))
        if sent.answers == digest:
            return
        if sent.answers:  # measured anew: other numbers are other points
            sent.at, sent.answers = _now(), ""
        self._save()
        if not sent.run_id:
            tags = {**facts.trial_tags(self.run, trial), "mlflow.parentRunId": self.cursor.run_id}
            sent.run_id = self._made(
                f"trial {trial.name}", self._find_run, lambda key: self._create_run(key, trial.name, sent.at, tags)
            )
            self._save()
        parameters = {facts.name_of(name): str(value) for name, value in trial.settings.items()}
        metrics = {facts.name_of(name): float(value) for name, value in trial.results.items()}
        self._log(sent.run_id, parameters=parameters, metrics=metrics, at=sent.at)
        self.client.set_terminated(sent.run_id, "FINISHED", end_time=sent.at)
        sent.answers = digest
        self._save()

    # what comes at the end

    def _file(self, name: str, path: Path) -> None:
        if not path.is_file():
            return
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if self.cursor.files.get(name) == digest:
            return
        place = Path(name)
        with tempfile.TemporaryDirectory(prefix="poolwise-") as folder:
            copy = shutil.copyfile(path, Path(folder) / place.name)
            inside = place.parent.as_posix()
            self.client.log_artifact(self.cursor.run_id, str(copy), None if inside == "." else inside)
        self.cursor.files[name] = digest
        self._save()

    def _model(self, model: Callable[[], FittedModel]) -> None:
        last = self.run.rounds[-1]
        if self.cursor.model == last.labels_digest or "shape" not in self.run.data:
            return  # a signature needs the shape of the pictures
        with tempfile.TemporaryDirectory(prefix="poolwise-") as folder:
            if self._network(model().exported(), Path(folder) / "network"):
                self._send_model(last, Path(folder))
        self.cursor.model = last.labels_digest
        self._save()

    def _network(self, network: Any, folder: Path) -> bool:
        """Write the network; a warning if it is one that torch cannot write, for no later sync could send it either."""
        from poolwise.report.tracking.package import write_network

        folder.mkdir()
        try:
            write_network(network, self._shape(), folder)
        except OSError:
            raise
        except Exception as error:  # whatever torch says of a network of the user's own
            reason = facts.cut(" ".join(f"{type(error).__name__}: {error}".split()), 300)
            LOG.warning("The network of %s is not sent to MLflow: torch cannot export it (%s).", self.run.name, reason)
            return False
        return True

    def _shape(self) -> tuple[int, int, int]:
        channels, height, width = self.run.data["shape"]
        return channels, height, width

    def _send_model(self, last: RoundRecord, folder: Path) -> None:
        from mlflow.models import Model

        from poolwise.report.tracking.package import write_model

        model_id = self._made(f"model-{last.round:03d}", self._find_model, lambda key: self._create_model(key, last))
        place = self.client.get_logged_model(model_id).artifact_location
        described = Model(artifact_path=place, model_uuid=model_id, model_id=model_id, run_id=self.cursor.run_id)
        write_model(folder / "network", self._shape(), self.run.data["classes"], folder / "model", described)
        self.client.log_model_artifacts(model_id, str(folder / "model"))
        self._link(model_id, last)
        self.client.finalize_logged_model(model_id, "READY")

    def _find_model(self, key: str) -> str | None:
        found = self.client.search_logged_models([self.experiment_id], filter_string=f"tags.`{KEY}` = '{key}'")
        return str(found[0].model_id) if found else None

    def _create_model(self, key: str, last: RoundRecord) -> str:
        classes = facts.cut(json.dumps(list(self.run.data["classes"]), ensure_ascii=False), facts.TAG_LIMIT)
        tags = {KEY: key, **facts.round_tags(self.run, last), "poolwise.classes": classes}
        made = self.client.create_logged_model(
            self.experiment_id, name="model", source_run_id=self.cursor.run_id, tags=tags, model_type="image classifier"
        )
        return str(made.model_id)

    def _link(self, model_id: str, last: RoundRecord) -> None:
        """Link the run's output and the model's metrics: the run's own points, named once more with the model."""
        from mlflow.entities import LoggedModelOutput

        outputs = self.client.get_run(self.cursor.run_id).outputs
        if outputs is None or model_id not in {output.model_id for output in outputs.model_outputs}:
            self.client.log_outputs(self.cursor.run_id, [LoggedModelOutput(model_id, step=last.labelled)])
        at = self.cursor.rounds[str(last.round)].at
        metrics = facts.curve_point(last)
        self._log(self.cursor.run_id, metrics=metrics, at=at, step=last.labelled, model_id=model_id)

    # how

    def _log(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        at: int = 0,
        step: int = 0,
        model_id: str | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        points = [
            Metric(key, value, at, step, model_id=model_id, run_id=run_id if model_id else None)
            for key, value in (metrics or {}).items()
        ]
        for start in range(0, len(points), BATCH_LIMIT * 10):
            self.client.log_batch(run_id, metrics=points[start : start + BATCH_LIMIT * 10])
        texts = [Param(*pair) for pair in (parameters or {}).items()], [RunTag(*pair) for pair in (tags or {}).items()]
        for start in range(0, max(map(len, texts)), BATCH_LIMIT):
            part = slice(start, start + BATCH_LIMIT)
            # 100 of each are two requests' worth for some servers: never both in one
            if texts[0][part]:
                self.client.log_batch(run_id, params=texts[0][part])
            if texts[1][part]:
                self.client.log_batch(run_id, tags=texts[1][part])

    def _save(self) -> None:
        self.cursor.write(self.run.folder)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _milliseconds(rounds: Any) -> int:
    return round(1000 * sum(sum(round_.seconds.values()) for round_ in rounds))


def _data_set(run: RunRecord) -> Any:
    profile = {key: run.data[key] for key in ("pool", "validation", "test", "given") if key in run.data}
    return _input("pool", str(run.data["name"]), str(run.data["digest"]), profile, run)


def _round_data(run: RunRecord, round_: RoundRecord) -> list[Any]:
    name = str(run.data["name"])
    batch = {"asked": len(round_.asks), "skipped": round_.skipped}
    return [
        _input("training", f"{name} labelled", round_.labels_digest, {"labelled": round_.labelled}, run),
        _input("batch", f"{name} batch", facts.batch_digest(round_), batch, run),
    ]


def _input(context: str, name: str, digest: str, profile: Mapping[str, Any], run: RunRecord) -> Any:
    """Return a data set as MLflow lists it, by a digest of our own: MLflow's looks at the first 10,000 rows or numbers alone."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = {"tags": {"mlflow.source.name": "poolwise", "poolwise.run": redact(run.name)}}
    data = Dataset(
        name=name[:500],
        digest=digest[: facts.DIGEST_LIMIT],
        source_type="code",
        source=json.dumps(source),
        profile=json.dumps(dict(profile)),
    )
    return DatasetInput(data, tags=[InputTag("mlflow.data.context", context)])
