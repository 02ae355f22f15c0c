"""Small picture files and benchmark files, written by the tests themselves."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def picture():
    def write(file, size=(8, 6), color=(200, 30, 90), mode="RGB"):
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, color).convert(mode).save(file)
        return file

    return write


@pytest.fixture
def folder(tmp_path, picture):
    """Three cats, three dogs, two unlabelled."""
    for at in range(3):
        picture(tmp_path / f"cat/{at}.png", color=(at, 0, 0))
        picture(tmp_path / f"dog/deep/{at}.jpg", color=(0, at, 0))
    picture(tmp_path / "loose.png")
    picture(tmp_path / "unlabelled/x.bmp")
    return tmp_path


@pytest.fixture
def write_idx():
    def write(folder, n=20, n_test=10, packed=False, seed=0):
        rng = np.random.default_rng(seed)
        folder.mkdir(parents=True, exist_ok=True)
        for part, count in (("train", n), ("t10k", n_test)):
            images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
            labels = (np.arange(count) % 10).astype(np.uint8)
            for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
                sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
                content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
                file = folder / (name + (".gz" if packed else ""))
                file.write_bytes(gzip.compress(content) if packed else content)

    return write


@pytest.fixture
def shared_data():
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    root = Path(os.environ.get("POOLWISE_DATA", beside))
    if not (root / "mnist").is_dir():
        pytest.skip(f"no real data sets in {root}; set POOLWISE_DATA to their folder")
    return root
