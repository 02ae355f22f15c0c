import numpy as np
import pytest

from poolwise.data.digits import read_digits
from poolwise.geometry.pixels import alike
from poolwise.geometry.planted_copies import ALTERATIONS, altered
from poolwise.geometry.thumbnails import thumbnails


def scenes(count, seed=0, channels=1):
    """(n, C, 32, 32) a few blots each."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=(count, channels, 32, 32))
    smooth = gaussian_filter(noise, (0, 0, 2, 2))
    return (40 + 170 * (smooth - smooth.min()) / np.ptp(smooth)).astype(np.uint8)


@pytest.mark.parametrize("kind", sorted(set(ALTERATIONS) - {"flip"}))
@pytest.mark.parametrize("channels", [1, 3])
def test_an_altered_copy_is_alike_and_another_picture_is_not(kind, channels):
    pictures = scenes(12, channels=channels)
    copies = altered(pictures, np.full(12, kind), np.random.default_rng(1))
    assert (copies != pictures).any(axis=(1, 2, 3)).all()
    assert (alike(pictures, copies) > 0.8).mean() > 0.9
    assert (alike(pictures, np.roll(copies, 1, axis=0)) < 0.5).all()


def test_a_picture_is_alike_to_itself_and_both_orders_agree():
    pictures = scenes(6)
    assert alike(pictures, pictures).min() > 0.999
    others = altered(pictures, np.full(6, "crop"), np.random.default_rng(0))
    np.testing.assert_allclose(alike(pictures, others), alike(others, pictures))


def test_blank_pictures_are_alike_and_unlike_all_others():
    blank, full = np.zeros((1, 1, 32, 32), dtype=np.uint8), np.full((1, 1, 32, 32), 255, dtype=np.uint8)
    assert alike(blank, full)[0] == pytest.approx(1)
    assert alike(blank, scenes(1))[0] < 0.1
    seen = thumbnails(lambda rows: np.concatenate([blank, full, scenes(1)])[rows], 3)
    assert seen.alike(np.array([[0, 1], [0, 2]])).round(3).tolist() == [1, 0]


def test_look_alike_digits_of_one_class_are_not_one_picture():
    images, labels = read_digits()
    zeros = (images[labels == 0] * 15).astype(np.uint8)[:40, None]
    one, other = np.triu_indices(40, 1)
    assert (alike(zeros[one], zeros[other]) >= 0.985).mean() < 0.05


def test_large_and_long_pictures_are_compared_at_32_pixels_a_side():
    picture = scenes(1).repeat(4, axis=2).repeat(2, axis=3)
    seen = thumbnails(lambda rows: np.concatenate([picture, picture // 2, np.flip(picture, 2)])[rows], 3)
    assert seen.small.shape == (3, 1, 32, 32)
    assert seen.alike(np.array([[0, 1], [0, 2]])).round(1).tolist() == [1, 0]


def test_equal_pixels_are_told_from_nearly_equal_ones():
    pictures = scenes(1)[[0, 0, 0]].copy()
    pictures[2, 0, 5, 5] += 1
    seen = thumbnails(lambda rows: pictures[rows], 3)
    assert seen.same(np.array([[0, 1], [0, 2]])).tolist() == [True, False]
