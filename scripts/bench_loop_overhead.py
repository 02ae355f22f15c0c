"""What a round of the loop costs beyond its network: `poolwise` against a plain PyTorch script.

Both sides train the same network on the same 2,000 labels of Fashion-MNIST for the same steps, with the same shifts and
mirror images, and predict probabilities and embeddings of the other 58,000 pictures. Our side is the whole round: ledger,
checkpoint, training, scoring, BADGE over the pool, the batch. They take turns within one run.

    python scripts/bench_loop_overhead.py [repeats] [threads]

Data: folder `fashion_mnist` with the four .gz files, below $POOLWISE_DATA or beside the checkout in ../shared/data.
Both wall time and processor time are given: on a busy machine only the second means much.
"""

from __future__ import annotations

import gzip
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from omegaconf import OmegaConf
from torch import nn
from torch.nn import functional

from poolwise.app.terminal import Terminal
from poolwise.core.interfaces import Annotator, ImageSource
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Answer, Augmentation, Batch, Manifest, Split, Task
from poolwise.jobs.loop.parts import Parts, Settings
from poolwise.jobs.loop.runner import run_loop
from poolwise.ledger.store import Ledger
from poolwise.query.badge import Badge
from poolwise.report.tracking.none import NoTracker

LABELLED = 2000
BAR = 1.10


def read_idx(file: Path) -> np.ndarray:
    """An array of the idx format."""
    data = gzip.decompress(file.read_bytes())
    sides = [int.from_bytes(data[4 + 4 * at : 8 + 4 * at], "big") for at in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sides).copy()  # writable


@dataclass(frozen=True, eq=False)
class Fashion(ImageSource):
    """The 60,000 training pictures, in memory."""

    pictures: np.ndarray
    manifest: Manifest
    answers: np.ndarray
    shape = (1, 28, 28)
    augmentation = Augmentation.SHIFT_FLIP
    in_memory = True

    def file(self, sample_id: int) -> None:
        """Packed: none has a file of its own."""

    def unreadable(self, progress: object = None) -> list[tuple[int, str]]:
        """All are there."""
        return []

    def read(self, ids: np.ndarray) -> np.ndarray:
        """Copies."""
        return self.pictures[ids]


def load() -> Fashion:
    """From the files."""
    root = Path(os.environ.get("POOLWISE_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    pictures = read_idx(root / "fashion_mnist" / "train-images-idx3-ubyte.gz")[:, None]
    labels = read_idx(root / "fashion_mnist" / "train-labels-idx1-ubyte.gz").astype(np.int64)
    paths = tuple(f"{at:05d}" for at in range(len(labels)))
    splits = np.full(len(labels), Split.POOL.value)
    names = tuple("0123456789")
    unknown = np.full(len(labels), -1)
    return Fashion(
        np.ascontiguousarray(pictures), Manifest("fashion", paths, splits, names, Task.MULTICLASS, unknown), labels
    )


def plain_network() -> tuple[nn.Module, nn.Module, nn.Module]:
    """Body, dropout, head, as `conf/model/small_cnn.yaml` has them."""
    layers: list[nn.Module] = []
    for before, after in ((1, 32), (32, 64)):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
    body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, 128), nn.ReLU())
    return body.to(memory_format=torch.channels_last), nn.Dropout(0.2), nn.Linear(128, 10)


def shifted(pictures: torch.Tensor) -> torch.Tensor:
    """Up to 3 pixels each way, every other picture mirrored."""
    n, side = len(pictures), pictures.shape[-1]
    grid = torch.arange(side)
    rows = (grid + torch.randint(-3, 4, (n, 1))).clamp(0, side - 1)
    columns = (grid + torch.randint(-3, 4, (n, 1))).clamp(0, side - 1)
    columns = torch.where(torch.rand(n, 1) < 0.5, columns.flip(1), columns)
    which = torch.arange(n)[:, None, None]
    return pictures[which, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def plain_round(pictures: torch.Tensor, labels: torch.Tensor, known: np.ndarray, rest: np.ndarray, steps: int) -> None:
    """A good plain script: tensors in memory, no workers, fused optimiser, the faster layout."""
    torch.manual_seed(0)
    body, dropout, head = plain_network()
    x, y = pictures[known], labels[known]
    mean, std = x.double().mean().float(), x.double().std().float()
    optimizer = torch.optim.AdamW([*body.parameters(), *head.parameters()], lr=3e-3, weight_decay=0.01, fused=True)
    rise = round(0.15 * steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda at: (at + 1) / rise if at < rise else 0.5 * (1 + math.cos(math.pi * (at - rise) / (steps - rise))),
    )
    done = 0
    while done < steps:
        for rows in torch.randperm(len(x)).tensor_split(-(-len(x) // 64)):
            optimizer.zero_grad()
            inputs = (shifted(x[rows]) - mean) / std
            functional.cross_entropy(head(dropout(body(inputs))), y[rows]).backward()
            optimizer.step()
            schedule.step()
            done += 1
    body.eval()
    probs, embeddings = np.empty((len(rest), 10), np.float32), np.empty((len(rest), 128), np.float32)
    with torch.inference_mode():
        for at in range(0, len(rest), 256):
            batch = pictures[rest[at : at + 256]].contiguous(memory_format=torch.channels_last)
            found = body((batch - mean) / std)
            embeddings[at : at + 256] = found.numpy()
            probs[at : at + 256] = head(found).softmax(dim=1).numpy()


@dataclass(frozen=True)
class Nobody(Annotator):
    """An annotator who answers the seed set at once and nothing after: one whole round, then the run parks."""

    labels: np.ndarray
    simulated: ClassVar[bool] = False
    source: ClassVar[str] = "nobody"

    def emit(self, batch: Batch, images: Fashion) -> str:
        """Nothing to publish."""
        return ""

    def collect(self, batch: Batch) -> list[Answer]:
        """The labels of round 0."""
        names = batch.classes
        return [Answer(at, names[self.labels[at]], "nobody") for at in batch.ids()] if batch.round == 0 else []


def our_round(images: Fashion) -> None:
    """A whole round of the loop: ledger, checkpoint, training, scoring the pool, choosing and emitting the next batch."""
    trainer = {"trainer": {"accelerator": "cpu"}}
    learner = build_part(OmegaConf.merge(OmegaConf.load(conf_dir() / "model" / "small_cnn.yaml"), trainer))
    with tempfile.TemporaryDirectory() as name:
        parts = Parts(
            run="bench",
            folder=Path(name) / "bench",
            settings=Settings(seed=0, seed_size=LABELLED, query_size=100),
            config={},
            strategy_name="badge",
            images=images,
            learner=learner,
            strategy=Badge(),
            annotator=Nobody(images.answers),
            rules=(),
            tracker=NoTracker(),
            display=Terminal(verbose=False),
        )
        ledger = Ledger(f"sqlite:///{name}/ledger.db").open()
        run_loop(parts, ledger)
        asked = [ask.suggestion for ask in ledger.state("bench").rounds[1].asks]
        ledger.close()
    assert len(asked) == 100


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Wall seconds, processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    """Take turns, print medians, ratio of medians, and the 5th and 95th percentile of the ratios of neighbours."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if len(sys.argv) > 2:
        torch.set_num_threads(int(sys.argv[2]))
    images = load()
    order = np.random.default_rng(0).permutation(len(images.pictures)).astype(np.int64)
    known, rest = np.sort(order[:LABELLED]), np.sort(order[LABELLED:])
    pictures, labels = torch.from_numpy(images.pictures), torch.from_numpy(images.answers)
    spec = OmegaConf.load(conf_dir() / "model" / "small_cnn.yaml")
    steps = max(spec.min_steps, spec.epochs * -(-LABELLED // spec.batch_size))
    sides = {
        "plain": lambda: plain_round(pictures, labels, known, rest, steps),
        "ours": lambda: our_round(images),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for turn in range(repeats + 1):  # the first turn warms up and does not count
        names = list(sides) if turn % 2 else list(sides)[::-1]
        for name in names:
            result = timed(sides[name])
            if turn:
                found[name].append(result)
                print(
                    f"{turn} {name:6} wall {result[0]:6.2f} s  processor {result[1]:6.2f} s",
                    flush=True,
                )
    print(f"\n{steps} steps, {len(rest)} scored, {torch.get_num_threads()} threads, {repeats} turns")
    for at, kind in enumerate(("wall", "processor")):
        plain, ours = ([row[at] for row in found[name]] for name in sides)
        ratios = np.array(ours) / np.array(plain)
        low, high = np.quantile(ratios, [0.05, 0.95])
        print(f"{kind:9} medians: plain {statistics.median(plain):.2f} s, ours {statistics.median(ours):.2f} s")
        print(f"{'':9} ratio: median {np.median(ratios):.3f}, 90 % of turns {low:.3f} to {high:.3f}; bar {BAR}")


if __name__ == "__main__":
    main()
