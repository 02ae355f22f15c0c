"""Runs as a ledger would tell them, small and made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poolwise.core.types import Ask, RoundRecord, RunRecord

CLASSES = ("cat", "dog", "eel")


def _round_record(number, labelled, accuracy, classes=CLASSES, size=4, suggestion="cat"):
    asks = tuple(
        Ask(10 * number + at, f"pool/{10 * number + at:05d}.png", suggestion, 0.4, 0.9, "margin 0.03")
        for at in range(size)
    )
    labels = tuple(classes[at % len(classes)] for at in range(size))
    right = round(100 * accuracy)
    confusion = tuple(
        tuple(
            right if row == column else (100 - right) * (column == (row + 1) % len(classes))
            for column in range(len(classes))
        )
        for row in range(len(classes))
    )
    per_class = {
        name: {"precision": accuracy, "recall": accuracy, "f1": accuracy, "support": 100.0} for name in classes
    }
    metrics = {"accuracy": accuracy, "macro_f1": accuracy - 0.01, "nll": 1 - accuracy}
    seconds = {"select": 0.5, "train": 1.5}
    return RoundRecord(
        number, labelled, 0, asks, labels, metrics, per_class, confusion, {"steps": 100.0}, seconds, f"digest{number}"
    )


def _run_record(folder, scores, name="digits", strategy="clustered", step=10, **changes):
    rounds = tuple(_round_record(at, step * (at + 1), value) for at, value in enumerate(scores))
    values = {
        "name": name,
        "strategy": strategy,
        "folder": Path(folder),
        "config": {"seed": 0, "query": {"_target_": "poolwise.query.clustered.Clustered"}},
        "command": "poolwise loop seed=0",
        "metric": "accuracy",
        "data": {
            "name": "digits",
            "digest": "ab" * 32,
            "task": "multiclass",
            "classes": list(CLASSES),
            "pool": 1000,
            "validation": 0,
            "test": 300,
        },
        "rounds": rounds,
        "status": "stopped",
        "stop_reason": "the budget of 40 labels is spent",
    }
    return RunRecord(**{**values, **changes})


def _pair(folder, scores, control_scores, **changes):
    run = _run_record(folder, scores, **changes)
    return [run, _run_record(folder, control_scores, name="digits/control", strategy="random")]


@pytest.fixture
def picture():
    return lambda sample_id: np.full((1, 8, 8), sample_id % 256, dtype=np.uint8)


@pytest.fixture
def make_round():
    return _round_record


@pytest.fixture
def make_run(tmp_path):
    """make_run(scores, **changes): a run whose rounds had these accuracies."""
    return lambda scores, **changes: _run_record(tmp_path, scores, **changes)


@pytest.fixture
def make_pair(tmp_path):
    """make_pair(scores, control_scores, **changes): a run and its control; changes are the run's."""
    return lambda scores, control_scores, **changes: _pair(tmp_path, scores, control_scores, **changes)
