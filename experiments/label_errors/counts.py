"""How near each rule's count of label errors comes to the truth: where classes overlap, where errors are systematic, on pictures.

    python experiments/label_errors/counts.py --seeds 8 --weights weights

Simulated: 1,500 samples of 5 classes, Gaussians in 8 dimensions, logistic regression in three folds. Pictures: the cells of
detect.py, one seed (leave out --weights to do without). Writes counts.csv beside this file.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from detect import HERE, SHAPES, SHARES, features, out_of_fold

import poolwise
from poolwise.quality.label_error.planted import confusions, plant

SETTINGS = {
    "apart, 6 % uniform": (1.0, 0.06, 0.0),
    "apart, 1 % uniform": (1.0, 0.01, 0.0),
    "apart, 20 % uniform": (1.0, 0.2, 0.0),
    "apart, 10 % to the next class": (1.0, 0.1, 1.0),
    "apart, 10 %, half of them to the next class": (1.0, 0.1, 0.5),
    "overlapping, 6 % uniform": (0.5, 0.06, 0.0),
    "overlapping, 10 % to the next class": (0.5, 0.1, 1.0),
    "overlapping, none wrong": (0.5, 0.0, 0.0),
}
"""Name -> distance of the classes, share of wrong labels, share of these that fall on the next class."""
CLASSES, ROWS, WIDTH = 5, 1500, 8


def simulated(apart: float, share: float, next_class: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points (N, D), labels (N,) and which are wrong (N,)."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(CLASSES, WIDTH))
    centres *= 2.56 * apart / np.linalg.norm(centres, axis=1, keepdims=True)
    true = rng.integers(CLASSES, size=ROWS)
    points = (centres[true] + 0.6 * rng.normal(size=(ROWS, WIDTH))).astype(np.float32)
    towards = (1 - next_class) * (1 - np.eye(CLASSES)) / (CLASSES - 1) + next_class * np.roll(
        np.eye(CLASSES), 1, axis=1
    )
    labels = plant(true, share, towards, rng) if share else true
    return points, labels, labels != true


def cases(weights: Path | None, seeds: int) -> Iterator[tuple[str, int, np.ndarray, np.ndarray, np.ndarray, int]]:
    """Name, seed, points, labels, which are wrong, folds."""
    for name, setting in SETTINGS.items():
        for seed in range(seeds):
            yield name, seed, *simulated(*setting, seed), 3
    for name in ("digits", "mnist", "fashion_mnist") if weights else ():
        points, true = features(name, weights, 10_000)
        classes = true.max() + 1
        towards = {
            "uniform": (1 - np.eye(classes)) / (classes - 1),
            "confusion": confusions(true, out_of_fold(points, true)),
        }
        for shape in SHAPES:
            for share in SHARES:
                labels = plant(
                    true, share, towards[shape], np.random.default_rng([0, round(1000 * share), SHAPES.index(shape)])
                )
                yield f"{name}, {share:.0%} {shape}", 0, points, labels, labels != true, 5


def rows(name: str, seed: int, found: Any, wrong: np.ndarray) -> Iterator[dict[str, Any]]:
    """A row a rule."""
    for rule, each in {**found.estimates, "headline": found}.items():
        low, high = each.count_interval if rule == "headline" else (each.low, each.high)
        yield {
            "case": name, "seed": seed, "rule": rule, "wrong": int(wrong.sum()), "count": round(each.count, 1),
            "low": round(low, 1), "high": round(high, 1),
        }  # fmt: skip


def main() -> None:
    """All cases; what is off is printed by case and rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = []
    for name, seed, points, labels, wrong, folds in cases(options.weights, options.seeds):
        errors = poolwise.find_label_errors(labels, out_of_fold(points, labels, folds), embeddings=points)
        found += list(rows(name, seed, errors, wrong))
    with (HERE / "counts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, found[0].keys())
        writer.writeheader()
        writer.writerows(found)
    for name, rule in dict.fromkeys((row["case"], row["rule"]) for row in found):
        mine = [row for row in found if (row["case"], row["rule"]) == (name, rule)]
        off = np.mean([row["count"] - row["wrong"] for row in mine]) / max(1, mine[0]["wrong"])
        held = np.mean([row["low"] <= row["wrong"] <= row["high"] for row in mine])
        print(f"{name:45} {rule:16} wrong {mine[0]['wrong']:5} off {off:+6.0%} held {held:4.0%}", flush=True)


if __name__ == "__main__":
    main()
