"""Randomness: explicit generators, each from (run seed, round, purpose).

A resumed run draws what an unbroken one would have drawn, and a draw added in one place does not shift another.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive(run_seed: int, round: int, purpose: str) -> int:
    """Return one non-negative 63-bit seed for a purpose within a round.

    >>> derive(0, 1, "query") == derive(0, 1, "query")
    True
    >>> derive(0, 1, "query") == derive(0, 1, "weights")
    False
    """
    text = f"{run_seed}/{round}/{purpose}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def generator(run_seed: int, round: int, purpose: str) -> np.random.Generator:
    """Return the generator for a purpose within a round; see `derive`."""
    return np.random.default_rng(derive(run_seed, round, purpose))
