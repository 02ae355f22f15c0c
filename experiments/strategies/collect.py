"""The tables and the picture of this experiment, from a finished benchmark: python experiments/strategies/collect.py runs/strategies.

Says whether `auto` keeps what is asked of a default: never significantly below random drawing, as good as the best
single strategy (no significant paired difference, or ahead) in 70 % of the settings, best mean rank in each regime.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
HOUSE, CHANCE = "auto", "random"
LEVEL = 0.05


def versus(pairs: pd.DataFrame, setting: tuple[str, str], first: str, second: str) -> tuple[float, float]:
    """(mean difference of AUBC first - second in points, its unadjusted p) over shared seeds."""
    mine = pairs[(pairs.dataset == setting[0]) & (pairs.regime == setting[1])]
    row = mine[(mine["first"] == first) & (mine.second == second)]
    if len(row):
        return 100 * float(row.difference.iloc[0]), float(row.p.iloc[0])
    row = mine[(mine["first"] == second) & (mine.second == first)]
    return -100 * float(row.difference.iloc[0]), float(row.p.iloc[0])


def verdicts(summary: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """One row a setting: auto against random and against the best single strategy."""
    rows = []
    for setting, part in summary.groupby(["dataset", "regime"], sort=False):
        singles = part[~part.strategy.isin([HOUSE, CHANCE])]
        best = str(singles.loc[singles.aubc.idxmax(), "strategy"])
        gain, p_gain = versus(pairs, setting, HOUSE, CHANCE)
        lead, p_lead = versus(pairs, setting, HOUSE, best)
        rows.append({
            "dataset": setting[0], "regime": setting[1], "seeds": int(part.seeds.min()),
            "random_aubc": 100 * float(part[part.strategy == CHANCE].aubc.iloc[0]), "auto_minus_random": gain, "p_random": p_gain,
            "best_single": best, "auto_minus_best": lead, "p_best": p_lead,
            "worse_than_random": gain < 0 and p_gain < LEVEL, "ties_or_beats_best": lead >= 0 or p_lead >= LEVEL,
            "ahead_of_best": lead >= 0,
        })  # fmt: skip
    return pd.DataFrame(rows)


def points(summary: pd.DataFrame, regime: str) -> pd.DataFrame:
    """AUBC minus that of random in points, a row a data set, a column a strategy; then mean ranks, of mean curves and of seeds."""
    mine = summary[summary.regime == regime]
    table = mine.pivot(index="dataset", columns="strategy", values="aubc").loc[
        mine.dataset.unique(), mine.strategy.unique()
    ]
    ranks = table.rank(axis=1, ascending=False).mean()
    found = 100 * table.sub(table[CHANCE], axis=0)
    found.loc["mean rank"] = ranks
    found.loc["mean rank of seeds"] = mine.groupby("strategy")["rank"].mean()
    return found


def draw(results: pd.DataFrame, file: Path) -> None:
    """Mean curves, random subtracted: a row a regime, a column a data set."""
    regimes, datasets = results.regime.unique(), results.dataset.unique()
    shown = [HOUSE, "weighted_k_means", "max_herding", "margin", "badge", "typiclust", "entropy", "core_set"]
    figure, axes = plt.subplots(
        len(regimes),
        len(datasets),
        figsize=(2.3 * len(datasets), 2.4 * len(regimes)),
        squeeze=False,
        layout="constrained",
    )
    mean = 100 * results.groupby(["dataset", "regime", "strategy", "labelled"]).score.mean()
    for row, regime in enumerate(regimes):
        for column, dataset in enumerate(datasets):
            axis, chance = axes[row][column], mean[dataset, regime, CHANCE]
            for at, name in enumerate(shown):
                own = mean[dataset, regime, name] - chance
                axis.plot(own.index, own, color=f"C{at}", label=name, lw=2.4 if name == HOUSE else 1)
            axis.axhline(0, color="black", lw=0.6)
            axis.set_title(f"{dataset}, {regime}", fontsize=8)
            axis.tick_params(labelsize=7)
            low = min(
                (mean[dataset, regime, name] - chance).min() for name in shown if name not in ("entropy", "core_set")
            )
            high = max((mean[dataset, regime, name] - chance).max() for name in shown)
            axis.set_ylim(min(-2, low) - 0.5, high + 0.5)
    axes[0][0].set_ylabel("points ahead of random", fontsize=8)
    figure.supxlabel("labels", fontsize=8)
    figure.legend(
        *axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=len(shown), fontsize=8, frameon=False
    )
    figure.savefig(file, dpi=110)


def main() -> None:
    """Print the tables, write the picture and copies of the numbers beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    summary, pairs, results = (pd.read_csv(folder / f"{name}.csv") for name in ("summary", "pairs", "results"))
    found = verdicts(summary, pairs)
    for regime in summary.regime.unique():
        print(f"\n{regime}: AUBC minus random's, points\n{points(summary, regime).round(2).to_markdown()}")
    print(f"\n{found.round(3).to_markdown(index=False)}")
    print(
        f"\nworse than random: {int(found.worse_than_random.sum())} of {len(found)}; ties or beats the best single strategy: "
        f"{int(found.ties_or_beats_best.sum())} of {len(found)}; ahead of it: {int(found.ahead_of_best.sum())}"
    )
    for name in ("summary", "pairs", "results"):
        shutil.copy(folder / f"{name}.csv", HERE / f"{name}.csv")
    found.round(5).to_csv(HERE / "verdicts.csv", index=False)
    draw(results, HERE / "curves.png")


if __name__ == "__main__":
    main()
