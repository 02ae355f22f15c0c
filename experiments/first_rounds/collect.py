"""From summary.json of each run to results.csv, the table and the picture: `collect.py RUNS_FOLDER`."""

from __future__ import annotations

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ORDER = ("random", "margin", "badge", "core_set", "clustered")
COLOURS = {"random": "#777777", "margin": "#0072b2", "badge": "#d55e00", "core_set": "#cc79a7", "clustered": "#009e73"}


def rows(folder: Path) -> list[dict[str, object]]:
    """One row a run and round."""
    found = []
    for file in sorted(folder.glob("*/summary.json")):
        summary = json.loads(file.read_text())
        run = summary["runs"][0]
        for round_ in run["rounds"]:
            found.append(
                {
                    "data": summary["data"]["name"],
                    "strategy": summary["strategy"],
                    "seed": summary["seed"],
                    "labels": round_["labelled"],
                    "accuracy": round(round_["metrics"]["accuracy"], 4),
                    "seconds": round(sum(round_["seconds"].values()), 1),
                }
            )
    return found


def curves(table: list[dict[str, object]]) -> dict[tuple[str, str], np.ndarray]:
    """(data, strategy) -> (seeds, labels) accuracies; seeds without every round are left out."""
    cells: dict[tuple[str, str], dict[int, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in table:
        cells[str(row["data"]), str(row["strategy"])][int(row["seed"])][int(row["labels"])] = float(row["accuracy"])
    longest = max(len(runs) for cell in cells.values() for runs in cell.values())
    return {
        key: np.array([[runs[n] for n in sorted(runs)] for _, runs in sorted(cell.items()) if len(runs) == longest])
        for key, cell in cells.items()
    }


def write_table(found: dict[tuple[str, str], np.ndarray], labels: list[int]) -> str:
    """Mean over seeds at some sizes; paired differences to random with 95 % intervals (t, over seeds)."""
    shown = [0, 1, 2, len(labels) // 2, len(labels) - 1]
    span = labels[-1] - labels[0]
    lines = []
    for data in sorted({data for data, _ in found}):
        lines += [f"\n**{data}**, accuracy in %, mean over seeds; points against random with 95 % intervals\n"]
        sizes = " | ".join(f"{labels[at]:,}" for at in shown)
        lines += [
            f"| strategy | {sizes} | at {labels[1]:,} | at {labels[-1]:,} | whole curve |",
            "|---" * (len(shown) + 4) + "|",
        ]
        other = 100 * found[data, "random"]
        for strategy in (name for name in ORDER if (data, name) in found):
            scores = 100 * found[data, strategy]
            means = " | ".join(f"{scores[:, at].mean():.1f}" for at in shown)
            areas = [np.trapezoid(curve, labels, axis=1) / span for curve in (scores, other)]
            gains = [scores[:, 1] - other[:, 1], scores[:, -1] - other[:, -1], areas[0] - areas[1]]
            against = " | ".join("" if strategy == "random" else interval(gain) for gain in gains)
            lines += [f"| {strategy} | {means} | {against} |"]
    return "\n".join(lines)


def interval(gain: np.ndarray) -> str:
    """Mean and half width of the 95 % interval of paired differences."""
    from scipy.stats import t

    half = t.ppf(0.975, len(gain) - 1) * gain.std(ddof=1) / len(gain) ** 0.5
    return f"{gain.mean():+.1f} ± {half:.1f}"


def draw(found: dict[tuple[str, str], np.ndarray], labels: list[int], file: Path) -> None:
    """Mean curves with the range over seeds, one panel a data set."""
    from matplotlib.figure import Figure

    sets = sorted({data for data, _ in found})
    figure = Figure(figsize=(6 * len(sets), 4.2), layout="constrained")
    for panel, data in zip(np.atleast_1d(figure.subplots(1, len(sets))), sets, strict=True):
        for strategy in ORDER:
            if (data, strategy) in found:
                scores = 100 * found[data, strategy]
                panel.fill_between(
                    labels, scores.min(axis=0), scores.max(axis=0), color=COLOURS[strategy], alpha=0.12, lw=0
                )
                panel.plot(labels, scores.mean(axis=0), color=COLOURS[strategy], label=strategy, lw=1.6)
        floor = np.median([found[data, s][:, 1].mean() for s in ORDER if (data, s) in found])
        panel.set(title=data, xlabel="labels", ylabel="test accuracy, %", ylim=(100 * floor - 6, None))
        panel.grid(alpha=0.25)
        panel.legend(frameon=False)
    figure.savefig(file, dpi=110)


def main() -> None:
    """Write results.csv and curves.png beside this file, print the table."""
    table = rows(Path(sys.argv[1]))
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    labels = sorted({int(row["labels"]) for row in table})
    found = curves(table)
    draw(found, labels, HERE / "curves.png")
    print(write_table(found, labels))


if __name__ == "__main__":
    main()
