"""What the next batch is expected to bring."""

import numpy as np
import pytest

from poolwise.metric.curve.outlook import outlook

COUNTS = np.array([20, 40, 60, 80, 100, 140, 180, 220, 260, 300])


def power(n):
    return 0.95 - 1.5 * np.asarray(n, dtype=float) ** -0.5


def test_on_a_power_law_the_gain_is_that_of_the_law():
    found = outlook(COUNTS.tolist(), power(COUNTS).tolist(), 40)
    assert found.labels == 340
    assert found.score == pytest.approx(power(340), abs=0.004)
    assert found.gain == pytest.approx(power(340) - power(300), rel=0.25)
    assert found.low < found.score < found.high


def test_a_larger_batch_brings_more():
    gains = [outlook(COUNTS.tolist(), power(COUNTS).tolist(), more).gain for more in (1, 20, 200)]
    assert gains == sorted(gains)
    assert gains[0] > 0


def test_scatter_between_near_rounds_is_not_read_as_a_fall():
    counts = np.arange(1, 101) * 20
    scores = power(counts) + np.random.default_rng(0).normal(size=100) * 0.005
    found = outlook(counts.tolist(), scores.tolist(), 20)
    assert found.gain == pytest.approx(power(2020) - power(2000), rel=0.5)


@pytest.mark.parametrize("counts", [[], [10], [10, 20], [100, 101, 102, 103]])
def test_fewer_than_three_sizes_tell_nothing(counts):
    assert outlook(counts, [0.5] * len(counts), 10) is None


def test_equal_counts_are_one_size():
    assert outlook([10, 20, 20, 40], [0.5, 0.6, 0.62, 0.7], 20).labels == 60
