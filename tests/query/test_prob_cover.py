"""Balls that cover the pool."""

import numpy as np
import pytest

from poolwise.core.errors import ConfigError
from poolwise.core.types import PoolView
from poolwise.query.prob_cover import ProbCover


def pick(points, size, labelled=None, seed=0, **options):
    view = PoolView(
        ids=np.arange(len(points)),
        embeddings=np.asarray(points, dtype=np.float32),
        labelled_embeddings=None if labelled is None else np.asarray(labelled, dtype=np.float32),
        labelled_ids=1000 + np.arange(0 if labelled is None else len(labelled)),
    )
    return ProbCover(**options).select(view, size, np.random.default_rng(seed))


LINE = np.array([[0.0], [1], [2], [10], [11], [20]])


def test_the_fullest_ball_comes_first_and_is_told():
    query = pick(LINE, 3, radius=1.5, unit_length=False)
    assert query.reasons["newly_covered"].tolist() == [3, 2, 1]
    assert query.ids[0] == 1
    assert query.reasons["reason"][0] == "3 of 6 samples lie within 1.5 and have no labelled or picked one as near"


def test_what_is_labelled_covers_from_the_beginning():
    assert pick(LINE, 1, labelled=[[1.0]], radius=1.5, unit_length=False).ids[0] in (3, 4)


def test_the_radius_shrinks_where_all_is_covered():
    query = pick(LINE, 6, radius=1.5, unit_length=False)
    assert query.reasons["radius"].tolist() == [1.5] * 3 + [0.75] * 3
    assert sorted(query.ids.tolist()) == list(range(6))


def test_copies_of_what_is_covered_are_drawn_at_random():
    query = pick(np.repeat(LINE, 3, axis=0), 18, radius=1.5, unit_length=False)
    assert query.scores[6:].tolist() == [0] * 12
    assert "at random" in query.reasons["reason"][6]


def test_a_random_subset_stands_for_a_larger_pool():
    points = np.random.default_rng(0).standard_normal((3000, 4))
    assert len({tuple(pick(points, 5, sample=200, seed=seed).ids.tolist()) for seed in range(4)}) == 4


def test_a_query_larger_than_memory_allows_is_filled_up_at_random(monkeypatch):
    monkeypatch.setattr("poolwise.query.prob_cover.MOST", 50)
    query = pick(np.random.default_rng(0).standard_normal((200, 4)), 60, sample=20)
    assert len(set(query.ids.tolist())) == 60
    assert query.reasons["reason"][-1] == "drawn at random: the query is larger than the 50 samples looked at"
    assert query.scores[50:].tolist() == [0] * 10


@pytest.mark.parametrize(
    "options", [{"radius": 0.0}, {"purity": 0.0}, {"purity": 1.5}, {"classes": 0}, {"sample": 0}, {"sample": 70_001}]
)
def test_options_that_cannot_be_are_named(options):
    with pytest.raises(ConfigError, match=rf"ProbCover\.{next(iter(options))} is .*; it must be"):
        ProbCover(**options)
