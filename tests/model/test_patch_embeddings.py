import numpy as np

from poolwise.data.digits import Digits
from poolwise.model.patch_embeddings import SIDE, _small, patch_embeddings


def test_neighbours_by_patches_mostly_show_the_same_digit():
    images = Digits(hide_labels=False)
    ids = np.arange(400)
    points = patch_embeddings(images, ids)
    labels = images.manifest.labels[ids]
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.9


def test_a_kept_result_is_that_which_was_computed(tmp_path):
    images, ids = Digits(hide_labels=False), np.arange(60)
    first = patch_embeddings(images, ids, folder=tmp_path)
    again = patch_embeddings(images, ids, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert (first == again).all()
    assert (patch_embeddings(images, ids) == first).all()


def test_large_pictures_are_made_small_by_the_mean_of_their_areas():
    class Large:
        def read(self, ids):
            pictures = np.zeros((len(ids), 1, 2 * SIDE, 2 * SIDE), dtype=np.uint8)
            pictures[:, :, :, ::2] = 100
            return pictures

    small = _small(Large(), np.arange(2))
    assert small.shape == (2, 1, SIDE, SIDE)
    assert (small == 50).all()
