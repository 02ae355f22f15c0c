"""Every yaml of the group builds a pruning strategy that keeps its promises, with one label a sample and with several."""

import re

import numpy as np
import pytest
from omegaconf import OmegaConf

from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Need, is_known
from poolwise.quality.label_error.label_errors import LabelErrors
from poolwise.quality.pruning.pruned import Pruning

FILES = sorted((conf_dir() / "pruning").glob("*.yaml"))
RNG = np.random.default_rng(0)
GROUPS = RNG.integers(-1, 8, size=60)
ONE = RNG.integers(-1, 3, size=60)
SEVERAL = np.where(RNG.random(60)[:, None] < 0.1, -1, RNG.integers(2, size=(60, 4)))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def part(request):
    return build_part(OmegaConf.load(request.param), where="pruning")


@pytest.fixture(params=[ONE, SEVERAL], ids=["one", "several"])
def labels(request):
    return request.param


def found(labels):
    quality = np.linspace(0, 1, len(labels))
    return LabelErrors(
        np.arange(len(labels)), quality, labels.copy(), quality, 5.0, (1.0, 9.0), {}, np.ones(len(labels)), "auto"
    )


def test_it_is_a_pruning_that_says_what_it_needs(part):
    assert isinstance(part, Pruning)
    assert part.needs in (Need.GROUPS, Need.GROUPS | Need.PROBS)


def test_shapes_and_known_labels(part, labels):
    given, groups = labels.copy(), GROUPS.copy()
    pruned = part.prune(groups, given, found(labels))
    assert pruned.keep.shape == (60,)
    assert pruned.keep.dtype == np.bool_
    assert pruned.labels.shape == labels.shape
    assert is_known(pruned.labels[pruned.keep & is_known(labels)]).all()
    assert np.array_equal(given, labels)
    assert np.array_equal(groups, GROUPS)


def test_the_order_of_samples_and_the_numbers_of_groups_do_not_matter(part, labels):
    if Need.PROBS in part.needs:
        return  # by the list alone
    order = RNG.permutation(60)
    kept = part.prune(GROUPS, labels).keep
    again = part.prune(np.where(GROUPS < 0, -1, 100 - GROUPS)[order], labels[order]).keep
    assert np.array_equal(again, kept[order])


def test_no_sample_and_no_component(part, labels):
    assert len(part.prune(GROUPS[:0], labels[:0], found(labels[:0])).keep) == 0
    if Need.PROBS not in part.needs:
        assert part.prune(np.full(60, -1), labels).keep.all()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_key_says_what_it_means(file):
    for line in file.read_text().splitlines()[2:]:
        assert re.match(r"\w+: .*  ?# .+", line), line
