"""`poolwise.calibrate_threshold` as people use it."""

import warnings

import numpy as np
import pytest

import poolwise
from look_alikes import digits, smoothed
from poolwise.core.errors import ConfigError, InvalidArray

SMALL = {"sample": 120, "copies": 56}


def test_on_digits_most_copies_are_found_at_the_precision_asked_for():
    chosen = poolwise.calibrate_threshold(digits(), smoothed, **SMALL)
    assert chosen.reached
    assert chosen.precision >= 0.95
    assert chosen.recall > 0.8
    assert set(chosen.by_kind) == {"shift", "rotation", "crop", "brightness", "contrast", "noise", "compression"}
    assert np.mean(list(chosen.by_kind.values())) == pytest.approx(chosen.recall, abs=0.02)
    assert poolwise.calibrate_threshold(digits(), smoothed, **SMALL) == chosen


def test_a_calibrated_threshold_is_taken_by_the_door():
    pictures = digits(30)
    chosen = poolwise.calibrate_threshold(pictures, smoothed, **SMALL)
    found = poolwise.find_duplicates(smoothed(pictures), images=pictures, threshold=chosen)
    same = poolwise.find_duplicates(smoothed(pictures), images=pictures, threshold=chosen.cosine, alike=chosen.alike)
    np.testing.assert_array_equal(found.pairs, same.pairs)
    with pytest.raises(ConfigError, match="calibrated with pixels"):
        poolwise.find_duplicates(smoothed(pictures), threshold=chosen)


def test_the_cosine_alone_can_be_calibrated():
    chosen = poolwise.calibrate_threshold(digits(), smoothed, pixels=False, precision=0.5, **SMALL)
    both = poolwise.calibrate_threshold(digits(), smoothed, precision=0.5, **SMALL)
    assert chosen.alike is None
    assert chosen.reached
    assert chosen.recall < both.recall
    assert poolwise.find_duplicates(smoothed(digits()), threshold=chosen).complete


def test_a_precision_out_of_reach_is_said():
    blind = np.random.default_rng(0)
    with pytest.warns(UserWarning, match=r"precision 0.95 is not reached"):
        chosen = poolwise.calibrate_threshold(
            digits(), lambda some: blind.normal(1, 0.1, (len(some), 4)), pixels=False, **SMALL
        )
    assert not chosen.reached
    assert chosen.precision < 0.95


def test_pictures_reach_the_embedding_as_they_are_given():
    shapes = []
    colour = digits()[:60, :, :, None].repeat(3, axis=3)

    def embed(pictures):
        shapes.append(pictures.shape)
        return smoothed(pictures[..., 0])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        poolwise.calibrate_threshold(list(colour), embed, copies=20)
    assert shapes == [(60, 32, 32, 3), (20, 32, 32, 3)]


@pytest.mark.parametrize(
    ("pictures", "options", "error", "words"),
    [
        (digits()[:5], {}, InvalidArray, "at least 20 pictures"),
        (digits(), {"precision": 0}, ConfigError, "precision must be"),
        (digits(), {"kinds": ["smudge"]}, ConfigError, "kinds must be some of"),
        (digits(), {"copies": 0}, ConfigError, "copies must be a whole number"),
        (digits(), {"sample": 3.5}, ConfigError, "sample must be a whole number"),
        (digits() / 255, {}, InvalidArray, "must be uint8"),
    ],
)
def test_what_cannot_be_used_is_named(pictures, options, error, words):
    with pytest.raises(error, match=words):
        poolwise.calibrate_threshold(pictures, smoothed, **options)


def test_an_embedding_of_another_length_is_refused():
    with pytest.raises(InvalidArray, match="a row for each of 120 pictures; got 3"):
        poolwise.calibrate_threshold(digits(), lambda some: np.ones((3, 2)), **SMALL)
