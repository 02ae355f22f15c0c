"""`poolwise.find_duplicates` as people use it."""

import numpy as np
import pytest

import poolwise
from look_alikes import digits, smoothed
from poolwise.core.errors import ConfigError, InvalidArray

POINTS = np.array([[1, 0, 0], [0, 1, 0], [1, 0.1, 0], [0, 0, 1], [0, 2, 0], [0, 0, 0]])


def test_pairs_groups_and_what_to_keep_by_hand():
    found = poolwise.find_duplicates(POINTS)
    assert found.pairs.tolist() == [[0, 2], [1, 4]]
    assert found.groups.tolist() == [0, 1, 0, -1, 1, -1]
    assert found.keep.tolist() == [True, True, False, True, False, True]
    assert found.similarity.round(3).tolist() == pytest.approx([0.995, 1.0])
    assert found.exact.tolist() == [False, False]
    assert found.complete
    assert len(found) == 2
    assert isinstance(found, poolwise.Duplicates)


def test_the_types_are_those_of_the_page():
    found = poolwise.find_duplicates(POINTS)
    types = [getattr(found, name).dtype for name in ("pairs", "similarity", "groups", "keep", "exact")]
    assert types == [np.int64, np.float32, np.int64, np.bool_, np.bool_]


def test_equal_rows_are_exact():
    assert poolwise.find_duplicates([[1, 2], [1, 2], [2, 4]]).exact.tolist() == [True, False, False]


def test_leaks_are_pairs_across_splits():
    leaks = poolwise.find_duplicates(POINTS).leaks(np.array([0, 1, 2, 0, 1, 1]))
    assert leaks.pairs.tolist() == [[0, 2]]
    assert leaks.counts == {(0, 2): 1}
    assert leaks.complete
    assert len(leaks) == 1
    assert poolwise.find_duplicates(np.eye(3)).leaks(["a", "b", "b"]).counts == {}


@pytest.mark.parametrize("splits", [["a", "b"], np.zeros((6, 1), dtype=int), np.zeros(6)])
def test_splits_that_do_not_fit_are_refused(splits):
    with pytest.raises(InvalidArray, match="splits must hold"):
        poolwise.find_duplicates(POINTS).leaks(splits)


@pytest.mark.parametrize(
    "form", [lambda a: a, lambda a: a[:, None], lambda a: a[..., None], list, lambda a: a.__getitem__]
)
def test_pixels_part_look_alikes_from_copies_however_pictures_are_given(form):
    pictures = digits(60)[240:]
    points = smoothed(pictures)
    loose = poolwise.find_duplicates(points, threshold=0.6)
    found = poolwise.find_duplicates(points, threshold=0.6, images=form(pictures))
    assert len(loose) > 10 * len(found)
    assert set(map(tuple, found.pairs)) <= set(map(tuple, loose.pairs))


def test_copies_are_found_among_look_alikes_by_their_pixels():
    pictures = digits(60)
    found = poolwise.find_duplicates(smoothed(pictures), threshold=0.85, images=pictures)
    planted = {(row, 300 + row) for row in range(60)}
    assert len(planted & set(map(tuple, found.pairs.tolist()))) > 50


def test_equal_pictures_are_exact_and_noise_is_not():
    pictures = digits()[[0, 0, 1, 1]]
    pictures[3, 16, 16] ^= 1
    found = poolwise.find_duplicates(smoothed(pictures) + 1, images=pictures)
    assert found.pairs[found.exact].tolist() == [[0, 1]]
    assert [2, 3] in found.pairs[~found.exact].tolist()


@pytest.mark.parametrize(
    ("embeddings", "options", "error", "words"),
    [
        (np.zeros((0, 3)), {}, InvalidArray, "at least 2 rows"),
        (np.ones((1, 3)), {}, InvalidArray, "at least 2 rows; got|at least 2 rows for a pair; got 1"),
        ([[1, np.nan], [1, 2]], {}, InvalidArray, "finite"),
        (np.ones(4), {}, InvalidArray, "embeddings must be"),
        (POINTS, {"threshold": 0}, ConfigError, "threshold must be above 0"),
        (POINTS, {"threshold": 1.01}, ConfigError, "threshold must be above 0"),
        (POINTS, {"threshold": "planted"}, ConfigError, "threshold must be above 0"),
        (POINTS, {"threshold": float("nan")}, ConfigError, "threshold must be above 0"),
        (POINTS, {"alike": 2}, ConfigError, "alike must be above 0"),
        (POINTS, {"images": np.zeros((5, 8, 8), dtype=np.uint8)}, InvalidArray, "one for each of 6 rows"),
        (POINTS, {"images": np.zeros((6, 8, 8))}, InvalidArray, "must be uint8"),
        (POINTS, {"images": np.zeros((6, 8, 8, 2), dtype=np.uint8)}, InvalidArray, "no axis of 1, 3 or 4 channels"),
        (POINTS, {"images": 7}, InvalidArray, "got int"),
        (POINTS, {"images": lambda rows: np.zeros((1, 8, 8), dtype=np.uint8)}, InvalidArray, "for 6 rows"),
        (
            POINTS,
            {"images": [np.zeros((8, 8 + row), np.uint8) for row in range(6)]},
            InvalidArray,
            "all have one shape",
        ),
    ],
)
def test_what_cannot_be_used_is_named(embeddings, options, error, words):
    with pytest.raises(error, match=words):
        poolwise.find_duplicates(embeddings, **options)
