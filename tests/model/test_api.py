"""poolwise.embed: paths, PIL pictures and arrays give the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import poolwise
from poolwise.core.errors import ConfigError, InvalidArray, UnreadableImages
from poolwise.model.timm_backbone import TimmBackbone

SMALL = TimmBackbone("test_efficientnet", weights=None)


@pytest.fixture
def pictures(tmp_path):
    arrays = np.random.default_rng(0).integers(0, 256, size=(3, 200, 180, 3), dtype=np.uint8)
    files = [tmp_path / f"{row}.png" for row in range(3)]
    for file, array in zip(files, arrays, strict=True):
        Image.fromarray(array).save(file)
    return arrays, files


def test_paths_pil_pictures_and_arrays_say_the_same(pictures):
    arrays, files = pictures
    found = poolwise.embed(arrays, SMALL)
    assert found.shape == (3, 256)
    assert found.dtype == np.float32
    assert np.array_equal(found, poolwise.embed([str(file) for file in files], SMALL))
    assert np.array_equal(found, poolwise.embed([Image.open(file) for file in files], SMALL))
    assert np.allclose(found, poolwise.embed(arrays, SMALL, batch_size=1), atol=1e-6)


def test_grey_pictures_are_taken_and_progress_is_told(pictures):
    told = []
    grey = pictures[0][..., 0]
    found = poolwise.embed(grey, SMALL, batch_size=2, progress=lambda *what: told.append(what))
    assert np.array_equal(found, poolwise.embed(grey[..., None], SMALL, batch_size=2))
    assert told == [("embed", 2, 3), ("embed", 3, 3)]


def test_the_default_is_the_network_whose_weights_are_installed(pictures):
    assert poolwise.embed(pictures[0][:1]).shape == (1, 1280)


def test_what_is_no_picture_is_named(pictures, tmp_path):
    (tmp_path / "none.png").write_bytes(b"no picture")
    with pytest.raises(UnreadableImages, match="picture 1 .*none.png"):
        poolwise.embed([pictures[1][0], tmp_path / "none.png"], SMALL)
    with pytest.raises(InvalidArray, match="uint8"):
        poolwise.embed(np.zeros((2, 8, 8)), SMALL)
    with pytest.raises(ConfigError, match="timm does not have"):
        poolwise.embed(pictures[0], "no_such_network")
