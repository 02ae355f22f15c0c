"""Our strategies beside scikit-activeml and baal: time, memory and how good the batches are; and a million rows.

pip install -e '.[bench]'
python scripts/bench_peers.py                       all cases beside the peers, about 15 minutes and 13 GB (baal's)
python scripts/bench_peers.py --scale 0.05          a trial in a minute: the figures mean nothing
python scripts/bench_peers.py --cases badge typiclust --out speed.json
python scripts/bench_peers.py --million             1,000,000 x 128, memory-mapped; no peer is asked

Each side runs in a process of its own, on the same arrays, with models' predictions given: nothing is fitted. Time is the
median of `--repeats` for us and of `--peer-repeats` for the peer, after a first call on 200 rows. Memory is the peak beyond
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

import bench_objectives as goal
from bench_query import pool
from poolwise.config.build import conf_dir

Measured = dict[str, tuple[str, float]]
"""What is measured -> which way is better, and how much."""

CLASSES = 10
DRAWS = 20
NEIGHBOURS = 20
"""k of typicality on both sides: the paper's (Hacohen et al. 2022, section 3.2)."""
SIGMA = 1.0
"""Width of MaxHerding's kernel on both sides: the paper's (Bae et al. 2024)."""
BALL = 0.01
"""Share of the pool that ProbCover's ball holds on average; its radius follows."""
TEMPERATURE = 8.0
"""Of predictions: without it a model would be sure of nearly every row of "blobs", and few gradients would not be 0."""
SPREAD = 0.2
"""Of BatchBALD's models around their mean: so that ten labels do not tell all ln 20 nats."""
RANDOM_BATCHES = 5
COLUMNS = (
    *("case", "pool, batch", "ours s", "peer s", "times faster (wanted)", "ours MiB", "peer MiB"),
    *("measure (better)", "ours", "peer", "random"),
)
MILLION = ("auto", "clustered", "badge", "core_set", "max_herding", "typiclust", "uherding")
MILLION_SECONDS, MILLION_MIB = 300, 4096
"""What is to be reached on two cores."""


@dataclass(frozen=True)
class Case:
    """One strategy on both sides. Options follow from the size of the pool and the arrays.

    Attributes:
        side, theirs: the peer and its name for the strategy.
        faster: how many times faster we are to be.
        samples, width, labelled, size: of the pool and the batch; width 0 means draws.
        our_options, their_options: to the same definition.
        judged: the value of a batch.
        shipped: measure ours with the options that it ships with, too.
    """

    side: str
    theirs: str
    faster: float
    samples: int
    width: int
    labelled: int
    size: int
    our_options: Callable[[Pool], dict[str, Any]]
    their_options: Callable[[Pool], dict[str, Any]]
    judged: Callable[[Pool, Any], Measured]
    shipped: bool = False

    def scaled(self, scale: float) -> tuple[int, int, int]:
        """Samples, labelled and batch size; a batch has 10 at least."""
        few = 10
        return (
            max(500, round(self.samples * scale)),
            max(few, round(self.labelled * scale)) if self.labelled else 0,
            max(few, round(self.size * scale)) if self.width else self.size,
        )


@dataclass(frozen=True, eq=False)
class Pool:
    """Arrays in a folder, the first `labelled` rows labelled."""

    folder: Path
    labelled: int
    size: int
    arrays: Mapping[str, Any] = field(repr=False)

    @property
    def embeddings(self) -> Any:
        """(N, D)."""
        return self.arrays["embeddings"]

    @cached_property
    def radius(self) -> float:
        """Of a ball that holds BALL of the pool on average, by 2,000 rows."""
        some = np.random.default_rng(1).permutation(len(self.embeddings))[:2000]
        squared = np.concatenate(
            [rows for _, rows in goal.squared_distances(self.embeddings[some], self.embeddings[some])]
        )
        return float(np.sqrt(np.quantile(squared[~np.eye(len(some), dtype=bool)], BALL)))

    @cached_property
    def clusters(self) -> Any:
        """(N,) as many clusters as there are labelled rows and picks."""
        return goal.reference_clusters(self.embeddings, self.labelled + self.size)


def _same_typicality(pool_: Pool) -> dict[str, Any]:
    """scikit-activeml has as many clusters as labelled rows and picks, takes all, and does not scale."""
    clusters = pool_.labelled + pool_.size
    return {"neighbours": NEIGHBOURS, "most_clusters": clusters, "min_cluster": 0, "unit_length": False}


def _none(_: Pool) -> dict[str, Any]:
    return {}


def _whole(pool_: Pool, **options: Any) -> dict[str, Any]:
    """No random subset of a pool that is larger than our default."""
    return {"sample": max(20_000, len(pool_.embeddings)), **options}


LARGE = partial(Case, side="skactiveml", samples=60_000, width=256, labelled=1000, size=1000)
MEDIUM = partial(Case, side="skactiveml", samples=20_000, width=128, labelled=100, size=100)

CASES: dict[str, Case] = {
    "badge": LARGE(
        theirs="Badge",
        faster=20,
        our_options=_none,
        their_options=_none,
        judged=lambda data, picks: goal.badge(data.arrays["probs"], data.embeddings, data.labelled, picks),
    ),
    "typiclust": LARGE(
        theirs="TypiClust",
        faster=5,
        our_options=_same_typicality,
        their_options=lambda _: {"k": NEIGHBOURS},
        judged=lambda data, picks: goal.typiclust(data.embeddings, data.labelled, picks, NEIGHBOURS, data.clusters),
        shipped=True,
    ),
    "core_set": LARGE(
        theirs="CoreSet",
        faster=2.5,
        our_options=_none,
        their_options=_none,
        judged=lambda data, picks: goal.core_set(data.embeddings, data.labelled, picks),
    ),
    "prob_cover": MEDIUM(
        theirs="ProbCover",
        faster=10,
        our_options=lambda data: _whole(data, radius=data.radius, unit_length=False),
        their_options=lambda data: {"deltas": [data.radius], "n_classes": CLASSES},
        judged=lambda data, picks: goal.prob_cover(data.embeddings, data.labelled, picks, data.radius),
    ),
    "max_herding": MEDIUM(
        theirs="MaxHerding",
        faster=50,
        our_options=lambda data: _whole(data, sigma=SIGMA, references=max(20_000, len(data.embeddings))),
        their_options=lambda _: {"metric_dict": {"gamma": SIGMA**-2}},
        judged=lambda data, picks: goal.max_herding(data.embeddings, data.labelled, picks, SIGMA),
    ),
    "batch_bald": Case(
        side="baal",
        theirs="BatchBALD",
        faster=50,
        samples=5000,
        width=0,
        labelled=0,
        size=10,
        our_options=_none,
        their_options=_none,
        judged=lambda data, picks: goal.batch_bald(data.arrays["log_probs_nkc"], picks),
    ),
}
"""Sizes at which the peers were measured before, and what is to be reached."""


def make(folder: Path, samples: int, width: int, labelled: int, size: int, shape: str) -> Pool:
    """Write the arrays that both sides read."""
    folder.mkdir(parents=True)
    arrays = {"log_probs_nkc": draws(samples)} if not width else embedded(samples, width, labelled, shape)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return Pool(folder, labelled, size, {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in arrays})


def embedded(samples: int, width: int, labelled: int, shape: str) -> dict[str, Any]:
    """The pool of bench_query.py, with predictions of labelled rows too: what a model forecast of them."""
    whole = pool(samples, width, CLASSES, 0, shape)
    labels = pool(samples, width, CLASSES, labelled, shape).labels
    logits = np.log(np.maximum(whole.probs, np.finfo(np.float32).tiny)) / np.float32(TEMPERATURE)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    return {"embeddings": whole.embeddings, "probs": probs / probs.sum(axis=1, keepdims=True), "labels": labels}


def draws(samples: int) -> Any:
    """(N, K, C) log-probabilities of K linear models that lie around one."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((samples, 16), dtype=np.float32)
    models = rng.standard_normal((16, 1, CLASSES)) + SPREAD * rng.standard_normal((16, DRAWS, CLASSES))
    logits = np.einsum("nd,dkc->nkc", rows, models.astype(np.float32))
    logits -= logits.max(axis=2, keepdims=True)
    return (logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))).astype(np.float32)


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


def judge(case: Case, data: Pool, batches: list[list[int]]) -> Measured:
    """Mean value of batches; a batch that is no batch is an error."""
    values: list[Measured] = []
    for batch in batches:
        rows = np.array(batch, dtype=np.int64)
        if len(np.unique(rows)) != data.size or rows.min() < data.labelled:
            return {"not a batch of distinct candidates": (goal.LOWER, float("nan"))}
        values.append(case.judged(data, rows))
    return {name: (way, statistics.mean(value[name][1] for value in values)) for name, (way, _) in values[0].items()}


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
    values = {what: value for what, (_, value) in judge(case, data, random_batches(data)).items()}
    rows.append({"case": name, "side": "random", "values": values})
    seconds = {row["side"]: row.get("seconds") for row in rows}
    for row in rows:
        if row["side"].startswith("ours") and row.get("seconds") and seconds["peer"]:
            row.update(times_faster=seconds["peer"] / row["seconds"], wanted=case.faster)
    return rows


def _row(name: str, side: str, answer: dict[str, Any], case: Case, data: Pool) -> dict[str, Any]:
    if "error" in answer:
        return {"case": name, "side": side, "error": answer["error"]}
    measured = judge(case, data, answer["picks"])
    return {
        "case": name,
        "side": side,
        "library": answer["library"],
        "seconds": statistics.median(answer["seconds"]),
        "slowest": max(answer["seconds"]),
        "extra_mib": answer["peak"] - answer["before"],
        "peak_mib": answer["peak"],
        "values": {what: value for what, (_, value) in measured.items()},
        "better": {what: way for what, (way, _) in measured.items()},
    }


def compare(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Every case that was asked for, and its lines of the table."""
    rows: list[dict[str, Any]] = []
    pools: dict[str, Pool] = {}
    print(
        "| case | pool, batch | ours s | peer s | times faster (wanted) | ours MiB | peer MiB | measure (better) | ours | peer | random |"
    )
    print("|" + " --- |" * 11)
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
        row: dict[str, Any] = {"case": "million", "side": name}
        if "error" in answer:
            row["error"] = answer["error"]
            print(f"| {name} | {answer['error']} |", flush=True)
        else:
            extra = answer["peak"] - answer["before"]
            row.update(library=answer["library"], seconds=max(answer["seconds"]), extra_mib=extra)
            row.update(peak_mib=answer["peak"])
            good = row["seconds"] <= MILLION_SECONDS and row["peak_mib"] <= MILLION_MIB
            line = (name, f"{row['seconds']:.1f}", f"{row['peak_mib']:.0f}", f"{extra:.0f}", "yes" if good else "NO")
            print("| " + " | ".join(line) + " |", flush=True)
        rows.append(row)
        write(options, rows)
    return rows


def write(options: argparse.Namespace, rows: list[dict[str, Any]]) -> None:
    """All rows so far, as .csv (a line a measure) or .json."""
    if options.out is None:
        return
    if options.out.suffix != ".csv":
        told = {"machine": machine(), "scale": options.scale, "shape": options.shape, "rows": rows}
        options.out.write_text(json.dumps(told, indent=1) + "\n")
        return
    plain = (
        "case",
        "side",
        "library",
        "seconds",
        "slowest",
        "extra_mib",
        "peak_mib",
        "times_faster",
        "wanted",
        "error",
    )
    with options.out.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*plain, "measure", "value"])
        for row in rows:
            for what, value in (row.get("values") or {"": ""}).items():
                table.writerow([*(row.get(key, "") for key in plain), what, value])


def machine() -> str:
    """Processor, cores that may be used, and threads that were asked for."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, OMP_NUM_THREADS {threads}, Python {platform.python_version()}"
    )


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
