"""Forecasts from a tenth of the data beside what was measured: `python collect.py RUNS_FOLDER NAME ...`.

NAME is a run on small sizes, NAME-truth one on the sizes that are forecast, with the same settings.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np

import poolwise
from poolwise.benchmark.results import as_csv
from poolwise.doors.curve import families

HERE = Path(__file__).parent
KERAS = "keras form"
"""accuracy = a n^b, as in the example of keras.io: least squares on logarithms."""
POWER = "power law"
"""error = a + b n^-c by scipy's curve_fit with its defaults, unweighted, as people do; nan where it gives up."""
STYLES = {
    "last1": ("#5b6472", ":"),
    KERAS: ("#a8457d", (0, (1, 1.2))),
    POWER: ("#c24e00", (0, (4, 2))),
    "pow2": ("#00795a", (0, (6, 2))),
}
SHOWN = 120

Points = dict[float, list[float]]
Rows = list[dict[str, Any]]


def points(folder: Path) -> Points:
    """Size -> accuracy of each of its trainings."""
    found: Points = {}
    for row in csv.DictReader((folder / "points.csv").read_text(encoding="utf-8").splitlines()):
        found.setdefault(float(row["size"]), []).append(float(row["accuracy"]))
    return found


def naive(name: str, seen: Points, n: np.ndarray) -> np.ndarray:
    """Accuracies at sizes n by one of the two fits that are not poolwise's."""
    from scipy.optimize import curve_fit

    sizes, means = np.array(list(seen)), np.array([np.mean(row) for row in seen.values()])
    if name == KERAS:
        power, log_scale = np.polyfit(np.log(sizes), np.log(means), 1)
        return np.exp(log_scale) * n**power
    u, last = sizes / sizes[-1], 1 - means[-1]
    try:
        best, _ = curve_fit(lambda u, a, b, c: a + b * u**-c, u, 1 - means, p0=(last / 2, last / 2, 0.5), maxfev=5000)
    except RuntimeError:
        return np.full(len(n), np.nan)
    return 1 - best[0] - best[1] * (n / sizes[-1]) ** -best[2]


def forecasts(run: str, seen: Points, truth: Points) -> Rows:
    """A row a method and size: what is forecast, and by how much it misses the mean of the trainings of that size."""
    n, means = np.array(list(truth)), [np.mean(row) for row in truth.values()]
    table: Rows = []
    for method in ("auto", *(name for name in families() if name != "auto"), POWER, KERAS):
        if method in (POWER, KERAS):
            mean, low, high = naive(method, seen, n), *np.full((2, len(n)), np.nan)
        else:
            mean, low, high = poolwise.fit_learning_curve(list(seen), list(seen.values()), family=method).predict(n)
        for size, *told, true in zip(n, mean, low, high, means, strict=True):
            held = float(told[1] <= true <= told[2]) if np.isfinite(told[1]) else np.nan
            row = dict(zip(("mean", "low", "high", "truth"), (round(float(x), 4) for x in (*told, true)), strict=True))
            table.append(
                {"run": run, "method": method, "size": int(size), "times": round(size / max(seen)), **row, "held": held}
            )
    return table


def required(run: str, seen: Points, truth: Points) -> Rows:
    """Labels that the accuracy measured at each larger size needs, by the fit and by the naive answers."""
    fit = poolwise.fit_learning_curve(list(seen), list(seen.values()))
    n = np.geomspace(min(seen), 64 * max(seen), 20_000)
    table: Rows = []
    for size, scores in truth.items():
        target = float(np.mean(scores))
        row: dict[str, Any] = {"run": run, "target": round(target, 4), "size": int(size)}
        row |= dict(zip(("p10", "p50", "p90"), fit.required(target), strict=True))
        row |= {"reachable": round(fit.reachable(target), 3)}
        for name in (POWER, KERAS):
            enough = n[naive(name, seen, n) >= target]
            row[name] = float(enough[0]) if len(enough) else np.inf
        table.append(row)
    return table


def draw(runs: dict[str, tuple[Points, Points]], file: Path) -> None:
    """One panel a run: measured small sizes, forecasts, and what was measured later."""
    from matplotlib.figure import Figure

    columns = (len(runs) + 1) // 2
    figure = Figure(figsize=(5.2 * columns, 7.6), layout="constrained")
    for panel, (run, (seen, truth)) in zip(
        figure.subplots(2, columns, squeeze=False).T.ravel(), runs.items(), strict=False
    ):
        n = np.geomspace(min(seen), max(truth), SHOWN)
        mean, low, high = (100 * x for x in poolwise.fit_learning_curve(list(seen), list(seen.values())).predict(n))
        panel.fill_between(n, low, high, color="#0067a8", alpha=0.15, lw=0, label="auto, 80 % interval")
        panel.plot(n, mean, color="#0067a8", lw=2, label="auto")
        for name, (colour, dash) in STYLES.items():
            if name in (POWER, KERAS):
                told = naive(name, seen, n)
            else:
                told = poolwise.fit_learning_curve(list(seen), list(seen.values()), family=name).predict(n).mean
            panel.plot(n, 100 * told, color=colour, ls=dash, lw=1.4, label=name)
        for marker, face, label, measured in (
            ("o", "#1c2330", "fitted", seen),
            ("D", "white", "measured later", truth),
        ):
            xy = np.array([(size, 100 * score) for size, row in measured.items() for score in row])
            panel.plot(*xy.T, ls="", marker=marker, ms=5, mfc=face, mec="#1c2330", label=label, zorder=3)
        scores = [score for row in (*seen.values(), *truth.values()) for score in row]
        panel.set(title=run, xscale="log", xlabel="labels", ylabel="test accuracy, %")
        panel.set_ylim(100 * min(scores) - 2, min(100.5, 100 * max(scores) + 0.35 * 100 * (max(scores) - min(scores))))
        panel.grid(alpha=0.25)
    panel.legend(frameon=False, loc="lower right", fontsize=9)
    figure.savefig(file, dpi=110)


def main() -> None:
    """Write results.csv, forecasts.csv, required.csv and forecasts.png; print the tables of the page."""
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    runs = {name: (points(folder / name), points(folder / f"{name}-truth")) for name in names}
    whole = {
        "results": [
            {"run": run, "part": part, "size": int(size), "repeat": at, "accuracy": round(score, 4)}
            for run, both in runs.items()
            for part, found in zip(("fitted", "truth"), both, strict=True)
            for size, row in found.items()
            for at, score in enumerate(row)
        ],
        "forecasts": [row for run, both in runs.items() for row in forecasts(run, *both)],
        "required": [row for run, both in runs.items() for row in required(run, *both)],
    }
    for name, table in whole.items():
        (HERE / f"{name}.csv").write_text(as_csv(table), encoding="utf-8")
    draw(runs, HERE / "forecasts.png")
    for row in whole["forecasts"]:
        gap = f"{100 * (row['mean'] - row['truth']):+.2f}"
        print(f"| {row['run']} | {row['method']} | {row['times']} x | {100 * row['truth']:.1f} | {100 * row['mean']:.1f} "
              f"({100 * row['low']:.1f} to {100 * row['high']:.1f}) | {gap} |")  # fmt: skip
    for row in whole["required"]:
        print(row)


if __name__ == "__main__":
    main()
