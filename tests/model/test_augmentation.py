import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.core.types import Augmentation
from poolwise.model.training import augment


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=64, channels=3, side=20):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 255, (n, channels, side, side), dtype=np.uint8))


def test_none_gives_back_the_very_same_pictures():
    given_ = pictures()
    assert augment(given_, Augmentation.NONE, generator()) is given_


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from(list(Augmentation)), st.integers(0, 1000))
def test_shape_type_and_colours_stay(height, width, kind, seed):
    before = torch.randint(0, 255, (5, 2, height, width), dtype=torch.uint8, generator=generator(seed))
    after = augment(before, kind, generator(seed))
    assert after.shape == before.shape
    assert after.dtype == before.dtype
    for one, other in zip(before, after, strict=True):
        assert set(map(tuple, other.flatten(1).T.tolist())) <= set(map(tuple, one.flatten(1).T.tolist()))


def test_a_shift_moves_by_a_tenth_at_most_and_each_picture_on_its_own():
    before = torch.zeros(200, 1, 20, 20)
    before[:, :, 10, 10] = 1
    rows, columns = augment(before, Augmentation.SHIFT, generator())[:, 0].nonzero()[:, 1:].T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 12, 8, 12)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == 25


def test_about_half_are_mirrored():
    before = torch.zeros(400, 1, 4, 20)
    before[..., :10] = 1
    left = augment(before, Augmentation.SHIFT_FLIP, generator())[:, 0, 0, 0]
    assert 150 < int(left.sum()) < 250
    assert augment(before, Augmentation.SHIFT, generator())[:, 0, 0, 0].all()


def test_the_same_generator_gives_the_same_pictures():
    one, two = (augment(pictures(), Augmentation.SHIFT_FLIP, generator(3)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, augment(pictures(), Augmentation.SHIFT_FLIP, generator(4)))


@pytest.mark.parametrize("kind", [Augmentation.SHIFT, Augmentation.SHIFT_FLIP])
def test_the_global_generator_is_left_alone(kind):
    before = torch.get_rng_state()
    augment(pictures(), kind, generator())
    assert torch.equal(torch.get_rng_state(), before)
