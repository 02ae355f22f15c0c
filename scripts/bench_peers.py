"""Our strategies beside scikit-activeml and baal: time, memory and how good the batches are; and a million rows.

pip install -e '.[bench]'
python scripts/bench_peers.py                       all cases beside the peers, a quarter of an hour, and 13 GB for baal
python scripts/bench_peers.py --scale 0.05          a trial in a minute: the figures mean nothing
python scripts/bench_peers.py --cases badge typiclust --out speed.json
python scripts/bench_peers.py --million             1,000,000 x 128, memory-mapped; no peer is asked

Each side runs in a process of its own, on the same arrays, with models' predictions given: nothing is fitted. Time is the
median of `--repeats` for us and of `--peer-repeats` for the peer, after a first call on few rows. Memory is the peak beyond
what is in use once the inputs are read. Batches of both, and random ones, are judged by one definition.

The peers ask for numpy 2.1 and install beside poolwise. Where that should change, give them an environment of their own:
`python -m venv peers && peers/bin/pip install "scikit-activeml>=1.0,<1.1" "baal>=2.1,<2.2"`, then `--peer-python
peers/bin/python`; poolwise is not needed in it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench_cases import CASES, CLASSES, DRAWS, Case, Pool, make
from poolwise.core.parts import conf_dir

RANDOM_BATCHES = 5
COLUMNS = (
    *("case", "pool, batch", "ours s", "peer s", "times faster (wanted)", "ours MiB", "peer MiB"),
    *("measure (better)", "ours", "peer", "random"),
)
FIELDS = (
    *("case", "side", "library", "seconds", "slowest", "extra_mib", "peak_mib"),
    *("times_faster", "wanted", "distinct", "error"),
)
"""Columns of a .csv before measure and value."""
MILLION = ("auto", "weighted_k_means", "clustered", "badge", "core_set", "max_herding", "typiclust", "uherding")
MILLION_SECONDS, MILLION_MIB = 300, 4096
"""What is to be reached on two cores."""


def ask(python: str, timeout: float, **job: Any) -> dict[str, Any]:
    """One side in a fresh process; {"error": why} where it gives no answer."""
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder, "job.json"), Path(folder, "answer.json")
        question.write_text(json.dumps(job))
        script = str(Path(__file__).with_name("bench_side.py"))
        try:
            done = subprocess.run(
                [python, script, question, answer], timeout=timeout, stdout=subprocess.DEVNULL, check=False
            )
        except subprocess.TimeoutExpired:
            return {"error": f"no answer in {timeout:.0f} s"}
        if not answer.exists():
            why = "killed, probably for memory" if done.returncode == -9 else f"ended with {done.returncode}"
            return {"error": why}
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


def judge(case: Case, data: Pool, batches: list[list[int]]) -> dict[str, Any]:
    """Values of each batch, their means, which way is better, and how many distinct candidates a batch held at least."""
    rows = [np.array(batch, dtype=np.int64) for batch in batches]
    values = [case.judged(data, picks) for picks in rows]
    each = {what: [value[what][1] for value in values] for what in values[0]}
    return {
        "values": {what: statistics.mean(found) for what, found in each.items()},
        "each": each,
        "better": {what: way for what, (way, _) in values[0].items()},
        "distinct": min(len(np.unique(picks[picks >= data.labelled])) for picks in rows),
    }


def random_batches(data: Pool) -> list[list[int]]:
    """As many candidates, drawn evenly."""
    last = len(next(iter(data.arrays.values())))
    rng = np.random.default_rng(99)
    return [
        (data.labelled + rng.permutation(last - data.labelled)[: data.size]).tolist() for _ in range(RANDOM_BATCHES)
    ]


def beside(name: str, data: Pool, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of the table for one case: ours, ours as shipped, the peer's, random's."""
    case = CASES[name]
    common = {"folder": str(data.folder), "labelled": data.labelled, "size": data.size, "mapped": False}
    mine = {"side": "ours", "name": name, "repeats": options.repeats, **common}
    theirs = {"side": case.side, "name": case.theirs, "repeats": options.peer_repeats, **common}
    answers = {"ours": ask(sys.executable, options.timeout, options=case.our_options(data), **mine)}
    if case.shipped:
        answers["ours, as shipped"] = ask(sys.executable, options.timeout, options={}, **mine)
    answers["peer"] = ask(options.peer_python, options.timeout, options=case.their_options(data), **theirs)
    rows = [_row(name, side, answer, case, data) for side, answer in answers.items()]
    rows.append({"case": name, "side": "random", **judge(case, data, random_batches(data))})
    seconds = {row["side"]: row.get("seconds") for row in rows}
    for row in rows:
        if row["side"].startswith("ours") and row.get("seconds") and seconds["peer"]:
            row.update(times_faster=seconds["peer"] / row["seconds"], wanted=case.faster)
    return rows


def _row(name: str, side: str, answer: dict[str, Any], case: Case, data: Pool) -> dict[str, Any]:
    if "error" in answer:
        return {"case": name, "side": side, "error": answer["error"]}
    return {
        "case": name,
        "side": side,
        "library": answer["library"],
        "seconds": statistics.median(answer["seconds"]),
        "slowest": max(answer["seconds"]),
        "extra_mib": answer["peak"] - answer["before"],
        "peak_mib": answer["peak"],
        **judge(case, data, answer["picks"]),
    }


def compare(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Every case that was asked for, and its lines of the table."""
    rows: list[dict[str, Any]] = []
    pools: dict[str, Pool] = {}
    print("| " + " | ".join(COLUMNS) + " |\n" + "|" + " --- |" * len(COLUMNS))
    for name in options.cases:
        case = CASES[name]
        samples, labelled, size = case.scaled(options.scale)
        key = f"{samples}-{case.width}-{labelled}-{size}"
        if key not in pools:
            pools[key] = make(folder / key, samples, case.width, labelled, size, options.shape)
        found = beside(name, pools[key], options)
        rows += found
        shape = f"{samples:,} x {case.width}" if case.width else f"{samples:,} x {CLASSES} x {DRAWS}"
        _show(found, f"{shape}, {size:,}")
        write(options, rows)
    return rows


def _show(rows: list[dict[str, Any]], shape: str) -> None:
    """Lines of Markdown: one a measure for each of our runs."""
    peer, chance = rows[-2], rows[-1]
    for mine in rows[:-2]:
        label = mine["case"] + mine["side"].removeprefix("ours")
        if "error" in mine:
            print(f"| {label} | {shape} | {mine['error']} |", flush=True)
            continue
        ratio = f"{mine['times_faster']:.1f} ({mine['wanted']:g})" if "times_faster" in mine else "-"
        cells = [label, shape, f"{mine['seconds']:.2f}", _number(peer, "seconds", ".2f"), ratio]
        cells += [f"{mine['extra_mib']:.0f}", _number(peer, "extra_mib", ".0f")]
        for what, value in mine["values"].items():
            both = [f"{v:.5g}" if v is not None else "-" for v in (value, peer.get("values", {}).get(what))]
            drawn = f"{chance['values'].get(what, float('nan')):.5g}"
            print("| " + " | ".join([*cells, f"{what} ({mine['better'][what]})", *both, drawn]) + " |", flush=True)
            cells = [""] * len(cells)
    for row in rows[:-1]:
        if row.get("distinct", chance["distinct"]) < chance["distinct"]:
            print(
                f"{row['case']}: {row['side']}: a batch has only {row['distinct']} distinct candidates", file=sys.stderr
            )
    if "error" in peer:
        print(f"{peer['case']}: peer: {peer['error']}", file=sys.stderr, flush=True)


def _number(row: dict[str, Any], key: str, form: str) -> str:
    return format(row[key], form) if key in row else "-"


def million(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Our strategies on a large pool whose arrays are mapped from files."""
    samples, labelled, size = round(1_000_000 * options.scale), 1000, 1000
    data = make(folder / "million", samples, 128, labelled, size, options.shape)
    print(f"{samples:,} x 128 memory-mapped, {CLASSES} classes, {labelled:,} labelled, batch {size:,}\n")
    print("| strategy | seconds | MiB at the peak, all in all | MiB beyond inputs | within 5 minutes and 4 GB |")
    print("|" + " --- |" * 5)
    rows: list[dict[str, Any]] = []
    for name in options.names:
        job = {"side": "ours", "name": name, "options": {}, "repeats": options.million_repeats, "mapped": True}
        answer = ask(sys.executable, options.timeout, folder=str(data.folder), labelled=labelled, size=size, **job)
        rows.append({"case": "million", "side": name, **_large(answer)})
        row = rows[-1]
        if "error" in row:
            print(f"| {name} | {row['error']} |", flush=True)
        else:
            good = "yes" if row["seconds"] <= MILLION_SECONDS and row["peak_mib"] <= MILLION_MIB else "NO"
            cells = (name, f"{row['seconds']:.1f}", f"{row['peak_mib']:.0f}", f"{row['extra_mib']:.0f}", good)
            print("| " + " | ".join(cells) + " |", flush=True)
        write(options, rows)
    return rows


def _large(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        return {"error": answer["error"]}
    extra = answer["peak"] - answer["before"]
    seconds = max(answer["seconds"])
    return {"library": answer["library"], "seconds": seconds, "peak_mib": answer["peak"], "extra_mib": extra}


def write(options: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """All rows so far, as .csv (a line a measure) or .json."""
    if options.out is None:
        return
    if options.out.suffix != ".csv":
        told = {"machine": machine(), "scale": options.scale, "shape": options.shape, "rows": rows}
        options.out.write_text(json.dumps(told, indent=1) + "\n")
        return
    with options.out.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*FIELDS, "measure", "value"])
        for row in rows:
            for what, value in (row.get("values") or {"": ""}).items():
                table.writerow([*(row.get(key, "") for key in FIELDS), what, value])


def machine() -> str:
    """Processor, cores that may be used, threads that were asked for, and how busy it is."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    where = f"{model}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}"
    return f"{where}, OMP_NUM_THREADS {threads}, Python {platform.python_version()}"


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    there = [name for name in MILLION if (conf_dir() / "query" / f"{name}.yaml").is_file()]
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES), metavar="CASE")
    parser.add_argument("--scale", type=float, default=1.0, help="of pools and batches")
    parser.add_argument("--shape", choices=["blobs", "noise", "surface"], default="blobs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer-repeats", type=int, default=1)
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--million", action="store_true", help="the large pool instead of the peers")
    parser.add_argument("--names", nargs="+", default=there, help="strategies on the large pool")
    parser.add_argument("--million-repeats", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one side of one case")
    parser.add_argument("--folder", type=Path, help="where a temporary folder for the arrays is made")
    parser.add_argument("--out", type=Path, help="rows as .json or .csv, written after each case")
    return parser.parse_args()


def main() -> None:
    """Print tables in Markdown."""
    options = arguments()
    print(f"{machine()}; {options.shape}, scale {options.scale:g}\n")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        (million if options.million else compare)(options, Path(folder))


if __name__ == "__main__":
    main()
