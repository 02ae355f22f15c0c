"""Three hundred digits that look much alike, with shifted copies, and an embedding that forgives small shifts."""

import numpy as np

from poolwise.data.digits import read_digits
from poolwise.geometry.pixels import blurred, reduced
from poolwise.geometry.planted_copies import altered


def digits(copies=0):
    """(300 + copies, 32, 32) uint8, the last ones copies of the first, shifted."""
    images = (read_digits()[0][:300] * 15).astype(np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    kinds = np.full(copies, "shift")
    return np.concatenate([images, altered(images[:copies, None], kinds, np.random.default_rng(0))[:, 0]])


def smoothed(pictures):
    """(n, 256) embeddings: blurred pixels less a grey that is about their mean."""
    return blurred(reduced(pictures[:, None] / np.float32(255), 16)[:, 0], 1.5).reshape(len(pictures), -1) - 0.3
