"""How well a loop foretells what its next batch brings, on the finished rounds of the benchmark of strategies.

    python experiments/next_batch/ahead.py

Reads experiments/strategies/results.csv, writes results.csv beside this file and prints its means.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from poolwise.metric.curve.outlook import outlook

HERE = Path(__file__).parent
STRATEGIES, SEEDS, EARLY = ("random", "margin", "auto", "badge"), ("0", "1", "2"), 6
"""Rounds before the sixth are early ones."""


def main() -> None:
    """Every round from the fourth on, foretold by those before it."""
    runs = defaultdict(dict)
    with (HERE.parent / "strategies" / "results.csv").open() as file:
        for row in csv.DictReader(file):
            if row["strategy"] in STRATEGIES and row["seed"] in SEEDS and row["score"]:
                key = tuple(row[name] for name in ("dataset", "regime", "strategy", "seed"))
                runs[key][int(row["labelled"])] = float(row["score"])
    found = []
    for key, points in runs.items():
        counts = sorted(points)
        scores = [points[count] for count in counts]
        for at in range(3, len(counts)):
            ahead = outlook(counts[:at], scores[:at], counts[at] - counts[at - 1])
            if ahead is not None:
                row = dict(zip(("dataset", "regime", "strategy", "seed"), key, strict=True))
                numbers = {"foretold": ahead.score, "low": ahead.low, "high": ahead.high, "gain": ahead.gain}
                numbers |= {"last": scores[at - 1], "true": scores[at]}
                found.append(
                    {**row, "labels": counts[at], "early": at < EARLY, **{k: round(v, 5) for k, v in numbers.items()}}
                )
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, found[0])
        writer.writeheader()
        writer.writerows(found)
    for early in (True, False):
        for strategy in ("all", *STRATEGIES):
            mine = [row for row in found if row["early"] == early and strategy in ("all", row["strategy"])]
            true, told, last = (np.array([row[name] for row in mine]) for name in ("true", "foretold", "last"))
            held = np.mean([row["low"] <= row["true"] <= row["high"] for row in mine])
            gain = np.mean([row["gain"] for row in mine])
            print(
                f"{'early' if early else 'late'} {strategy:8} rounds {len(mine):4} foretold misses {100 * abs(told - true).mean():.2f} "
                f"last misses {100 * abs(last - true).mean():.2f} held {held:.2f} gain {100 * gain:.2f} true gain {100 * (true - last).mean():.2f}"
            )


if __name__ == "__main__":
    main()
