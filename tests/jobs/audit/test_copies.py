import numpy as np

from poolwise.jobs.audit.copies import Believed, without_heaps


def chain(count, exact=()):
    """A chain of pairs 0-1, 1-2, ..., and one pair apart from it."""
    pairs = np.array([[at, at + 1] for at in range(count - 1)] + [[count, count + 1]])
    groups = np.array([0] * count + [1, 1, -1])
    return Believed(pairs, np.ones(len(pairs), dtype=np.float32), groups, np.isin(np.arange(len(pairs)), exact), 0)


def test_a_small_group_stays_as_it_is():
    found = without_heaps(chain(4), largest=4)
    assert (found.heaps, len(found.pairs)) == (0, 4)
    assert found.groups.tolist() == [0, 0, 0, 0, 1, 1, -1]


def test_of_a_heap_only_equal_pixels_remain():
    found = without_heaps(chain(6, exact=[2]), largest=5)
    assert (found.heaps, found.pairs.tolist()) == (1, [[2, 3], [6, 7]])
    assert found.groups.tolist() == [-1, -1, 0, 0, -1, -1, 1, 1, -1]


def test_nothing_found_is_nothing_taken_apart():
    nothing = Believed(np.empty((0, 2), int), np.empty(0, np.float32), np.full(3, -1), np.empty(0, bool), 0)
    assert without_heaps(nothing, 5).groups.tolist() == [-1, -1, -1]
