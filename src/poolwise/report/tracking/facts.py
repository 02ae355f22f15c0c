"""What is sent of a run, as plain values within MLflow's limits. Pure."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from poolwise.core.types import Label, RoundRecord, RunRecord, TrialRecord
from poolwise.report.tracking.redaction import redact, without_secrets

PARAMETER_LIMIT = 6000
"""Characters of a parameter's value; MLflow cuts longer ones itself, with a warning."""
TAG_LIMIT = 5000
"""Characters of a tag's value; the smallest limit among MLflow 3 back ends."""
NAME_LIMIT = 250
"""Characters of the name of a parameter or metric."""
DIGEST_LIMIT = 36
"""Characters of a data set's digest; MLflow refuses longer ones."""

_FORBIDDEN = re.compile(r"[^\w\-. /]", re.ASCII)


def parameters(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the configuration as flat parameters: dotted names, no secrets, values cut at MLflow's limit with a mark.

    >>> parameters({"query": {"name": "margin", "sizes": [1, 2]}, "password": "x"})
    {'query.name': 'margin', 'query.sizes': '[1, 2]'}
    """
    return {name_of(key): cut(_text(value), PARAMETER_LIMIT) for key, value in _flat(without_secrets(config), "")}


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    nested = isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(x, (Mapping, list)) for x in value)
    )
    if not nested or not value:
        if prefix:
            yield prefix, value
        return
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, item in pairs:
        yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def cut(text: str, limit: int) -> str:
    """Return the text, or its beginning and how long it was.

    >>> cut("a" * 40, 33)
    'aaaaaaa... (40 characters in all)'
    """
    if len(text) <= limit:
        return text
    mark = f"... ({len(text)} characters in all)"
    return text[: limit - len(mark)] + mark


def name_of(text: str) -> str:
    """Return a name that MLflow takes; one that had to be changed or cut gets a digest, so that two never become one.

    >>> name_of("val/top-1 accuracy"), name_of("f1/größe")[:10], name_of("../x")[:4]
    ('val/top-1 accuracy', 'f1/gr__e._', '_x._')
    """
    clean = _FORBIDDEN.sub("_", text)
    if posixpath.normpath(clean) != clean or clean.startswith(("/", ".")):  # MLflow may take a name for a path
        clean = clean.replace("/", "_").lstrip(".")
    if clean and clean == text and len(clean) <= NAME_LIMIT:
        return clean
    return f"{clean[: NAME_LIMIT - 10]}._{sha256(text)[:8]}"


def round_metrics(round_: RoundRecord) -> dict[str, float]:
    """All numbers of a round: held-out metrics by their own names, facts of the fit, seconds by step."""
    named = dict(round_.metrics)
    named.update({f"fit/{name}": value for name, value in round_.fit.items()})
    named.update({f"seconds/{name}": value for name, value in round_.seconds.items()})
    named.update({f"pool/{name}": value for name, value in round_.pool.items()})
    for name, measure in round_.beside_random.items():
        of_draws = {f"batch/{name}_{key}": measure[key] for key in ("random", "low", "high")}
        named.update({f"batch/{name}": measure["value"], **of_draws})
    named.update({f"outlook/{name}": value for name, value in round_.outlook.items()})
    named.update({f"audit/{name}": value for name, value in round_.audit.items()})
    named.update({"labelled": round_.labelled, "skipped": round_.skipped})
    return {name_of(name): float(value) for name, value in named.items()}


def curve_point(round_: RoundRecord) -> dict[str, float]:
    """Return what a round adds to the run's curves, whose step is the number of labels."""
    named = {**round_.metrics, "round": round_.round, "seconds/total": sum(round_.seconds.values())}
    return {name_of(name): float(value) for name, value in named.items()}


def regret_metrics(run: RunRecord) -> dict[str, float]:
    """Return what choosing lost against drawing, with its interval: columns to compare runs by."""
    named = {"regret": "regret", "regret_low": "low", "regret_high": "high"}
    return {name: float(run.regret[key]) for name, key in named.items()}


def run_tags(run: RunRecord) -> dict[str, str]:
    """Tags of the run itself."""
    tags = {
        **_shared_tags(run),
        "poolwise.status": run.status,
        "poolwise.stop_reason": run.stop_reason,
        "poolwise.command": run.command,
        "poolwise.metric": run.metric,
        "poolwise.unreadable": str(len(run.unreadable)),
        **({"poolwise.regret": json.dumps(dict(run.regret))} if run.regret else {}),
        **_tables(run),
        "mlflow.note.content": run.note or _note(run),
    }
    return {key: cut(redact(value), TAG_LIMIT) for key, value in tags.items()}


def round_tags(run: RunRecord, round_: RoundRecord) -> dict[str, str]:
    """Tags of one round."""
    tags = {**_shared_tags(run), "poolwise.round": str(round_.round), "poolwise.labels_digest": round_.labels_digest}
    return {key: cut(redact(value), TAG_LIMIT) for key, value in tags.items()}


def trial_tags(run: RunRecord, trial: TrialRecord) -> dict[str, str]:
    """Tags of one of several trainings that a run compares."""
    tags = {**_shared_tags(run), **{f"poolwise.{name}": str(value) for name, value in trial.settings.items()}}
    return {key: cut(redact(value), TAG_LIMIT) for key, value in tags.items()}


def _shared_tags(run: RunRecord) -> dict[str, str]:
    role = "control" if run.name.endswith("/control") else "active" if run.job == "loop" else run.job
    return {"poolwise.run": run.name, "poolwise.role": role, "poolwise.strategy": run.strategy, "poolwise.job": run.job}


def _tables(run: RunRecord) -> dict[str, str]:
    """Return what MLflow's table view looks for."""
    listed = [{"path": name, "type": "table"} for name in run.tables]
    return {"mlflow.loggedArtifacts": json.dumps(listed)} if listed else {}


def _note(run: RunRecord) -> str:
    if not run.rounds:
        return f"{run.strategy} on {run.data.get('name', 'the data')}: no round is finished yet."
    last = run.rounds[-1]
    reached = f"{run.metric} {last.metrics[run.metric]:.4f}" if run.metric in last.metrics else "not measured"
    why = f" Stopped: {run.stop_reason}." if run.stop_reason else ""
    return f"{run.strategy} on {run.data.get('name', 'the data')}: {reached} with {last.labelled} labels.{why}"


def batch_table(round_: RoundRecord) -> dict[str, list[Any]]:
    """Return the picked batch by columns, in the order asked; `label` is null for a sample that was skipped."""
    rows = list(zip(round_.asks, round_.labels, strict=True))
    details = dict.fromkeys(name for ask, _ in rows for name in ask.details)
    known: dict[str, list[Any]] = {
        "sample_id": [ask.sample_id for ask, _ in rows],
        "path": [ask.path for ask, _ in rows],
        "label": [_shown(label) for _, label in rows],
        "suggestion": [_shown(ask.suggestion) for ask, _ in rows],
        "probability": [ask.probability for ask, _ in rows],
        "score": [ask.score for ask, _ in rows],
        "reason": [ask.reason for ask, _ in rows],
    }
    return {**{name: [ask.details.get(name) for ask, _ in rows] for name in details}, **known}


def _shown(label: Label) -> str | None:
    return ", ".join(label) if isinstance(label, tuple) else label


def class_table(round_: RoundRecord) -> dict[str, list[Any]]:
    """Held-out results by class, as columns."""
    names = list(dict.fromkeys(name for row in round_.per_class.values() for name in row))
    columns: dict[str, list[Any]] = {"class": list(round_.per_class)}
    columns.update({name: [row.get(name) for row in round_.per_class.values()] for name in names})
    return columns


def table_json(columns: Mapping[str, list[Any]]) -> str:
    """Columns as the JSON that MLflow shows as a table and `load_table` reads (pandas' "split" form).

    >>> table_json({"a": [1, 2], "b": ["x", None]})
    '{"columns": ["a", "b"], "data": [[1, "x"], [2, null]]}'
    """
    data = [list(row) for row in zip(*columns.values(), strict=True)]
    return json.dumps({"columns": list(columns), "data": data}, ensure_ascii=False, default=float)


def batch_digest(round_: RoundRecord) -> str:
    """SHA-256 over the samples of a batch and every answer to them."""
    rows = [[ask.sample_id, ask.path, label] for ask, label in zip(round_.asks, round_.labels, strict=True)]
    return sha256(json.dumps(rows))


def sha256(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
