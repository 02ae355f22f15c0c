"""How far extrapolated learning curves miss, and what their intervals hold: `python scripts/bench_curve.py`.

    python scripts/bench_curve.py --data lcdb11_calibration.csv --draws 3
    python scripts/bench_curve.py --data lcdb11_calibration.csv --families auto pow3 mmf4 --sizes 5

Measured curves end at some size; they are cut at 1/2, 1/4, 1/8 and 1/16 of it, five repeats a size are drawn around the
published means, clipped to [0, 1], and the published mean at exactly 2, 4, 8 and 16 times the largest size left is the
truth. The file has columns openml_id, classes, learner, n, test_err, test_se, the sizes being ceil(16 * 2^(k/8)).
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

import poolwise

Values = np.ndarray
STEPS = {3: (-27, -13, 0), 5: (-27, -19, -11, -4, 0), 10: (-27, -24, -21, -18, -15, -12, -9, -6, -3, 0)}
"""Eighths of a doubling below the largest size: tenfold spans of 3, 5 and 10 sizes."""
STEP = {int(np.ceil(16 * 2 ** (step / 8) - 1e-9)): step for step in range(120)}
FAR = (2, 4, 8, 16)
RUNS = 5
"""One run scatters by five times the published standard error of 25 splits."""
HALF = ("6", "12", "16", "40979", "40996", "42810")
"""Data sets on which choices were made; the others are the test half."""
BARS = {2: 2.8, 4: 4.1, 8: 5.6}


@dataclass(frozen=True, eq=False)
class Task:
    """A curve cut off: sizes with mean and standard error (K,), and the truth (4,) beyond, NaN where there is none."""

    source: str
    sizes: Values
    errors: Values
    noise: Values
    truth: Values

    def repeats(self, rng: np.random.Generator, many: int = 5) -> Values:
        """(K, many) errors."""
        drawn = rng.normal(self.errors[:, None], RUNS * self.noise[:, None], (len(self.sizes), many))
        return np.clip(drawn, 0, 1)


def tasks(path: Path, many: int) -> Iterator[Task]:
    """Every curve, cut where the protocol allows: 100 samples and 10 a class at the largest size left."""
    curves = defaultdict(dict)
    with path.open() as lines:
        for row in csv.DictReader(lines):
            if int(row["n"]) in STEP:
                key = row["openml_id"], row["learner"], int(row["classes"])
                curves[key][STEP[int(row["n"])]] = int(row["n"]), float(row["test_err"]), float(row["test_se"])
    for (source, _, classes), curve in sorted(curves.items()):
        for cut in (1, 2, 3, 4):
            last = max(curve) - 8 * cut
            used = [last + step for step in STEPS[many]]
            if all(step in curve for step in used) and curve[last][0] >= max(100, 10 * classes):
                truth = [curve.get(last + 8 * double, (0, np.nan))[1] for double in (1, 2, 3, 4)]
                yield Task(source, *np.array([curve[step] for step in used]).T, np.array(truth))


def by_family(family: str) -> Callable[[Values, Values, Values], tuple[Values, ...]]:
    """Mean, low and high error by a family of poolwise, and the fit itself."""

    def forecast(sizes: Values, errors: Values, n: Values) -> tuple[Values, ...]:
        fit = poolwise.fit_learning_curve(sizes, 1 - errors, family=family)
        mean, low, high = fit.predict(n)
        assert 0 <= np.min([mean, low]) <= np.max([mean, high]) <= 1, "outside [0, 1]"
        return 1 - mean, 1 - high, 1 - low

    return forecast


def plain_pow3(sizes: Values, errors: Values, n: Values) -> tuple[Values, ...]:
    """A power law a + b n^-c by scipy's curve_fit with its defaults, unweighted, as people do; the last point where it fails."""
    u, mean = sizes / sizes[-1], errors.mean(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            best, _ = curve_fit(
                lambda u, a, b, c: a + b * u**-c, u, mean, p0=(mean[-1] / 2, mean[-1] / 2, 0.5), maxfev=5000
            )
            found = best[0] + best[1] * (n / sizes[-1]) ** -best[2]
        except RuntimeError:
            found = np.full(len(n), mean[-1])
    return (np.clip(found, -1, 2),) + (np.zeros(len(n)),) * 2


def last_point(sizes: Values, errors: Values, n: Values) -> tuple[Values, ...]:
    """The largest size, repeated."""
    return (np.full(len(n), errors[-1].mean()),) + (np.zeros(len(n)),) * 2


def measured(found: Sequence[Task], forecast: Callable, draws: int, repeats: int) -> tuple[Values, float]:
    """(draws * tasks, 4, 3) miss, whether the interval holds the truth, its width; and milliseconds of CPU each."""
    table, seconds = [], 0.0
    for draw in range(draws):
        for number, task in enumerate(found):
            errors = task.repeats(np.random.default_rng([draw, number]), repeats)
            start = time.process_time()
            mean, low, high = forecast(task.sizes, errors, task.sizes[-1] * np.array(FAR))
            seconds += time.process_time() - start
            held = np.where(np.isnan(task.truth), np.nan, (low <= task.truth) & (task.truth <= high))
            table.append(np.stack([mean - task.truth, held, high - low], axis=1))
    return np.array(table), 1000 * seconds / len(table)


def shown(name: str, many: int, table: Values, cost: float) -> None:
    """One row for a page."""
    miss, held, width = 100 * table[:, :, 0], table[:, :, 1], 100 * table[:, :, 2]
    parts = (np.nanmean(abs(miss), 0), np.sqrt(np.nanmean(miss**2, 0)), np.nanmean(held, 0), np.nanmedian(width, 0))
    cells = [" / ".join(f"{value:.2f}" for value in part) for part in parts]
    print(f"| {name} | {many} | {' | '.join(cells)} | {cost:.0f} |", flush=True)


def required(found: Sequence[Task], draws: int, family: str) -> None:
    """Required over true size, for the score that is truly reached at 2, 4 and 8 times the largest size measured."""
    print("| target reached at | tasks | median ratio | over twice | under half | 80 % interval holds |")
    print("|---|---|---|---|---|---|")
    for at, times in enumerate(FAR[:3]):
        ratios, held = [], []
        for draw in range(draws):
            for number, task in enumerate(found):
                truth = task.truth[at]
                # a target that a smaller size does not reach, and that lies clearly below what was measured
                if np.isnan(truth) or truth > 0.97 * task.errors.min() or (task.truth[:at] <= truth).any():
                    continue
                errors = task.repeats(np.random.default_rng([draw, number]))
                sizes = poolwise.fit_learning_curve(task.sizes, 1 - errors, family=family).required(1 - truth)
                ratios.append(sizes.p50 / (times * task.sizes[-1]))
                held.append(sizes.p10 <= times * task.sizes[-1] <= sizes.p90)
        r = np.array(ratios)
        shares = f"{np.mean(r > 2):.2f} | {np.mean(r < 0.5):.2f} | {np.mean(held):.2f}"
        print(f"| {times} x | {len(r)} | {np.median(r):.2f} | {shares} |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--families", nargs="+", default=["auto"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[3, 5, 10], choices=list(STEPS))
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--half", choices=["all", "chosen_on", "test"], default="test")
    parser.add_argument("--stride", type=int, default=1, help="only every so manyth task")
    parser.add_argument("--required", action="store_true")
    given = parser.parse_args()
    simple = {"last point": last_point, "plain pow3": plain_pow3}
    print("| method | sizes | mean absolute error at 2/4/8/16 x | RMSE | 80 % holds | median width | ms |")
    print("|---|---|---|---|---|---|---|")
    for many in given.sizes:
        found = [
            t
            for t in tasks(given.data, many)
            if given.half == "all" or (t.source in HALF) == (given.half == "chosen_on")
        ]
        found = found[:: given.stride]
        for name in given.families:
            shown(name, many, *measured(found, simple.get(name) or by_family(name), given.draws, given.repeats))
        counts = (~np.isnan([task.truth for task in found])).sum(axis=0)
    print(f"\n{len(found)} tasks, {counts.tolist()} at 2/4/8/16 x\n")
    if given.required:
        required(found, given.draws, given.families[0])


if __name__ == "__main__":
    main()
