"""The one LightningModule: how a network learns, for one class a picture or several."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric

from poolwise.core.types import Augmentation, Task
from poolwise.model.augmentation import augment
from poolwise.model.network import Network

WARM_UP = 0.15
"""Share of the steps in which the learning rate rises."""


@dataclass(frozen=True)
class Recipe:
    """How to train, all in numbers that are already decided.

    Attributes:
        task: which loss.
        steps: optimiser steps in all.
        learning_rate: at its highest.
        weight_decay: of AdamW (Loshchilov and Hutter 2019), on weight matrices and kernels alone.
        label_smoothing: share of each label spread over all classes.
        augmentation: of the training pictures.
        seed: of the augmentation.
        fused: one call for the whole optimiser step.
        watched: log the losses, for callbacks to look at.
    """

    task: Task
    steps: int
    learning_rate: float
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    augmentation: Augmentation = Augmentation.NONE
    seed: int = 0
    fused: bool = False
    watched: bool = False


class Classifier(pl.LightningModule):
    """Trains a network on batches of (pictures, labels), and rows where a callback is to know them.

    Labels are class numbers (n,) int64, or (n, C) float 0 and 1 for several classes a picture.
    """

    def __init__(self, network: Network, recipe: Recipe) -> None:
        super().__init__()
        self.network = network
        self.recipe = recipe
        self.losses: list[Tensor] = []
        """Of every training step, on the device: reading one would make it wait."""
        self.validation_loss = MeanMetric()
        self._draws: torch.Generator | None = None

    def training_step(self, batch: tuple[Tensor, ...], batch_idx: int) -> Tensor:
        """Loss of one batch."""
        pictures, labels = batch[:2]
        pictures = augment(pictures, self.recipe.augmentation, self._generator())
        loss = loss_of(self.network(pictures), labels, self.recipe.task, self.recipe.label_smoothing)
        self.losses.append(loss.detach())
        if self.recipe.watched:
            self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Mean loss over the validation samples, without smoothing."""
        pictures, labels = batch
        loss = loss_of(self.network(pictures), labels, self.recipe.task)
        self.validation_loss.update(loss, weight=len(labels))
        self.log("val_loss", self.validation_loss, on_epoch=True, on_step=False, batch_size=len(labels))

    def configure_optimizers(self) -> Any:
        """AdamW, its learning rate rising and falling once."""
        trained = [part for part in self.network.parameters() if part.requires_grad]
        groups = [
            {"params": [part for part in trained if part.ndim > 1], "weight_decay": self.recipe.weight_decay},
            {"params": [part for part in trained if part.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.recipe.learning_rate, fused=self.recipe.fused or None)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step, self.recipe.steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _generator(self) -> torch.Generator:
        if self._draws is None:  # made late: a module is copied to other processes before it trains there
            self._draws = torch.Generator().manual_seed(self.recipe.seed)
        return self._draws


def one_cycle(step: int, steps: int) -> float:
    """Share of the highest learning rate at a step: a line up, half a cosine down to 0 (Smith and Topin 2018).

    >>> [round(one_cycle(step, 20), 2) for step in (0, 2, 3, 20)]
    [0.33, 1.0, 1.0, 0.0]
    """
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, steps - rise))))


def loss_of(logits: Tensor, labels: Tensor, task: Task, smoothing: float = 0.0) -> Tensor:
    """Cross entropy, or the mean binary cross entropy over classes. Smoothing as Szegedy et al. 2016, section 7."""
    if task is Task.MULTICLASS:
        return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
    targets = labels * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits.float(), targets)


def dropout_parts(network: nn.Module) -> list[nn.Module]:
    """The parts that draw at random in training, in order; those that never drop anything are left out."""
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
    return [part for part in network.modules() if isinstance(part, kinds) and part.p > 0]
