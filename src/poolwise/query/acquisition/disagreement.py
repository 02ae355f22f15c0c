"""How far several predictions of one sample lie apart: of stochastic draws of one model, or of the members of a committee.

Each takes log-probabilities (N, K, C) of K draws and gives (N,) float32; higher is queried sooner. p^k is the k-th
prediction and pbar the mean of all, the consensus. In the multi-label form the C entries are independent probabilities;
the binary measure of a label is averaged over labels. A single draw disagrees with nothing: what measures disagreement
alone (`mean_std`, `bald`, `kl_divergence`, `max_disagreement`, `vote_entropy`) is 0 then.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.types import Floats, Task
from poolwise.query.acquisition.confidence import by_block, entropy, least_confidence

ROUNDING = 1e-12
"""A divergence below this is none: equal draws leave 1e-16, draws that differ by one bit of float32 1e-14."""

Doubles = NDArray[np.float64]


def variation_ratio(log_probs_nkc: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return 1 - max pbar (Gal et al. 2017, section 4): what the consensus leaves to all classes but the first.

    Returns:
        (N,) in [0, 1 - 1/C], multi-label in [0, 1/2].

    >>> draws = np.log(np.array([[[0.75, 0.25], [0.25, 0.75]]]))
    >>> variation_ratio(draws).tolist()
    [0.5]
    """
    return by_block(log_probs_nkc, lambda logs: least_confidence(_probs(logs).mean(axis=1), task))


def mean_std(log_probs_nkc: Floats) -> Floats:
    """Return the mean over classes of the standard deviation of p over the draws (Gal et al. 2017, section 4).

    For both tasks.

    Returns:
        (N,) in [0, 1/2].

    >>> [round(float(score), 3) for score in mean_std(np.log(np.array([[[0.75, 0.25], [0.25, 0.75]]])))]
    [0.25]
    """
    return by_block(log_probs_nkc, lambda logs: _probs(logs).std(axis=1).mean(axis=1))


def bald(log_probs_nkc: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return H[pbar] - mean_k H[p^k], the information of the label about the model (Houlsby et al. 2011, equation 2).

    It equals the mean over draws of the divergence KL(p^k || pbar), in which form rounding cannot make it negative.

    Returns:
        (N,) nats in [0, ln min(C, K)]; exactly 0 where all draws agree.

    >>> even = np.log(np.array([[[0.5, 0.5], [0.5, 0.5]], [[0.999, 0.001], [0.001, 0.999]]]))
    >>> [round(float(score), 3) for score in bald(even)]
    [0.0, 0.685]
    """
    return by_block(log_probs_nkc, lambda logs: _divergences(logs, task).mean(axis=1))


def kl_divergence(log_probs_nkc: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return `bald`, the mean over members of KL(p^k || pbar) (McCallum and Nigam 1998, section 4.1)."""
    return bald(log_probs_nkc, task)


def max_disagreement(log_probs_nkc: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return the largest KL(p^k || pbar) of any member; modAL's `KL_max_disagreement`.

    Returns:
        (N,) nats in [0, ln K].
    """
    return by_block(log_probs_nkc, lambda logs: _divergences(logs, task).max(axis=1))


def consensus_entropy(log_probs_nkc: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return the entropy of pbar: high where members disagree and also where all are unsure alike.

    Returns:
        (N,) nats in [0, ln C], multi-label in [0, ln 2].
    """
    return by_block(log_probs_nkc, lambda logs: entropy(_probs(logs).mean(axis=1), task))


def vote_entropy(log_probs_nkc: Floats, task: Task = Task.MULTICLASS) -> Floats:
    """Return the entropy of the members' votes (Dagan and Engelson 1995, equation 1).

    A member votes for its most probable class. A multi-label vote is the set of labels with a probability above 1/2.

    Returns:
        (N,) nats in [0, ln min(C, K)], multi-label in [0, ln 2].

    >>> votes = np.log(np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.9, 0.1], [0.6, 0.4]]]))
    >>> [round(float(score), 3) for score in vote_entropy(votes)]
    [0.693, 0.0]
    """
    return by_block(log_probs_nkc, lambda logs: entropy(vote_shares(logs, task), task))


def vote_shares(log_probs_nkc: NDArray[Any], task: Task = Task.MULTICLASS) -> Floats:
    """Return the (N, C) share of the K members that vote for each class; the first class among equals.

    >>> vote_shares(np.log(np.array([[[0.9, 0.1], [0.2, 0.8]]]))).tolist()
    [[0.5, 0.5]]
    """
    count, members, classes = log_probs_nkc.shape
    if task is Task.MULTILABEL:
        return np.asarray((log_probs_nkc > np.log(0.5)).mean(axis=1), dtype=np.float32)
    cells = np.arange(count)[:, None] * classes + log_probs_nkc.argmax(axis=2)
    counts = np.bincount(cells.ravel(), minlength=count * classes).reshape(count, classes)
    return np.asarray(counts / members, dtype=np.float32)


def _probs(logs: Doubles) -> Doubles:
    return np.exp(np.minimum(logs, 0))  # half precision may leave a certain class a hair above 1


def _divergences(logs: Doubles, task: Task) -> Doubles:
    """Return (n, K) KL(p^k || pbar) in nats, averaged over labels for multi-label tasks."""
    probs = _probs(logs)
    several = task is Task.MULTILABEL
    divergences = (_terms(probs) + _terms(1 - probs)).mean(axis=2) if several else _terms(probs).sum(axis=2)
    return np.where(divergences > ROUNDING, divergences, 0)


def _terms(probs: Doubles) -> Doubles:
    """Return entries p ln (p / pbar), with 0 ln 0 = 0."""
    mean = probs.mean(axis=1, keepdims=True)
    return probs * np.log(np.where(probs > 0, probs, 1) / np.where((probs > 0) & (mean > 0), mean, 1))
