import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import Blobs
from poolwise.errors import DataChanged, SettingsChanged
from poolwise.loop.resume import changes, check_data, check_settings

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
