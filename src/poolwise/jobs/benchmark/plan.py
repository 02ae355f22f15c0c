"""Which cells a benchmark has: data sets x regimes x strategies x seeds. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poolwise.core.errors import ConfigError

BOUND = "oracle_lookahead"
"""Name of the upper bound, which stands among the strategies of a plan but is none."""

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]*")


@dataclass(frozen=True)
class Choice:
    """A strategy or a data set under its name in the tables, with the settings of the loop that make it."""

    label: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Regime:
    """How many labels: the starting set, a round, in all."""

    label: str
    seed_size: int
    query_size: int
    budget: int


@dataclass(frozen=True)
class Cell:
    """One loop run of a benchmark."""

    dataset: str
    regime: str
    strategy: str
    seed: int

    @property
    def name(self) -> str:
        """Name of its run and its folder; labels hold no dash, so no two cells share one."""
        return f"{self.dataset}-{self.regime}-{self.strategy}-seed{self.seed}"


def choices(entries: Any, group: str, where: str) -> tuple[Choice, ...]:
    """Return names and mappings label -> settings, as choices of a group of parts.

    A label without a setting of the group itself names a part of the group.

    >>> choices(["digits", {"noisy": {"data": "digits", "annotation.noise_rate": 0.1}}], "data", "datasets")[1].overrides
    ('data=digits', 'annotation.noise_rate=0.1')
    >>> choices([{"clustered": ["query.candidates=10"]}], "query", "strategies")[0].overrides
    ('query=clustered', 'query.candidates=10')
    """
    parsed = []
    for label, given in _labelled(entries, where):
        overrides = settings(given, f"{where}.{label}")
        if not any(key_of(item) == group for item in overrides):
            overrides = (f"{group}={label}", *overrides)
        parsed.append(Choice(label, overrides))
    return tuple(parsed)


def settings(given: Any, where: str) -> tuple[str, ...]:
    """Return settings of the loop, as a mapping or as a list of "key=value", as overrides.

    >>> settings({"model": "linear_head", "data.classes": ["a b", "c"], "test_size": None}, "overrides")
    ('model=linear_head', "data.classes=['a b',c]", 'test_size=null')
    """
    if given is None:
        return ()
    if isinstance(given, Mapping):
        return tuple(f"{key}={_value(value)}" for key, value in given.items())
    if isinstance(given, (list, tuple)) and all(isinstance(item, str) and "=" in item for item in given):
        return tuple(given)
    raise ConfigError(f"{where} is {given!r}; it is loop settings, {{key: value, ...}} or [key=value, ...].")


def _value(value: Any) -> str:
    """Return a plain value in Hydra's grammar."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_value, value)) + "]"
    text = str(value)
    if not isinstance(value, str) or re.fullmatch(r"[A-Za-z_/.][A-Za-z0-9_/.-]*", text):
        return text
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{quoted}'"


def regimes(entries: Any) -> tuple[Regime, ...]:
    """Return regimes of mappings label -> sizes.

    >>> regimes([{"low": {"seed_size": 10, "query_size": 10, "budget": 100}}])
    (Regime(label='low', seed_size=10, query_size=10, budget=100),)
    """
    parsed = []
    sizes = ("seed_size", "query_size", "budget")
    for label, given in _labelled(entries, "regimes"):
        if not isinstance(given, Mapping) or set(given) != set(sizes):
            raise ConfigError(f"regimes.{label} is {given!r}; it has exactly seed_size, query_size and budget.")
        if any(not isinstance(given[size], int) or given[size] < 1 for size in sizes):
            raise ConfigError(f"regimes.{label} is {dict(given)}; its sizes are whole numbers from 1.")
        if given["budget"] <= given["seed_size"]:
            raise ConfigError(f"regimes.{label}: the budget must be larger than seed_size, or nothing is chosen.")
        parsed.append(Regime(label, *(given[size] for size in sizes)))
    return tuple(parsed)


def key_of(override: str) -> str:
    """Return the setting that an override sets.

    >>> key_of("++query.candidates=10")
    'query.candidates'
    """
    return override.split("=", 1)[0].lstrip("+~")


def merged(*groups: Sequence[str]) -> list[str]:
    """Return overrides with later ones in place of earlier ones of the same setting.

    >>> merged(["model=small_cnn", "seed=1"], ["model=linear_head"])
    ['model=linear_head', 'seed=1']
    """
    latest: dict[str, str] = {}
    for item in (item for group in groups for item in group):
        latest[key_of(item)] = item
    return list(latest.values())


def cells(
    datasets: Sequence[str], regimes: Sequence[str], strategies: Sequence[str], seeds: Sequence[int]
) -> list[Cell]:
    """Return all cells, seed by seed, so that a benchmark that was stopped early has whole comparisons."""
    return [
        Cell(dataset, regime, strategy, seed)
        for seed in seeds
        for dataset in datasets
        for regime in regimes
        for strategy in strategies
    ]


def _labelled(entries: Any, where: str) -> list[tuple[str, Any]]:
    items: list[tuple[str, Any]] = []
    if not isinstance(entries, (list, tuple, Mapping)):
        raise ConfigError(f"{where} is {entries!r}; it is a list, e.g. {where}=[first,second].")
    for entry in [entries] if isinstance(entries, Mapping) else entries:
        items += entry.items() if isinstance(entry, Mapping) else [(entry, None)]
    labels = [str(label) for label, _ in items]
    if not labels:
        raise ConfigError(f"{where} is empty; there is nothing to compare.")
    for label in labels:
        if not LABEL.fullmatch(label):
            raise ConfigError(f"{where} has {label!r}; names take letters, digits, _ and . (they name folders).")
        if labels.count(label) > 1:
            raise ConfigError(f"{where} has {label!r} twice; give one of them a name of its own, {{name: [settings]}}.")
    return [(label, given) for label, (_, given) in zip(labels, items, strict=True)]
