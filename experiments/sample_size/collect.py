"""Forecasts from a tenth of the data beside what was measured: `python collect.py RUNS_FOLDER LABEL=FITTED:MEASURED ...`.

FITTED is a run on small sizes, MEASURED one on the sizes that are forecast; FITTED+OTHER takes the sizes of OTHER in the place of
those of FITTED.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

import poolwise
from poolwise.jobs.benchmark.results import as_csv
from poolwise.metric.api import families

HERE = Path(__file__).parent
KERAS, POWER = "keras.io", "plain pow3"
"""accuracy = a n^b by least squares on logarithms; error = a + b n^-c by scipy's curve_fit with its defaults, unweighted."""
FAMILIES = ("auto", *(name for name in families() if name not in ("auto", "last1")))
STYLES = {
    "last point": ("#5b6472", ":"),
    KERAS: ("#a8457d", (0, (1, 1.2))),
    POWER: ("#c24e00", (0, (4, 2))),
    "pow2": ("#00795a", (0, (6, 2))),
}
COLUMNS = 4

Points = dict[float, list[float]]
Rows = list[dict[str, Any]]


def points(folder: Path) -> Points:
    """Size -> accuracy of each of its trainings."""
    found: Points = {}
    for row in csv.DictReader((folder / "points.csv").read_text(encoding="utf-8").splitlines()):
        found.setdefault(float(row["size"]), []).append(float(row["accuracy"]))
    return found


def read(folder: Path, wanted: str) -> tuple[Points, Points]:
    """What is fitted, and what was measured beyond it."""
    fitted, _, measured = wanted.partition(":")
    seen: Points = {}
    for name in fitted.split("+"):
        seen |= points(folder / name)
    return dict(sorted(seen.items())), points(folder / measured)


def forecast(method: str, seen: Points, n: np.ndarray) -> tuple[np.ndarray, ...]:
    """Accuracies at sizes n, and the 80 % interval of those methods that have one."""
    from scipy.optimize import curve_fit

    if method in FAMILIES:
        return tuple(poolwise.fit_learning_curve(list(seen), list(seen.values()), family=method).predict(n))
    sizes, means = np.array(list(seen)), np.array([np.mean(row) for row in seen.values()])
    told = np.full((3, len(n)), np.nan)
    if method == "last point":
        told[0] = means[-1]
    elif method == KERAS:
        power, scale = np.polyfit(np.log(sizes), np.log(means), 1)
        told[0] = np.exp(scale) * n**power
    else:
        u, last = sizes / sizes[-1], 1 - means[-1]
        start = (last / 2, last / 2, 0.5)
        a, b, c = curve_fit(lambda u, a, b, c: a + b * u**-c, u, 1 - means, p0=start, maxfev=20_000)[0]
        told[0] = 1 - a - b * (n / sizes[-1]) ** -c
    return tuple(told)


def missed(run: str, seen: Points, truth: Points) -> Rows:
    """A row a method and size: what is forecast, and the mean of the trainings of that size."""
    table: Rows = []
    for method in (*FAMILIES, *(name for name in STYLES if name not in FAMILIES)):
        for size, scores, *told in zip(
            truth, truth.values(), *forecast(method, seen, np.array(list(truth))), strict=True
        ):
            numbers = zip(("mean", "low", "high", "truth"), (*told, np.mean(scores)), strict=True)
            row = {name: round(float(value), 4) for name, value in numbers}
            table.append({"run": run, "method": method, "size": int(size), "times": round(size / max(seen)), **row})
    return table


def required(run: str, seen: Points, truth: Points) -> Rows:
    """Labels for an accuracy that is truly reached at a larger size and at none before, by the fit and by naive ones."""
    fit = poolwise.fit_learning_curve(list(seen), list(seen.values()))
    n, best, table = np.geomspace(min(seen), 64 * max(seen), 2_000), np.mean(seen[max(seen)]), []
    for size, target in ((size, float(np.mean(scores))) for size, scores in truth.items()):
        if target > best:
            row: dict[str, Any] = {"run": run, "target": round(target, 4), "size": int(size)}
            row |= dict(zip(("p10", "p50", "p90"), np.round(fit.required(target)), strict=True))
            row |= {"reachable": round(fit.reachable(target), 3)}
            for name in ("pow2", POWER, KERAS):
                enough = n[forecast(name, seen, n)[0] >= target]
                row[name] = round(float(enough[0])) if len(enough) else np.inf
            table.append(row)
        best = max(best, target)
    return table


def draw(runs: dict[str, tuple[Points, Points]], file: Path) -> None:
    """One panel a run: measured small sizes, forecasts, and what was measured later."""
    from matplotlib.figure import Figure

    rows = -(-len(runs) // COLUMNS)
    figure = Figure(figsize=(3.9 * COLUMNS, 3.5 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel in panels[len(runs) :]:
        panel.axis("off")
    for panel, (run, (seen, truth)) in zip(panels, runs.items(), strict=False):
        n = np.geomspace(min(seen), max(truth), 120)
        mean, low, high = (100 * x for x in forecast("auto", seen, n))
        panel.fill_between(n, low, high, color="#0067a8", alpha=0.15, lw=0, label="auto, 80 % interval")
        panel.plot(n, mean, color="#0067a8", lw=2, label="auto")
        for name, (colour, dash) in STYLES.items():
            panel.plot(n, 100 * forecast(name, seen, n)[0], color=colour, ls=dash, lw=1.4, label=name)
        for marker, face, label, part in (("o", "#1c2330", "fitted", seen), ("D", "white", "measured later", truth)):
            xy = np.array([(size, 100 * score) for size, row in part.items() for score in row])
            panel.plot(*xy.T, ls="", marker=marker, ms=4.5, mfc=face, mec="#1c2330", label=label, zorder=3)
        scores = [100 * score for row in (*seen.values(), *truth.values()) for score in row]
        span = max(scores) - min(scores)
        panel.set(title=run, xscale="log", xlabel="labels", ylabel="test accuracy, %")
        panel.set_ylim(min(scores) - 0.05 * span, max(scores) + 0.35 * span)
        panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.grid(alpha=0.25)
    panels[-1].legend(*panels[0].get_legend_handles_labels(), frameon=False, loc="center")
    figure.savefig(file, dpi=100)


def main() -> None:
    """Write results.csv, forecasts.csv, required.csv and forecasts.png; print the tables of the page."""
    wanted = dict(each.split("=", 1) for each in sys.argv[2:])
    runs = {label: read(Path(sys.argv[1]), each) for label, each in wanted.items()}
    results: Rows = [
        {"run": run, "part": part, "size": int(size), "repeat": at, "accuracy": round(score, 4)}
        for run, both in runs.items()
        for part, found in zip(("fitted", "truth"), both, strict=True)
        for size, row in found.items()
        for at, score in enumerate(row)
    ]
    forecasts = [row for run, both in runs.items() for row in missed(run, *both)]
    needs = [row for run, both in runs.items() for row in required(run, *both)]
    for name, table in (("results", results), ("forecasts", forecasts), ("required", needs)):
        (HERE / f"{name}.csv").write_text(as_csv(table), encoding="utf-8")
    draw(runs, HERE / "forecasts.png")
    for row in forecasts:
        if row["method"] == "auto":
            told = " | ".join(f"{100 * row[name]:.1f}" for name in ("truth", "mean", "low", "high"))
            print(f"| {row['run']} | {row['size']:,} | {told} | {100 * (row['mean'] - row['truth']):+.1f} |")
    for method in dict.fromkeys(row["method"] for row in forecasts):
        gaps = [
            [
                f"{100 * (row['mean'] - row['truth']):+.1f}"
                for row in forecasts
                if (row["run"], row["method"]) == (run, method)
            ]
            for run in runs
        ]
        print(f"| `{method}` | {' | '.join(' / '.join(each) for each in gaps)} |")
    print(as_csv(needs))


if __name__ == "__main__":
    main()
