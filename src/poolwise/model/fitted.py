"""A trained network behind the door `FittedModel`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poolwise.core.interfaces import ImageSource, Progress
from poolwise.core.types import Ids, Need, Predictions, Task
from poolwise.model.batches import chunks
from poolwise.model.checkpoint import Checkpoint, plain_state, write
from poolwise.model.network import Exported, Network
from poolwise.model.scoring import Machine, score


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """A network, settled where it computes.

    Attributes:
        network: in eval mode.
        task: how its logits are read.
        machine: where and how to compute.
        batch_size: samples scored at once.
        draws: K, how many stochastic draws `Need.DRAWS` gives.
        fits: what a reader of its file must agree with.
        info: facts of its training: steps, epochs, loss.
    """

    network: Network
    task: Task
    machine: Machine
    batch_size: int
    draws: int
    fits: Mapping[str, Any]
    info: dict[str, float]

    def predict(
        self, images: ImageSource, ids: Ids, needs: Need, *, seed: int, progress: Progress | None = None
    ) -> Predictions:
        """Score samples in eval mode; `seed` decides the dropout masks of the draws. Raises TrainingDiverged."""
        return score(
            self.network,
            chunks(images, ids, self.batch_size),
            ids,
            self.task,
            needs,
            self.machine,
            draws=self.draws,
            seed=seed,
            progress=progress,
        )

    def save(self, path: Path) -> None:
        """Write weights and what must agree with them, whole or not at all."""
        write(Checkpoint(self.fits, plain_state(self.network), self.info), path)

    def exported(self) -> Exported:
        """Pictures (n, C, H, W) in 0..255 to probabilities (n, C), on the CPU, in eval mode."""
        return Exported(copy.deepcopy(self.network).cpu(), self.task)
