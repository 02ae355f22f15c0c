"""The most typical of each cluster."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import PoolView
from poolwise.query.typiclust import TypiClust


def blobs(counts, seed=0):
    """Far-apart blobs of so many rows each, and whose row is whose."""
    rng = np.random.default_rng(seed)
    whose = np.repeat(np.arange(len(counts)), counts)
    return (20 * np.eye(len(counts))[whose] + rng.standard_normal((len(whose), len(counts)))).astype(np.float32), whose


def pick(points, size, labelled=None, **options):
    view = PoolView(
        ids=np.arange(len(points)),
        embeddings=points,
        labelled_embeddings=labelled,
        labelled_ids=1000 + np.arange(0 if labelled is None else len(labelled)),
    )
    return TypiClust(**options).select(view, size, np.random.default_rng(0))


def test_each_blob_gives_its_most_typical_row_the_largest_first():
    points, whose = blobs([60, 80, 40])
    query = pick(points, 3, unit_length=False)
    for at, blob in enumerate([1, 0, 2]):
        mine = np.flatnonzero(whose == blob)
        gaps = np.linalg.norm(points[mine][:, None] - points[mine][None], axis=2)
        dense = 1 / np.sort(gaps, axis=1)[:, 1:21].mean(axis=1)
        assert query.ids[at] == mine[dense.argmax()]
        assert query.scores[at] == pytest.approx(dense.max(), rel=1e-3)


def test_clusters_with_something_labelled_come_last():
    points, whose = blobs([60, 80, 40])
    query = pick(points, 3, labelled=points[whose == 1][:1] + np.float32(0.01), most_clusters=3)
    assert whose[query.ids].tolist() == [0, 2, 1]
    assert query.reasons["cluster_labelled"].tolist() == [0, 0, 1]


def test_small_clusters_wait_until_all_others_are_used_up():
    points, whose = blobs([12, 9, 4])
    query = pick(points, 25, most_clusters=3)
    assert (whose[query.ids[:21]] < 2).all()
    assert (whose[query.ids[21:]] == 2).all()
    assert whose[query.ids[:4]].tolist() == [0, 1, 0, 1]


def test_the_sentence_tells_the_cluster():
    query = pick(blobs([60, 80])[0], 2)
    assert query.reasons["reason"][0] == "typical of a cluster of 80 samples, none of them labelled"


@pytest.mark.parametrize("options", [{"neighbours": 0}, {"most_clusters": 0}, {"min_cluster": -1}])
def test_options_that_cannot_be_are_named(options):
    with pytest.raises(ConfigError, match=rf"TypiClust\.{next(iter(options))} is .*; it must be at least"):
        TypiClust(**options)
