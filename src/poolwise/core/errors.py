"""Every error that poolwise raises on purpose.

A message names the thing, what was expected, what came, the ids concerned, and the next step. The command line prints
the message alone; a stack trace means a defect of ours.

    PoolwiseError
    ├── ConfigError                 a setting that cannot be used
    │   ├── SettingsChanged         a run is resumed with other settings than it began with
    │   └── UntrustedRun            a run's folder holds settings of somebody else that reach beyond it
    ├── DataError                   pictures, manifests, labels
    │   ├── DataChanged             a run is resumed on other data than it began with
    │   ├── UnreadableImages        pictures that are missing or cannot be decoded
    │   └── UnknownLabel            a label outside the class list
    ├── FormatError                 a file that is not in the format it claims
    ├── InvalidArray                wrong shape, NaN, or rows that are no probabilities
    ├── PoolExhausted               more samples asked for than the pool has
    ├── AnnotationError             an answer file that cannot be taken as it is
    │   ├── UnknownSample           answers to samples that were never asked
    │   └── ConflictingAnswers      one sample answered twice, differently, in one file
    ├── TrainingDiverged            the network gave NaN
    └── LedgerError                 the ledger cannot be read or written
        ├── LedgerMoved             its file, or that of the lock on its run, was removed, moved or replaced
        └── RunBusy                 another process works on this run
"""

from __future__ import annotations


class PoolwiseError(Exception):
    """Root of the tree: the message is meant for the user."""


class ConfigError(PoolwiseError):
    """A setting is unknown, of the wrong type, or impossible together with another."""


class SettingsChanged(ConfigError):
    """A run is resumed with settings that would have given other results so far."""


class UntrustedRun(ConfigError):
    """A run's folder holds settings that were not given on this machine and that reach beyond the folder."""


class DataError(PoolwiseError):
    """Pictures, a manifest or labels cannot be used as they are."""


class DataChanged(DataError):
    """A run is resumed on data that differ from those it began with."""


class UnreadableImages(DataError):
    """Pictures are missing or cannot be decoded."""


class UnknownLabel(DataError):
    """A label is not in the class list."""


class FormatError(PoolwiseError):
    """A file is not in the format that its name or its beginning claims, or a format cannot hold what is to be written."""


class InvalidArray(PoolwiseError):
    """An array has the wrong shape or dtype, holds NaN, or its rows are no probabilities."""


class PoolExhausted(PoolwiseError):
    """More samples were asked for than the unlabelled pool has."""


class AnnotationError(PoolwiseError):
    """Answers cannot be taken as they are; nothing was recorded from them."""


class UnknownSample(AnnotationError):
    """Answers name samples that were never asked for."""


class ConflictingAnswers(AnnotationError):
    """One file answers one sample twice and differently."""


class TrainingDiverged(PoolwiseError):
    """The network gave NaN or infinity."""


class LedgerError(PoolwiseError):
    """The ledger cannot be read or written."""


class LedgerMoved(LedgerError):
    """A file that this process works with is not at its path any more: whoever opens the path finds nothing, or another."""


class RunBusy(LedgerError):
    """Another process works on this run."""


def listed(items: object, most: int = 5) -> str:
    """Quote the first few items for a message.

    >>> listed([1, 2, 3], most=2)
    '1, 2 and 1 more'
    >>> listed(["a"])
    'a'
    """
    texts = [str(item) for item in items]  # type: ignore[attr-defined]
    shown = ", ".join(texts[:most])
    return shown if len(texts) <= most else f"{shown} and {len(texts) - most} more"
