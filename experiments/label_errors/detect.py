"""Planted label errors found by each detector, beside cleanlab's scorers on the same out-of-fold probabilities.

    python experiments/label_errors/detect.py weights --seeds 0 1 2

`weights` holds the patch dictionaries of experiments/strategies (learnt without labels). Writes results.csv beside this file.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold

import poolwise
from poolwise.data.digits import Digits
from poolwise.data.torchvision_sets import SetName, TorchvisionSet
from poolwise.model.patches import Patches
from poolwise.quality.label_error.planted import confusions, plant

HERE = Path(__file__).parent
THEIRS = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
OURS = ("auto", "odds", "self_confidence", "normalised_margin", "confident_learning", "neighbour_vote")
SHARES, SHAPES, TOPS = (0.03, 0.1, 0.2), ("uniform", "confusion"), (0.01, 0.02, 0.03)


def features(name: str, weights: Path, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Patch features (N, D) and true labels (N,)."""
    images = (
        Digits(hide_labels=False) if name == "digits" else TorchvisionSet(SetName(name), limit=limit, hide_labels=False)
    )
    ids = np.flatnonzero(images.manifest.splits != "test") if name != "digits" else np.arange(len(images.manifest))
    network = Patches(weights_file=str(weights / f"{name}.pt")).build(images.shape).eval()
    with torch.no_grad():
        parts = [
            network((torch.from_numpy(images.read(ids[at : at + 500])).float() - 127.5) / 64)
            for at in range(0, len(ids), 500)
        ]
    found = torch.cat(parts).numpy()
    return (found - found.mean(axis=0)) / found.std(axis=0).mean(), np.asarray(images.manifest.labels)[ids]


def out_of_fold(points: np.ndarray, labels: np.ndarray, folds: int = 5) -> np.ndarray:
    """(N, C) probabilities, each of a model that has not seen the row."""
    probs = np.zeros((len(labels), labels.max() + 1), dtype=np.float32)
    for train, rest in StratifiedKFold(folds, shuffle=True, random_state=0).split(points, labels):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sixty steps are enough here
            model = LogisticRegression(max_iter=60, tol=1e-3).fit(points[train], labels[train])
        probs[rest] = model.predict_proba(points[rest])
    return probs


def rows(name: str, seed: int, points: np.ndarray, true: np.ndarray) -> Iterator[dict[str, Any]]:
    """A row for each cell and scorer."""
    classes = true.max() + 1
    shapes = {
        "uniform": (1 - np.eye(classes)) / (classes - 1),
        "confusion": confusions(true, out_of_fold(points, true)),
    }
    for shape, share in itertools.product(SHAPES, SHARES):
        rng = np.random.default_rng([seed, round(1000 * share), SHAPES.index(shape)])
        labels = plant(true, share, shapes[shape], rng)
        wrong, probs = labels != true, out_of_fold(points, labels)
        scores = {f"cleanlab {kind}": get_label_quality_scores(labels, probs, method=kind) for kind in THEIRS}
        counts = {}
        for method in OURS:
            found = poolwise.find_label_errors(labels, probs, embeddings=points, method=method)
            scores[method], counts[method] = found.quality, found.count
        scores["auto, no embeddings"] = poolwise.find_label_errors(labels, probs).quality
        for method, quality in scores.items():
            order = np.argsort(quality, kind="stable")
            tops = {f"precision_{top:.0%}": wrong[order[: round(top * len(wrong))]].mean() for top in TOPS}
            found = {"average_precision": average_precision_score(wrong, -quality), **tops}
            yield {
                "dataset": name, "shape": shape, "share": share, "seed": seed, "method": method, "wrong": int(wrong.sum()),
                "count": round(counts.get(method, float("nan")), 1), **{key: round(float(value), 4) for key, value in found.items()},
            }  # fmt: skip


def main() -> None:
    """All cells, one line each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--datasets", nargs="+", default=["digits", "mnist", "fashion_mnist"])
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=HERE / "results.csv")
    options = parser.parse_args()
    with options.out.open("w", newline="") as file:
        writer = None
        for name in options.datasets:
            points, true = features(name, options.weights, options.limit)
            for seed in options.seeds:
                for row in rows(name, seed, points, true):
                    writer = writer or csv.DictWriter(file, row.keys())
                    if file.tell() == 0:
                        writer.writeheader()
                    writer.writerow(row)
                    file.flush()


if __name__ == "__main__":
    main()
