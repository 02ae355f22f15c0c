"""Real votes: about fifty people looked at each of 10,000 pictures of CIFAR-10H (Peterson et al. 2019)."""

import os
from pathlib import Path

import numpy as np
import pytest

FILES = "cifar10h/cifar10h_counts.npz", "label_errors/cifar10_test_pyx_and_labels.npz"


@pytest.fixture(scope="module")
def cifar10h():
    """Votes for each class (10000, 10), and probabilities that a model gave for the pictures out of sample."""
    root = Path(os.environ.get("POOLWISE_DATA", "data"))
    if not all((root / file).is_file() for file in FILES):
        pytest.skip(f"no CIFAR-10H in {root}; set POOLWISE_DATA to the folder with {' and '.join(FILES)}")
    counts, given = (np.load(root / file) for file in FILES)
    return counts["counts"].astype(np.int64), given["pred_probs"]
