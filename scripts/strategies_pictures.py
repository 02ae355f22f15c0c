"""Draw what each query strategy picks from a toy pool: `python scripts/strategies_pictures.py [name ...]`.

The same pool for all: blobs of unequal size in the plane, three classes that overlap, two small blobs in which nothing
is labelled yet, and some outliers. The model is a logistic regression on the few labelled points (crosses); draws come
from 20 such models, each trained on the labelled points drawn again. Dots and ground are coloured by predicted class, rings
are the batch, numbered in the order picked. Lengths mean something in the plane, so strategies that can scale
embeddings to length 1 do not; those that always look at directions alone are shown the plane from a point above it.
Multi-label strategies are left out. Pictures go to docs/pictures/strategies/.
"""

from __future__ import annotations

import dataclasses
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from poolwise.core.seeds import generator
from poolwise.core.types import Head, PoolView, Task

PICTURES = Path(__file__).resolve().parents[1] / "docs/pictures/strategies"
BLOBS = (  # class, points, labelled, centre, spread
    (0, 130, 4, (-3.2, -0.4), (1.0, 0.8)),
    (0, 22, 0, (-3.4, 3.1), (0.3, 0.3)),
    (1, 75, 3, (-0.2, 0.9), (0.8, 0.9)),
    (2, 90, 4, (2.8, 0.3), (0.9, 0.7)),
    (2, 14, 0, (1.2, -2.7), (0.25, 0.2)),
)
OUTLIERS = ((-5.8, 2.0), (-1.5, -3.3), (0.6, 3.7), (4.6, 3.3), (5.7, -2.1), (4.0, -3.1))
SIZE, DRAWS = 10, 20
COLOURS, TINTS, INK = ("#0067a8", "#c24e00", "#00795a"), ("#f1f7fb", "#fdf4ee", "#eff8f5"), "#1c2330"
INCHES, DPI = (3.6, 2.7), 100
BY_DIRECTION = ("alfa_mix", "auto", "drop_query", "information_density", "max_herding", "uherding")
HEIGHT = 6.0
"""From where these see the plane, in its units: about its radius, so that an angle nearly means a distance."""
APART = 15
"""Pixels between two numbers."""


def main() -> None:
    """Draw the named strategies, or all that are defined for one class a picture."""
    from omegaconf import OmegaConf

    from poolwise.core.parts import build_part, conf_dir

    view = toy_pool()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for path in sorted((conf_dir() / "query").glob("*.yaml")):
        strategy = build_part(OmegaConf.load(path))
        wanted = len(sys.argv) == 1 or path.stem in sys.argv[1:]
        if wanted and Task.MULTICLASS in getattr(strategy, "tasks", tuple(Task)):
            if hasattr(strategy, "unit_length"):
                strategy = dataclasses.replace(strategy, unit_length=False)
            seen = from_above(view) if path.stem in BY_DIRECTION else view
            query = strategy.select(seen, SIZE, generator(0, 0, "picture"))
            (PICTURES / f"{path.stem}.png").write_bytes(picture(path.stem, view, np.searchsorted(view.ids, query.ids)))
            print(path.stem)


def toy_pool() -> PoolView:
    """Everything a strategy may look at."""
    rng = np.random.default_rng(11)
    points = [np.array(centre) + rng.normal(size=(count, 2)) * spread for _, count, _, centre, spread in BLOBS]
    first = np.cumsum([0, *(count for _, count, _, _, _ in BLOBS[:-1])])
    labelled = np.concatenate([start + np.arange(blob[2]) for start, blob in zip(first, BLOBS, strict=True)])
    labels = np.concatenate([np.full(blob[2], blob[0]) for blob in BLOBS])
    embeddings = np.concatenate([*points, OUTLIERS]).astype(np.float32)
    ids = np.setdiff1d(np.arange(len(embeddings)), labelled)
    head, draws = models(embeddings[labelled], labels, rng)
    return PoolView(
        ids=ids,
        probs=probabilities(head, embeddings[ids]),
        embeddings=embeddings[ids],
        log_probs_nkc=np.stack([np.log(probabilities(draw, embeddings[ids])) for draw in draws], axis=1),
        labelled_ids=labelled,
        labels=labels,
        labelled_embeddings=embeddings[labelled],
        head=head,
    )


def from_above(view: PoolView) -> PoolView:
    """The same pool with a constant third feature, to which the last layer gives no weight."""

    def raised(points: NDArray[Any] | None, height: float) -> NDArray[np.float32]:
        assert points is not None
        return np.pad(points, ((0, 0), (0, 1)), constant_values=height).astype(np.float32)

    assert view.head is not None
    return dataclasses.replace(
        view,
        embeddings=raised(view.embeddings, HEIGHT),
        labelled_embeddings=raised(view.labelled_embeddings, HEIGHT),
        head=Head(raised(view.head.weights, 0), view.head.bias),
    )


def models(points: NDArray[Any], labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[Head, list[Head]]:
    """The last layer trained on all labelled points, and those trained on them drawn again class by class."""
    from sklearn.linear_model import LogisticRegression

    def trained(rows: NDArray[np.int64]) -> Head:
        fitted = LogisticRegression(C=1.0).fit(points[rows], labels[rows])
        return Head(fitted.coef_.astype(np.float32), fitted.intercept_.astype(np.float32))

    groups = [np.flatnonzero(labels == at) for at in np.unique(labels)]
    again = [np.concatenate([rng.choice(rows, len(rows)) for rows in groups]) for _ in range(DRAWS)]
    return trained(np.arange(len(labels))), [trained(rows) for rows in again]


def probabilities(head: Head, points: NDArray[Any]) -> NDArray[np.float32]:
    """(N, C) of a last layer."""
    logits = points @ head.weights.T + head.bias
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True), dtype=np.float32)


def picture(name: str, view: PoolView, rows: NDArray[np.int64]) -> bytes:
    """PNG of the pool with some rows marked, in few colours so that the file stays small."""
    from matplotlib.figure import Figure
    from PIL import Image

    assert view.embeddings is not None
    assert view.head is not None
    assert view.labels is not None
    figure = Figure(figsize=INCHES, dpi=DPI, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(-6.4, 6.4), ylim=(-4.0, 5.5))
    colours, predicted = np.array(COLOURS), probabilities(view.head, view.embeddings).argmax(axis=1)
    across, up = np.meshgrid(np.linspace(-6.4, 6.4, 400), np.linspace(-4.0, 5.5, 300))
    regions = probabilities(view.head, np.stack([across.ravel(), up.ravel()], axis=1)).argmax(axis=1)
    axes.contourf(across, up, regions.reshape(across.shape), levels=[-0.5, 0.5, 1.5, 2.5], colors=TINTS)
    axes.scatter(*view.embeddings.T, s=9, c=colours[predicted], alpha=0.45, linewidths=0)
    axes.scatter(*np.asarray(view.labelled_embeddings).T, s=34, c=colours[view.labels], marker="x", linewidths=1.8)
    axes.scatter(*view.embeddings[rows].T, s=34, facecolors="none", edgecolors=INK, linewidths=1.0)
    figure.canvas.draw()
    _number(axes, axes.transData.transform(view.embeddings[rows]))
    axes.text(0.02, 0.97, name, transform=axes.transAxes, va="top", color=INK, fontsize=10)
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", metadata={"Software": None})
    Image.open(raw).convert("RGB").quantize(96, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def _number(axes: Any, pixels: NDArray[Any]) -> None:
    """A number beside each ring, tied to it by a line where rings crowd."""
    places = _pushed_apart(pixels)
    for at, (ring, place) in enumerate(zip(pixels, places, strict=True), start=1):
        middle, end = axes.transData.inverted().transform([ring, place])
        axes.plot(*np.array([middle, end]).T, color=INK, linewidth=0.6, zorder=3)
        circle = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": INK, "linewidth": 0.8}
        axes.text(*end, str(at), ha="center", va="center", color=INK, fontsize=7, bbox=circle, zorder=4)


def _pushed_apart(pixels: NDArray[Any]) -> NDArray[Any]:
    """Places of the numbers: near their rings, apart from one another, inside the picture."""
    angles = np.linspace(0, 2 * np.pi, len(pixels), endpoint=False)
    places = pixels + 0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)  # equal points must differ to be pushed
    for _ in range(300):
        gaps = places[:, None] - places[None]
        far = np.linalg.norm(gaps, axis=2) + 10 * APART * np.eye(len(places))
        push = np.maximum(APART - far, 0) / far
        places = places + 0.25 * (gaps * push[:, :, None]).sum(axis=1) + 0.002 * (pixels - places)
        places = places.clip(8, np.array(INCHES) * DPI - 8)
    return places


if __name__ == "__main__":
    main()
