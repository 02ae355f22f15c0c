"""How each label is learnt, watched while the network learns it: margins, for `label_error.training_dynamics`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.hooks import RemovableHandle


class MarginCallback(pl.Callback):
    """Adds up the margins of every sample over a training, as the network has them in training mode, batch by batch.

    The logits are those that the loss was taken of: nothing is computed twice, and nothing waits for the device until
    `areas` is asked. Batches are (inputs, labels, rows); one label a sample.

    Args:
        count: samples, N.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._logits: Tensor | None = None
        self._handle: RemovableHandle | None = None
        self._seen: list[tuple[Tensor, Tensor]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen to the network."""
        self._seen = []
        network: Any = pl_module.network
        self._handle = network.register_forward_hook(self._keep)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the margins of one batch."""
        assert self._logits is not None
        labels, rows = batch[1], batch[2]
        logits = self._logits.float()
        given = logits.gather(1, labels[:, None])[:, 0]
        others = logits.scatter(1, labels[:, None], float("-inf")).max(dim=1).values
        self._seen.append((rows, given - others))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen no longer."""
        if self._handle is not None:
            self._handle.remove()
        self._handle, self._logits = None, None

    def areas(self) -> NDArray[np.float64]:
        """Return the (N,) mean margin over the passes in which a sample came; NaN where it never did."""
        if not self._seen:
            return np.full(self.count, np.nan)
        rows = torch.cat([rows.cpu() for rows, _ in self._seen]).numpy()
        values = torch.cat([values.cpu() for _, values in self._seen]).double().numpy()
        times = np.bincount(rows, minlength=self.count)
        total = np.bincount(rows, weights=values, minlength=self.count)
        return np.asarray(np.divide(total, times, out=np.full(self.count, np.nan), where=times > 0))

    def _keep(self, network: Any, inputs: Any, logits: Tensor) -> None:
        if network.training:
            self._logits = logits.detach()
