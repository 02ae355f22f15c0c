"""The kinds of event: facts in the past tense, each a JSON body.

RunOpened        config, digests, unreadable, cwd, command, data, strategy, metric, role, job
SettingsChanged  config, command: settings that do not touch what is done were changed on resume
BatchQueried     asks, holdout (ids asked for the test set), reviews (labels to look at again), seconds
BatchEmitted     message
LabelsReceived   count, source; the labels themselves are rows of the annotation table, same transaction
BatchClosed      answered, skipped, missing, labels (row by row of the asks, as they were then), reviewed (likewise), pool (cost)
ModelTrained     checkpoint, fit, labelled, labels_digest, seconds
HoldoutMeasured  metrics, per_class, confusion, seconds
LabelsAudited    results, told, columns (blob), found (blob), seconds: what an audit of the labels came to
RunParked        message
RunStopped       reason
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

VERSION = 1
"""Version of the event bodies; a reader of tomorrow still reads these."""


class Kind(str, Enum):
    """What happened."""

    RUN_OPENED = "RunOpened"
    SETTINGS_CHANGED = "SettingsChanged"
    BATCH_QUERIED = "BatchQueried"
    BATCH_EMITTED = "BatchEmitted"
    LABELS_RECEIVED = "LabelsReceived"
    BATCH_CLOSED = "BatchClosed"
    MODEL_TRAINED = "ModelTrained"
    HOLDOUT_MEASURED = "HoldoutMeasured"
    LABELS_AUDITED = "LabelsAudited"
    RUN_PARKED = "RunParked"
    RUN_STOPPED = "RunStopped"


@dataclass(frozen=True)
class Event:
    """One fact of one run.

    `seq` counts the run's events from 0; `at` is UTC in ISO 8601.
    """

    seq: int
    kind: Kind
    round: int
    body: dict[str, Any]
    at: str
    version: int = VERSION
