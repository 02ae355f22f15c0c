"""How good a batch is by the goal of its strategy, the same for whoever chose it. Numpy and scikit-learn only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]

BLOCK = 4096
"""Pool rows looked at in one go."""
CONFIGURATIONS = 100_000
"""Joint outcomes of a batch that are still enumerated."""
OUTCOMES = 200_000
"""Joint outcomes drawn in one go where there are more."""
GOES = 5

HIGHER, LOWER = "higher", "lower"


def squared_distances(points: Any, centres: Any) -> Iterator[tuple[slice, Doubles]]:
    """Blocks of rows of `points` and their squared distances to all centres, in float64."""
    inner = np.asarray(centres, dtype=np.float64)
    lengths = np.einsum("nd,nd->n", inner, inner)
    for start in range(0, len(points), BLOCK):
        rows = slice(start, min(start + BLOCK, len(points)))
        block = np.asarray(points[rows], dtype=np.float64)
        squared = np.einsum("nd,nd->n", block, block)[:, None] + lengths - 2 * block @ inner.T
        yield rows, np.maximum(squared, 0)


def gaps(points: Any, centres: Any) -> Doubles:
    """(N,) distance of each row to the nearest centre.

    >>> gaps(np.array([[0.0], [5.0]]), np.array([[1.0], [3.0]])).tolist()
    [1.0, 2.0]
    """
    nearest: Doubles = np.concatenate([squared.min(axis=1) for _, squared in squared_distances(points, centres)])
    return np.sqrt(nearest)


def core_set(embeddings: Any, labelled: int, picks: Rows) -> dict[str, tuple[str, float]]:
    """Radius of the cover: the largest distance of a candidate to what is labelled or picked."""
    centres = np.concatenate([embeddings[:labelled], embeddings[picks]])
    return {"largest distance to labelled and batch": (LOWER, float(gaps(embeddings[labelled:], centres).max()))}


def badge(probs: Any, embeddings: Any, labelled: int, picks: Rows) -> dict[str, tuple[str, float]]:
    """k-means++ potential: squared distances of candidates to the batch in the space of gradients, their mean.

    A gradient is the outer product of p - onehot(argmax p) and the embedding, so products of gradients are products of
    both parts' products. scikit-activeml keeps the origin as a centre, the paper does not: both are told.
    """
    inner = np.asarray(embeddings[picks], dtype=np.float64)
    inner_rest = _residuals(probs[picks])
    lengths = (inner**2).sum(axis=1) * (inner_rest**2).sum(axis=1)
    total = bounded = 0.0
    for start in range(labelled, len(embeddings), BLOCK):
        block = np.asarray(embeddings[start : start + BLOCK], dtype=np.float64)
        rest = _residuals(probs[start : start + BLOCK])
        own = (block**2).sum(axis=1) * (rest**2).sum(axis=1)
        squared = own[:, None] + lengths - 2 * (block @ inner.T) * (rest @ inner_rest.T)
        near = np.maximum(squared.min(axis=1), 0)
        total += float(near.sum())
        bounded += float(np.minimum(near, own).sum())
    candidates = len(embeddings) - labelled
    return {
        "mean squared distance to batch, of gradients": (LOWER, total / candidates),
        "the same, to batch or origin": (LOWER, bounded / candidates),
    }


def _residuals(probs: Any) -> Doubles:
    rest = np.array(probs, dtype=np.float64)
    rest[np.arange(len(rest)), rest.argmax(axis=1)] -= 1
    return rest


def typiclust(
    embeddings: Any, labelled: int, picks: Rows, neighbours: int, clusters: Rows
) -> dict[str, tuple[str, float]]:
    """Typicality of the picks among all rows, and how many clusters hold something labelled or picked.

    `clusters` (N,) is a k-means clustering of its own, neither side's.
    """
    nearest = np.full((len(picks), neighbours + 1), np.inf)
    for _, squared in squared_distances(embeddings, embeddings[picks]):
        both = np.concatenate([nearest, squared.T], axis=1)
        nearest = np.partition(both, neighbours, axis=1)[:, : neighbours + 1]
    apart = np.sqrt(nearest).sum(axis=1) / neighbours  # a pick is itself among its nearest, at distance 0
    reached = np.unique(np.concatenate([clusters[:labelled], clusters[picks]]))
    return {
        f"mean typicality ({neighbours} neighbours)": (HIGHER, float((1 / apart).mean())),
        "share of clusters reached": (HIGHER, len(reached) / (int(clusters.max()) + 1)),
    }


def reference_clusters(embeddings: Any, count: int) -> Rows:
    """(N,) a clustering by scikit-learn, to judge by."""
    from sklearn.cluster import MiniBatchKMeans

    method = MiniBatchKMeans(count, init="random", batch_size=8192, max_iter=4, n_init=1, random_state=12345)
    numbers: Rows = np.unique(method.fit_predict(embeddings), return_inverse=True)[1]
    return numbers


def prob_cover(embeddings: Any, labelled: int, picks: Rows, radius: float) -> dict[str, tuple[str, float]]:
    """Share of candidates within the radius of something labelled or picked."""
    centres = np.concatenate([embeddings[:labelled], embeddings[picks]])
    return {"share of pool covered": (HIGHER, float((gaps(embeddings[labelled:], centres) <= radius).mean()))}


def max_herding(embeddings: Any, labelled: int, picks: Rows, sigma: float) -> dict[str, tuple[str, float]]:
    """Mean over candidates of the kernel with the nearest labelled or picked row, at length 1."""
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    near = gaps(units[labelled:], np.concatenate([units[:labelled], units[picks]]))
    return {"mean coverage": (HIGHER, float(np.exp(-((near / sigma) ** 2)).mean()))}


def batch_bald(log_probs_nkc: Any, picks: Rows) -> dict[str, tuple[str, float]]:
    """Nats that the labels of the batch tell about which draw is right: first picks exactly, all of them by sampling."""
    chosen = np.asarray(log_probs_nkc[picks], dtype=np.float64)
    few = min(len(picks), int(np.log(CONFIGURATIONS) / np.log(chosen.shape[2]) + 1e-9))
    return {
        f"information in the first {few} picks, exact": (HIGHER, exact_information(chosen[:few])),
        f"information in all {len(picks)}, sampled": (HIGHER, sampled_information(chosen)),
    }


def exact_information(log_probs_bkc: Doubles) -> float:
    """Mutual information in nats of all labels and the draw, by enumeration.

    >>> sure = np.log(np.array([[[1.0, 1e-300], [1e-300, 1.0]]]))
    >>> round(exact_information(sure), 4), round(float(np.log(2)), 4)
    (0.6931, 0.6931)
    """
    joint_mk = np.ones((1, log_probs_bkc.shape[1]))
    probs_bkc = np.exp(log_probs_bkc)
    for probs_kc in probs_bkc:
        joint_mk = (joint_mk[:, None, :] * probs_kc.T[None]).reshape(-1, joint_mk.shape[1])
    mean = joint_mk.mean(axis=1)
    joint = -float((mean * np.log(np.maximum(mean, 1e-300))).sum())
    return joint + float((probs_bkc * log_probs_bkc).sum(axis=(0, 2)).mean())


def sampled_information(log_probs_bkc: Doubles) -> float:
    """The same from drawn outcomes: the mean of ln p(labels | draw) - ln p(labels)."""
    rng = np.random.default_rng(0)
    return float(np.mean([_sampled(log_probs_bkc, rng) for _ in range(GOES)]))


def _sampled(log_probs_bkc: Doubles, rng: np.random.Generator) -> float:
    draws = log_probs_bkc.shape[1]
    own = np.arange(OUTCOMES) % draws
    told = np.zeros((OUTCOMES, draws))
    for log_probs_kc in log_probs_bkc:
        steps = np.exp(log_probs_kc).cumsum(axis=1)[own]
        labels = (rng.random((OUTCOMES, 1)) * steps[:, -1:] > steps).sum(axis=1)
        told += log_probs_kc.T[labels]
    top = told.max(axis=1, keepdims=True)
    mean = top[:, 0] + np.log(np.exp(told - top).mean(axis=1))
    return float((told[np.arange(OUTCOMES), own] - mean).mean())
