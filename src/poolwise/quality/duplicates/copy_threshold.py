"""`poolwise.calibrate_threshold`: from which cosine on two rows of this pool are one thing, learnt from planted copies."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from poolwise.core.checks import check_embeddings
from poolwise.core.errors import ConfigError, InvalidArray, listed
from poolwise.core.seeds import generator
from poolwise.core.types import Floats, Ids
from poolwise.geometry.near_pairs import near_pairs
from poolwise.geometry.planted_copies import ALTERATIONS, altered
from poolwise.geometry.thumbnails import thumbnails
from poolwise.quality.duplicates.pictures import Pictures, as_given

KINDS = tuple(kind for kind in ALTERATIONS if kind != "flip")
LOWEST = 0.6
"""Cosine below which no copy is looked for."""
COSINES = np.arange(60, 100, 2) / 100
"""Cosines that are tried together with scores of the pixels; of equally good ones the highest is taken, as it is quickest."""
MOST = 20_000_000
"""Pairs kept: as many as 6,000 pictures have."""
FEWEST = 20
NOT_REACHED = (
    "precision {:.3g} is not reached, {:.3g} is the highest: these embeddings do not tell copies from pictures that look alike. "
    "Take others, or look through the pairs."
)


@dataclass(frozen=True)
class CopyThreshold:
    """Where to draw the line, and what it did to planted copies.

    Attributes:
        cosine: lowest cosine of a pair.
        alike: lowest score of the pixels of a pair; None where only the cosine was calibrated.
        recall: share of the planted copies that are found with their source.
        precision: planted copies found, over these and all pairs found between pictures of different sources.
        reached: whether the precision is what was asked for.
        by_kind: recall of each alteration.
    """

    cosine: float
    alike: float | None
    recall: float
    precision: float
    reached: bool
    by_kind: Mapping[str, float]


def calibrate_threshold(
    images: NDArray[np.uint8] | Sequence[Any],
    embed: Callable[[NDArray[np.uint8]], ArrayLike],
    *,
    precision: float = 0.95,
    pixels: bool = True,
    kinds: Sequence[str] = KINDS,
    sample: int = 3000,
    copies: int = 500,
    seed: int = 0,
) -> CopyThreshold:
    """Plant altered copies among pictures and choose the threshold that finds most of them at a given precision.

    Of `sample` pictures `copies` get a copy each, every one altered in one way, the ways in turn. Right pairs are a copy
    with its source. Every other pair counts as wrong, whether it was there before or came with the copies, except between
    pictures whose pixels are all equal. Other duplicates that were there before count as wrong too, and the precision is
    that of a pool of this size with as many copies: in a larger pool there are more chances for wrong pairs.

    Args:
        images: uint8 (N, H, W), (N, C, H, W) or (N, H, W, C), or a sequence of pictures of one shape.
        embed: pictures (n, ...) as they are given to embeddings (n, D), the same that the pool is embedded with.
        precision: to be reached, above 0 and at most 1.
        pixels: calibrate for `find_duplicates` with images; otherwise for the cosine alone.
        kinds: names in `geometry.planted_copies`; "flip" is known too, for pictures whose mirror image is a copy. The
            pixels do not see those: use it with pixels=False.
        sample: pictures used, at most; all their pairs are looked at.
        copies: planted, at most one for every two of the pictures.
        seed: of the choice of pictures and the alterations.

    Returns:
        What `find_duplicates` takes as `threshold`.

    Raises:
        ConfigError: settings outside their ranges, an unknown alteration.
        InvalidArray: fewer than 20 pictures, pictures or embeddings of a wrong shape.

    Warns:
        UserWarning: the precision is not reached; the threshold of the highest precision is returned.
    """
    _check(precision, kinds, sample, copies)
    held = Pictures(images, _count(images))
    rng = generator(seed, 0, "planted copies")
    judged, alteration = _planted(held, embed, kinds, (sample, copies), pixels, rng)
    cosine, score = _best(judged, precision, COSINES if pixels else COSINES[:1])
    chosen = _judged_at(judged, alteration, (cosine, score) if pixels else (score, None), precision)
    if not chosen.reached:
        warnings.warn(NOT_REACHED.format(precision, chosen.precision), stacklevel=2)
    return chosen


class _Judged(NamedTuple):
    """Pairs of a pool with planted copies: cosine; score of the pixels or the cosine again; which copy, or -1; if wrong."""

    cosine: Floats
    score: Floats
    copy: Ids
    wrong: NDArray[np.bool_]


def _planted(
    held: Pictures,
    embed: Callable[[NDArray[np.uint8]], ArrayLike],
    kinds: Sequence[str],
    sizes: tuple[int, int],
    pixels: bool,
    rng: np.random.Generator,
) -> tuple[_Judged, NDArray[np.str_]]:
    """Plant copies among some of the pictures; the pairs that are found, and how each copy was altered."""
    rows = np.sort(rng.permutation(held.count)[: sizes[0]])
    sources = rng.permutation(len(rows))[: min(sizes[1], len(rows) // 2)]
    alteration = np.array(kinds)[np.arange(len(sources)) % len(kinds)]
    originals = held.read(rows)
    copies = altered(originals[sources], alteration, rng)
    shape = held.raw(rows[:1]).shape
    points = np.concatenate([_embedded(embed, as_given(some, shape)) for some in (originals, copies)])
    return _judged(np.concatenate([originals, copies]), points, sources, pixels), alteration


def _judged_at(
    judged: _Judged, alteration: NDArray[np.str_], limits: tuple[float, float | None], precision: float
) -> CopyThreshold:
    """Return what a threshold does to planted copies."""
    cosine, score = limits
    passed = (judged.cosine >= cosine) & (judged.score >= (cosine if score is None else score))
    caught = np.isin(np.arange(len(alteration)), judged.copy[passed])
    attained = float(caught.sum() / max(1, caught.sum() + judged.wrong[passed].sum()))
    recalls = {str(kind): float(caught[alteration == kind].mean()) for kind in np.unique(alteration)}
    return CopyThreshold(cosine, score, float(caught.mean()), attained, attained >= precision, recalls)


def _judged(pictures: NDArray[np.uint8], points: Floats, sources: Ids, pixels: bool) -> _Judged:
    """Return all pairs that may count as found, of pictures the last of which are copies of some others."""
    count = len(pictures) - len(sources)
    seen = thumbnails(lambda rows: pictures[rows], len(pictures))
    pairs = near_pairs(points, LOWEST, most=MOST)
    score = seen.alike(pairs.rows) if pixels else pairs.cosine
    same = np.unique(seen.digests[:count], return_inverse=True)[1].reshape(-1)
    origin = np.concatenate([same, same[sources]])
    first, second = pairs.rows.T
    own = (first < count) & (second >= count)
    own[own] = sources[second[own] - count] == first[own]
    return _Judged(pairs.cosine, score, np.where(own, second - count, -1), origin[first] != origin[second])


def _best(judged: _Judged, precision: float, cosines: NDArray[np.float64]) -> tuple[float, float]:
    """Return the cosine and score that find most copies at the precision; where none reaches it, of the highest one."""
    best, where = (-1.0, -1.0), (1.0, 1.0)
    for cosine in np.unique(
        np.append(judged.cosine[judged.copy >= 0], LOWEST) if (judged.score == 1).all() else COSINES
    )[::-1]:
        inside = np.flatnonzero((judged.cosine >= cosine) & (judged.score > 0))
        inside = inside[np.argsort(-judged.score[inside], kind="stable")]
        score = judged.score[inside]
        right, wrong = np.cumsum(judged.copy[inside] >= 0), np.cumsum(judged.wrong[inside])
        share = right / np.maximum(1, right + wrong)
        for at in np.flatnonzero((judged.copy[inside] >= 0) & (np.append(score[1:], -1) < score)):
            worth = (1 + right[at], share[at]) if share[at] >= precision else (share[at], right[at])
            if worth > best:
                best, where = worth, (float(cosine), float(score[at]))
    return where


def _embedded(embed: Callable[[NDArray[np.uint8]], ArrayLike], pictures: NDArray[np.uint8]) -> Floats:
    points = check_embeddings(embed(pictures), name="embed(images)")
    if len(points) != len(pictures):
        raise InvalidArray(f"embed must return a row for each of {len(pictures)} pictures; got {len(points)}.")
    return points


def _count(images: Any) -> int:
    count = len(images) if hasattr(images, "__len__") else 0
    if count < FEWEST:
        raise InvalidArray(f"images must be at least {FEWEST} pictures to plant copies among; got {count}.")
    return count


def _check(precision: Any, kinds: Sequence[str], sample: Any, copies: Any) -> None:
    if not isinstance(precision, (int, float)) or isinstance(precision, bool) or not 0 < precision <= 1:
        raise ConfigError(f"precision must be above 0 and at most 1; got {precision!r}.")
    unknown = [kind for kind in kinds if kind not in ALTERATIONS]
    if unknown or not kinds or isinstance(kinds, str):
        raise ConfigError(f"kinds must be some of {listed(list(ALTERATIONS), most=20)}; got {kinds!r}.")
    for name, value, least in (("sample", sample, FEWEST), ("copies", copies, 1)):
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
            raise ConfigError(f"{name} must be a whole number from {least} on; got {value!r}.")
