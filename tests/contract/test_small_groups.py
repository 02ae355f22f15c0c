"""Every yaml of the small groups builds a part that keeps its protocol."""

import pytest
from omegaconf import OmegaConf

from poolwise.core.interfaces import Annotator, StoppingRule, Tracker
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import RunRecord

SETTINGS = {"seed": 0, "budget": 10, "runs": "runs"}


def parts(group):
    return [pytest.param(file, id=file.stem) for file in sorted((conf_dir() / group).glob("*.yaml"))]


def build(file):
    """As the job does: the yaml under its group, interpolations resolved against the root."""
    root = OmegaConf.create({**SETTINGS, file.parent.name: OmegaConf.load(file)})
    return build_part(root[file.parent.name])


@pytest.mark.parametrize("file", parts("stopping"))
def test_stopping_rules_say_in_words_why_and_go_on_without_rounds(file):
    for rule in build(file).values():
        assert isinstance(rule, StoppingRule)
        assert rule.reason((), metric="accuracy", pool_left=5) == ""


@pytest.mark.parametrize("file", parts("annotation"))
def test_annotators_say_whether_they_are_simulated_and_where_labels_come_from(file):
    annotator = build(file)
    assert isinstance(annotator, Annotator)
    assert isinstance(annotator.simulated, bool)
    assert annotator.source.isidentifier()


@pytest.mark.parametrize("file", parts("tracking"))
def test_trackers_never_raise_for_a_run_without_rounds(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tracker = build(file)
    assert isinstance(tracker, Tracker)
    assert tracker.why() == ""
    if file.stem == "none":
        data = {"name": "d", "digest": "0", "task": "multiclass", "classes": ["a", "b"], "pool": 1, "test": 0}
        run = RunRecord("r", "random", tmp_path, {}, "poolwise loop", "accuracy", data, (), "running", "")
        assert tracker.sync(run) is True
