"""Seconds of label-quality scores beside cleanlab's, on the same arrays: `python scripts/bench_label_errors.py`.

Needs the extra `bench`. Sides take turns; medians of the repeats are told.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from poolwise.quality.label_error.confident_learning import flagged
from poolwise.quality.label_error.detectors import MEASURES, Measure

THEIRS = {
    Measure.SELF_CONFIDENCE: "self_confidence",
    Measure.NORMALISED_MARGIN: "normalized_margin",
    Measure.WEIGHTED_ENTROPY: "confidence_weighted_entropy",
}


def seconds(first: Callable[[], object], second: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds of two calls that take turns."""
    found: list[tuple[float, float]] = []
    for _ in range(repeats):
        times = []
        for call in (first, second):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        found.append((times[0], times[1]))
    return median(pair[0] for pair in found), median(pair[1] for pair in found)


def calls(labels: np.ndarray, probs: np.ndarray) -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    """Name, our call and theirs, of each score."""
    for measure, name in THEIRS.items():
        yield (
            measure.value,
            partial(MEASURES[measure], labels, probs),
            partial(get_label_quality_scores, labels, probs, method=name),
        )
    yield "pruned by noise rate", partial(flagged, labels, probs), partial(find_label_issues, labels, probs, n_jobs=1)


def main() -> None:
    """One line a size and score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", default=["1000000x10", "100000x100"])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print("| size | score | ours s | cleanlab s | times faster |\n| --- | --- | --- | --- | --- |")
    for size in options.sizes:
        count, classes = map(int, size.split("x"))
        rng = np.random.default_rng(0)
        probs = rng.dirichlet(np.full(classes, 0.3), count).astype(np.float32)
        labels = np.where(rng.random(count) < 0.1, rng.integers(classes, size=count), probs.argmax(axis=1))
        for name, ours, theirs in calls(labels, probs):
            mine, other = seconds(ours, theirs, options.repeats)
            print(f"| {size} | {name} | {mine:.2f} | {other:.2f} | {other / mine:.1f} |", flush=True)


if __name__ == "__main__":
    main()
