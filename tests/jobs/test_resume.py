import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from builders import Blobs
from poolwise.core.errors import DataChanged, SettingsChanged
from poolwise.core.parts import conf_dir
from poolwise.core.settings import defaults_of
from poolwise.jobs.loop.settings import LoopConfig
from poolwise.jobs.resume import EARLIER_DEFAULTS, NEW_DEFAULTS, as_begun, changes, check_data, check_settings, flatten

VALUES = st.dictionaries(
    st.sampled_from("abc"), st.integers(0, 2) | st.dictionaries(st.sampled_from("xy"), st.integers(0, 2))
)


@given(VALUES)
def test_equal_settings_have_no_changes(config):
    assert changes(config, config) == {}


@given(VALUES, VALUES)
def test_changes_are_the_same_from_both_sides(one, two):
    assert {key: pair[::-1] for key, pair in changes(one, two).items()} == changes(two, one)


def test_a_larger_budget_may_go_on():
    assert check_settings("r", {"budget": 10}, {"budget": 20}) == {"budget": (10, 20)}


def test_other_settings_are_refused_and_named():
    with pytest.raises(SettingsChanged, match=r"model.epochs: was 3, now 4"):
        check_settings("r", {"model": {"epochs": 3}}, {"model": {"epochs": 4}})


OLD = {"seed": 0, "query": {"name": "auto"}}


def test_a_setting_of_a_newer_program_may_be_there_at_its_default():
    new = {"start": "random", "stop_set": 1000, "compare_batches": False, "model": {"features_dir": ""}}
    none = {"_target_": "poolwise.query.candidates.Candidates", "at_most": None, "shares": {}, "random_share": 0.0}
    assert set(check_settings("r", OLD, {**OLD, **new, "candidates": none})) == {"compare_batches"}


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (OLD, {**OLD, "start": "strategy"}, "start: was None, now 'strategy'"),
        (OLD, {**OLD, "candidates": {"random_share": 0.2}}, "candidates.random_share"),
        (OLD, {**OLD, "query": {"name": "auto", "scale": 2}}, "query.scale"),
        ({"candidates": {"shares": {"a": 1}}}, {"candidates": {"shares": {"a": 1, "b": 3}}}, "candidates.shares.b"),
        ({"query": {"arguments": {"a": 1}}}, {"query": {"arguments": {"a": 1, "b": 3}}}, "query.arguments.b"),
    ],
)
def test_a_setting_that_joins_later_and_changes_something_is_refused(before, after, named):
    with pytest.raises(SettingsChanged, match=named):
        check_settings("r", before, after)


def test_what_a_newer_program_may_add_is_what_the_configuration_says_today():
    conf = conf_dir()
    today = defaults_of(LoopConfig)
    today["candidates"] = yaml.safe_load((conf / "candidates/all.yaml").read_text())
    today["model"] = yaml.safe_load((conf / "model/linear_head.yaml").read_text())
    today["label_error"] = yaml.safe_load((conf / "label_error/auto.yaml").read_text())
    flat = flatten(today) | {key: earlier for key, (_, earlier) in EARLIER_DEFAULTS.items()}
    assert {key: flat[key] for key in NEW_DEFAULTS} == dict(NEW_DEFAULTS)


def test_changed_data_are_refused_and_the_part_named():
    before = Blobs().manifest
    facts = {"pool": 90, "test": 30}
    check_data("r", before.digests(), Blobs().manifest, facts)
    after = Blobs().manifest
    after.labels[-1] = (after.labels[-1] + 1) % 3
    with pytest.raises(DataChanged, match="labels differ"):
        check_data("r", before.digests(), after, facts)
    with pytest.raises(DataChanged, match="it had 120 samples, now 130"):
        check_data("r", before.digests(), Blobs(n=130).manifest, facts)


def test_a_label_far_down_a_long_list_is_noticed():
    one, two = Blobs(n=30_000), Blobs(n=30_000)
    before, after = one.manifest, two.manifest
    after.labels[29_999] = (before.labels[29_999] + 1) % 3
    assert before.digest() != after.digest()
    assert np.array_equal(before.labels[:-1], after.labels[:-1])


SMALL = {"_target_": "poolwise.model.learner.LightningLearner", "epochs": 5, "backbone": {"width": 8}, "trainer": {}}
AUTO = {
    **SMALL,
    "_target_": "poolwise.model.auto.AutoLearner",
    "trainer": {"max_time": 1},
    "photographs": {"_target_": "x"},
}


def test_a_run_goes_on_with_the_defaults_that_it_began_with():
    before = {"start": "random", "data": {"image_size": 64, "root": "a"}, "model": SMALL}
    after = {"start": "auto", "data": {"image_size": "auto", "root": "b"}, "model": AUTO}
    kept = as_begun(before, after)
    assert kept == {
        "start": "random", "data": {"image_size": 64, "root": "b"}, "model": {**SMALL, "trainer": {"max_time": 1}},
    }  # fmt: skip
    assert not [key for key in check_settings("r", before, kept) if not key.startswith(("data.root", "model.trainer"))]


def test_what_a_person_set_is_not_taken_for_a_default():
    before = {"start": "strategy", "data": {"image_size": 32}, "model": SMALL}
    after = {"start": "auto", "data": {"image_size": "auto"}, "model": {**AUTO, "epochs": 6}}
    assert as_begun(before, after) == after
