"""Put the tables of several comparisons into one, with a picture: `python collect.py NAME=RUN_FOLDER ...`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

from poolwise.jobs.benchmark.results import as_csv
from poolwise.report.compare_chart import arms_chart

HERE = Path(__file__).parent
WORDS = {"arm", "test_set", "metric", "against", "verdict", "class"}


def rows(name: str, folder: str, table: str) -> list[dict[str, Any]]:
    """A table of one comparison, numbers as numbers, with the comparison's name in front."""
    text = (Path(folder) / f"{table}.csv").read_text(encoding="utf-8")
    found = csv.DictReader(text.splitlines())
    return [{"run": name, **{k: v if k in WORDS else float(v or "nan") for k, v in row.items()}} for row in found]


def main() -> None:
    """Write results.csv, summary.csv, removed.csv and arms.png; print the table of the page."""
    runs = dict(each.split("=", 1) for each in sys.argv[1:])
    whole = {
        table: [row for name, folder in runs.items() for row in rows(name, folder, table)]
        for table in ("results", "summary", "removed")
    }
    for table, found in whole.items():
        (HERE / f"{table}.csv").write_text(as_csv(found), encoding="utf-8")
    chart = [
        [{**row, "test_set": f"{row['run']}: corrected"} for row in whole[table] if row["test_set"] == "corrected"]
        for table in ("summary", "results")
    ]
    (HERE / "arms.png").write_bytes(arms_chart(*chart, "accuracy"))
    for row in whole["summary"]:
        if row["against"] == "raw":
            place = f"| {row['run']} | {row['test_set']} | {row['metric']} | `{row['arm']}` "
            gap = [f"{100 * row[key]:+.1f}" for key in ("difference", "low", "high")]
            print(f"{place}| {100 * row['mean']:.1f} % | {gap[0]} ({gap[1]} to {gap[2]}) | {row['p_holm']:.3f} |")


if __name__ == "__main__":
    main()
