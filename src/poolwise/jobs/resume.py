"""May this run go on with these settings and these data? Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from poolwise.core.errors import DataChanged, SettingsChanged
from poolwise.core.parts import TARGET, present_names
from poolwise.core.types import Manifest

FREE = (
    "budget", "stopping", "tracking", "runs", "run_name", "control", "verbose", "trusted",
    "data.download", "data.root", "data.path", "data.workers", "data.cache_mb", "annotation.partial", "annotation.annotator",
    "annotation.delay", "annotation.url", "annotation.picture_url", "annotation.picture_side",
    "annotation.train", "annotation.hold_minutes", "annotation.redundancy",
    "trainer.enable_progress_bar", "query_size", "model.trainer", "compare_batches", "cache",
)  # fmt: skip
"""Settings that may change while a run goes on: they do not touch what has been done so far. The data are compared by
content, not by where they lie; `model.trainer` repeats the group `trainer`."""

NEW_DEFAULTS: Mapping[str, Any] = MappingProxyType({
    "start": "random", "stop_set": 1000, "model.features_dir": "",
    "candidates._target_": "poolwise.query.candidates.Candidates", "candidates.outliers": 0.0, "candidates.shares": {},
    "audit.every": 0, "audit.review": 0, "audit.budget": 20, "audit.folds": 3,
    "label_error._target_": "poolwise.quality.label_error.detectors.Auto", "label_error.neighbours": 15,
    "label_error.weight": 0.5, "label_error.floor": 0.001,
    "candidates.balanced": False, "candidates.random_share": 0.0,
})  # fmt: skip
"""Settings that came after the first runs were begun, at the values that do what was done before there was a choice. A
run whose configuration lacks one may go on at that value alone. Whoever adds a setting adds it here, unless it is null,
which is no change from having none."""

EARLIER_DEFAULTS: Mapping[str, Any] = MappingProxyType({"start": ("auto", "random"), "data.image_size": ("auto", 64)})
"""Setting -> its default, and the one before: a run that began with the earlier one goes on with it."""

AUTO_MODEL = "poolwise.model.auto.AutoLearner"
EARLIER_MODEL = "poolwise.model.learner.LightningLearner"
"""The default model, and the one before: the small network, which the new one is for small pictures."""

UNNAMED = tuple(key for key in FREE if key not in ("query_size", "stopping"))
"""Settings that leave a run's name as it is: a sweep over batch sizes or stopping rules gives each a run of its own."""


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings under dotted names; lists are values.

    >>> flatten({"a": {"b": 1}, "c": [2]})
    {'a.b': 1, 'c': [2]}
    """
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return dotted name -> (before, after) of every setting that differs; None where it is absent.

    >>> changes({"seed": 0, "a": {"b": 1}}, {"seed": 0, "a": {"b": 2}})
    {'a.b': (1, 2)}
    """
    old, new = flatten(present_names(before)), flatten(present_names(after))
    return {key: (old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)}


def as_begun(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the defaults of an earlier version where a run began with these.

    Args:
        before: settings that the run began with.
        after: settings now.

    >>> as_begun({"start": "random", "seed": 0}, {"start": "auto", "seed": 1})
    {'start': 'random', 'seed': 1}
    """
    old, config = flatten(before), dict(after)
    for key, (now, earlier) in EARLIER_DEFAULTS.items():
        group, _, name = key.rpartition(".")
        place = config if not group else dict(config.get(group) or {})
        if place.get(name) == now and old.get(key, earlier) == earlier:
            place[name] = earlier
            config |= {group: place} if group else {}
    mine, theirs = present_names(before.get("model") or {}), config.get("model") or {}
    if (mine.get(TARGET), theirs.get(TARGET)) == (EARLIER_MODEL, AUTO_MODEL):
        left = {key: value for key, value in mine.items() if key not in (TARGET, "trainer")}
        if all(theirs.get(key) == value for key, value in left.items()):  # nothing but the default changed
            config["model"] = {**mine, "trainer": theirs.get("trainer")}
    return config


def is_free(key: str) -> bool:
    """Return whether a setting may change while a run goes on.

    >>> is_free("stopping.budget.budget"), is_free("seed"), is_free("query.budget")
    (True, False, False)
    """
    return _below(key, FREE)


def is_unnamed(key: str) -> bool:
    """Return whether a setting leaves a run's name as it is.

    >>> is_unnamed("budget"), is_unnamed("query_size"), is_unnamed("seed_size")
    (True, False, False)
    """
    return _below(key, UNNAMED)


def _below(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def check_settings(run: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the changes that a run may go on with.

    Raises:
        SettingsChanged: others, each named with what it was and is.
    """
    new = set(flatten(after)) - set(flatten(before))
    changed = {
        key: pair for key, pair in changes(before, after).items() if key not in new or not _adds_nothing(key, pair)
    }
    fixed = [f"{key}: was {old!r}, now {new!r}" for key, (old, new) in changed.items() if not is_free(key)]
    if fixed:
        raise SettingsChanged(
            f"run {run!r} began with other settings:\n  "
            + "\n  ".join(fixed)
            + "\nGive the new settings a run of their own with run_name=..., or use the old ones to go on with this run."
        )
    return changed


def _adds_nothing(key: str, pair: tuple[Any, Any]) -> bool:
    """Return whether a setting that the run does not know, as it came with a newer program, leaves all as it was."""
    return key in NEW_DEFAULTS and pair[1] == NEW_DEFAULTS[key]


def check_data(run: str, before: Mapping[str, str], manifest: Manifest, facts: Mapping[str, Any]) -> None:
    """Compare the data with those that the run began with.

    Raises:
        DataChanged: names the parts that differ.
    """
    after = manifest.digests()
    differ = [part for part in after if before.get(part, after[part]) != after[part]]
    if not differ:
        return
    count = ""
    sizes = sum(int(facts.get(split, 0)) for split in ("pool", "validation", "test"))
    if sizes != len(manifest):
        count = f" (it had {sizes} samples, now {len(manifest)})"
    raise DataChanged(
        f"the data of run {run!r} changed since it began{count}: {', '.join(differ)} differ. "
        "Restore them to go on, or start a run of its own on the new data with run_name=...; "
        "`poolwise labels FOLDER_OF_THE_RUN` writes the labels gathered so far as a manifest for a new run."
    )
