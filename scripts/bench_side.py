"""One side of a benchmark, in a process of its own.

python bench_side.py JOB.json ANSWER.json

Called by bench_peers.py. A job names a side, a strategy, its options and a folder of arrays; the answer holds the picks,
the seconds of each repeat and the memory. For a peer this file needs numpy and the peer, not poolwise.

The first `labelled` rows of `embeddings.npy` and `probs.npy` are labelled (`labels.npy`), the others are candidates; picks
are row numbers. `log_probs_nkc.npy` holds draws for candidates alone.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PROCESS = Path("/proc/self")
"""Linux tells a process its memory here."""
WARM = 200
"""Rows of a first call, since imports and threads are not what is measured."""

Arrays = dict[str, Any]
Pick = Callable[[int], Any]
"""From a seed to the rows of a batch."""


def ours(job: dict[str, Any], arrays: Arrays) -> Pick:
    """A strategy of poolwise by its name in conf/query."""
    from omegaconf import OmegaConf

    from poolwise.core.parts import build_part, conf_dir
    from poolwise.core.types import PoolView

    strategy = build_part(
        OmegaConf.merge(OmegaConf.load(conf_dir() / "query" / f"{job['name']}.yaml"), OmegaConf.create(job["options"]))
    )
    first, draws = job["labelled"], arrays.get("log_probs_nkc")
    if draws is not None:
        view = PoolView(ids=np.arange(len(draws)), log_probs_nkc=draws)
    else:
        embeddings, probs = arrays["embeddings"], arrays["probs"]
        view = PoolView(
            ids=np.arange(first, len(embeddings)),
            probs=probs[first:],
            embeddings=embeddings[first:],
            labelled_ids=np.arange(first),
            labels=arrays["labels"],
            labelled_embeddings=embeddings[:first],
            forecasts=probs[:first],
        )
    return lambda seed: strategy.select(view, job["size"], np.random.default_rng(seed)).ids


def skactiveml(job: dict[str, Any], arrays: Arrays) -> Pick:
    """Badge, CoreSet, TypiClust, ProbCover or MaxHerding of scikit-activeml."""
    from skactiveml import pool

    embeddings, first = arrays["embeddings"], job["labelled"]
    known = np.full(len(embeddings), np.nan)
    known[:first] = arrays["labels"]
    model = {"clf": _stored(arrays["probs"][first:]), "fit_clf": False} if job["name"] == "Badge" else {}

    def pick(seed: int) -> Any:
        strategy = getattr(pool, job["name"])(random_state=seed, **job["options"])
        return strategy.query(embeddings, known, batch_size=job["size"], **model)

    return pick


def _stored(probs: Any) -> Any:
    """A classifier of scikit-activeml that was fitted before: its predictions of the candidates are there already."""
    from skactiveml.base import SkactivemlClassifier

    class Stored(SkactivemlClassifier):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
            raise AssertionError("fitting is not part of what is measured")

        def predict_proba(self, X: Any) -> Any:  # noqa: N803
            if len(X) != len(probs):
                raise AssertionError(f"asked for {len(X)} predictions, {len(probs)} are stored")
            return probs

    return Stored(classes=list(range(probs.shape[1])))


def baal(job: dict[str, Any], arrays: Arrays) -> Pick:
    """BatchBALD of baal, which picks one more than `num_samples` and hides the order in its scores.

    A score is the joint entropy up to then, less one entropy: ascending scores are the order of choice.
    """
    import torch
    from baal.active.heuristics import BatchBALD

    draws_nck = np.ascontiguousarray(np.exp(arrays["log_probs_nkc"]).transpose(0, 2, 1))

    def pick(seed: int) -> Any:
        torch.manual_seed(seed)
        order, scores = BatchBALD(num_samples=job["size"] - 1, **job["options"]).get_ranks(draws_nck)
        picks = np.asarray(order)[: job["size"]]
        return picks[np.argsort(np.asarray(scores)[picks], kind="stable")]

    return pick


SIDES: dict[str, tuple[str, Callable[[dict[str, Any], Arrays], Pick]]] = {
    "ours": ("poolwise", ours),
    "skactiveml": ("scikit-activeml", skactiveml),
    "baal": ("baal", baal),
}
"""Side -> its distribution and its call."""


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Picks and seconds of each repeat; MiB in use before and at the peak, both with the inputs in memory."""
    distribution, prepare = SIDES[job["side"]]
    paths = sorted(Path(job["folder"]).glob("*.npy"))
    arrays = {path.stem: np.load(path, mmap_mode="r" if job["mapped"] else None) for path in paths}
    prepare(*_small(job, arrays))(0)
    pick = prepare(job, arrays)
    for array in arrays.values():
        array.max()  # brings mapped pages in, so that they count as inputs
    (PROCESS / "clear_refs").write_text("5")  # the peak starts anew from what is in use now
    before = memory("VmRSS")
    seconds, picks = [], []
    for seed in range(job["repeats"]):
        began = time.perf_counter()
        rows = pick(seed)
        seconds.append(time.perf_counter() - began)
        picks.append(np.asarray(rows).tolist())
    version = importlib.metadata.version(distribution)
    return {
        "library": f"{distribution} {version}",
        "seconds": seconds,
        "picks": picks,
        "before": before,
        "peak": memory("VmHWM"),
    }


def _small(job: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
    """The same job on few rows, a quarter of them labelled."""
    first = job["labelled"]
    known = min(first, WARM // 4)
    few = {name: array[first - known : first + WARM] for name, array in arrays.items() if name != "labels"}
    if "labels" in arrays:
        few["labels"] = arrays["labels"][first - known :]
    return {**job, "labelled": known, "size": 10}, few


def memory(field: str) -> float:
    """MiB of this process: VmRSS in use now, VmHWM at the peak."""
    lines = (PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def main() -> None:
    """Do the job; an answer is written even where the library is not installed."""
    job = json.loads(Path(sys.argv[1]).read_text())
    warnings.simplefilter("ignore")  # a fixed radius makes scikit-activeml warn that it did not look for one
    try:
        answer = measure(job)
    except ModuleNotFoundError as error:
        answer = {"error": f"{error.name} is not installed in {sys.executable}"}
    Path(sys.argv[2]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
