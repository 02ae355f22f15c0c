"""Train one network, from samples to weights; the one LightningModule, and how its pictures are changed on the way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric

from poolwise.core.errors import ConfigError, TrainingDiverged
from poolwise.core.interfaces import Progress
from poolwise.core.types import Augmentation, Task
from poolwise.model.batches import Inputs, Passes, Rows, steps_of
from poolwise.model.margin_callback import MarginCallback
from poolwise.model.network import Network
from poolwise.model.trainer import build_trainer, fit, is_shared, is_watched, switches_kept

SHARE = 0.1
"""Of a side by which a picture is shifted at most; the 4 of 32 pixels usual for CIFAR-10 are 0.125."""


def augment(pictures: Tensor, kind: Augmentation, generator: torch.Generator) -> Tensor:
    """Shift each picture by up to a tenth of its sides (at least one pixel), and mirror every other one if allowed.

    What comes in at the edge repeats the edge: equal to black borders on black ground, and no false border elsewhere.

    Args:
        pictures: (n, C, H, W) of any type.
        kind: what is allowed.
        generator: on the CPU; the same numbers are drawn whatever device the pictures are on.

    Returns:
        (n, C, H, W), same type; the same tensor for `Augmentation.NONE`.
    """
    if kind is Augmentation.NONE:
        return pictures
    count, _, height, width = pictures.shape
    rows = _moved(count, height, generator)
    columns = _moved(count, width, generator)
    if kind is Augmentation.SHIFT_FLIP:
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    rows, columns = rows.to(pictures.device), columns.to(pictures.device)
    number = torch.arange(count, device=pictures.device)
    # the colon between index arrays sends the channels to the back: (n, H, W, C), channels-last memory for free
    return pictures[number[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _moved(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Return (n, length) source positions of one axis, each row shifted by its own distance and held within the picture."""
    most = min(max(1, round(SHARE * length)), length - 1)
    shift = torch.randint(-most, most + 1, (count, 1), generator=generator)
    return (torch.arange(length) + shift).clamp_(0, length - 1)


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
        """Return the loss of one batch."""
        pictures, labels = batch[:2]
        pictures = augment(pictures, self.recipe.augmentation, self._generator())
        loss = loss_of(self.network(pictures), labels, self.recipe.task, self.recipe.label_smoothing)
        self.losses.append(loss.detach())
        if self.recipe.watched:
            self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the mean loss over the validation samples, without smoothing."""
        pictures, labels = batch
        loss = loss_of(self.network(pictures), labels, self.recipe.task)
        self.validation_loss.update(loss, weight=len(labels))
        self.log("val_loss", self.validation_loss, on_epoch=True, on_step=False, batch_size=len(labels))

    def configure_optimizers(self) -> Any:
        """Return AdamW, its learning rate rising and falling once."""
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
    """Return the share of the highest learning rate at a step: a line up, half a cosine to 0 (Smith and Topin 2018).

    >>> [round(one_cycle(step, 20), 2) for step in (0, 2, 3, 20)]
    [0.33, 1.0, 1.0, 0.0]
    """
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, steps - rise))))


def loss_of(logits: Tensor, labels: Tensor, task: Task, smoothing: float = 0.0) -> Tensor:
    """Return cross entropy, or mean binary cross entropy over classes. Smoothing as Szegedy et al. 2016, section 7."""
    if task is Task.MULTICLASS:
        return functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
    targets = labels * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits.float(), targets)


def dropout_parts(network: nn.Module) -> list[nn.Module]:
    """Return the parts that draw at random in training, in order; those that never drop anything are left out."""
    kinds = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
    return [part for part in network.modules() if isinstance(part, kinds) and part.p > 0]


CHECK_STEPS = 20
"""Steps between two looks at the validation samples, at least; a pass over few samples is too short."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What to learn from: inputs by row, and labels (L,) int64 or (L, C) float."""

    inputs: Inputs
    labels: Tensor


def planned_steps(count: int, batch_size: int, epochs: int, min_steps: int, max_steps: int | None = None) -> int:
    """Return optimiser steps: so many passes, but never fewer than `min_steps` (small sets would learn nothing).

    >>> planned_steps(2000, 64, 10, 200), planned_steps(20, 64, 10, 200), planned_steps(2000, 64, 10, 200, 100)
    (320, 200, 100)
    """
    steps = max(1, min_steps, epochs * steps_of(count, batch_size))
    return steps if max_steps is None else min(steps, max_steps)


def train_network(
    network: Network,
    recipe: Recipe,
    train: Samples,
    validation: Samples | None,
    *,
    batch_size: int,
    patience: int,
    options: Mapping[str, Any] | None,
    progress: Progress | None,
    margins: MarginCallback | None = None,
) -> dict[str, float]:
    """Train in place; the facts of it.

    Args:
        network: with the weights to start from.
        recipe: how.
        train: what to learn from.
        validation: looked at for early stopping alone.
        batch_size: of a step.
        patience: looks without progress after which to stop and take the best weights; 0 to never look.
        options: of Lightning's Trainer.
        progress: told of the steps.
        margins: told how each label is learnt; within one process.

    Returns:
        steps, epochs and, where it is known, loss (mean over the last pass).

    Raises:
        TrainingDiverged: the loss or a weight became NaN or infinite.
        KeyboardInterrupt: stopped by the user.
    """
    watching = patience > 0 and validation is not None
    best = [Best(patience)] if watching else []
    per_pass = steps_of(len(train.labels), batch_size)
    recipe = replace(recipe, watched=watching or is_watched(options))
    module = Classifier(network, recipe)
    held_out = Passes(validation.inputs, validation.labels, batch_size, None) if watching and validation else None
    with switches_kept():
        trainer = _trainer(options, recipe, best, progress, per_pass, [margins] if margins else [])
        fit(trainer, module, _loader(train, batch_size, recipe.seed, trainer, margins is not None), held_out)
    for keeper in best:
        keeper.restore(module)
    module.network.float()  # precision "bf16-true" trains in bfloat16; scores and files are in float32
    _check_finite(module, recipe)
    return _facts(module, trainer, per_pass)


def _trainer(
    options: Mapping[str, Any] | None,
    recipe: Recipe,
    best: list[Best],
    progress: Progress | None,
    per_pass: int,
    others: Sequence[pl.Callback] = (),
) -> pl.Trainer:
    """Return a trainer that ends with the recipe's steps and, where the best weights are kept, looks for them at times."""
    return build_trainer(
        options,
        watched=recipe.watched,
        max_steps=recipe.steps,
        max_epochs=-1,
        callbacks=[*best, *others, *([Reporter(progress, recipe.steps)] if progress else [])],
        **({"check_val_every_n_epoch": -(-CHECK_STEPS // per_pass)} if best else {}),
    )


def _facts(module: Classifier, trainer: pl.Trainer, per_pass: int) -> dict[str, float]:
    facts = {"steps": float(trainer.global_step), "epochs": trainer.global_step / per_pass}
    if module.losses:  # not when the training took place in other processes
        facts["loss"] = float(torch.stack(module.losses[-per_pass:]).float().mean())
    return facts


def _loader(samples: Samples, batch_size: int, seed: int, trainer: pl.Trainer, numbered: bool = False) -> Any:
    generator = torch.Generator().manual_seed(seed)
    if not is_shared(trainer):
        return Passes(samples.inputs, samples.labels, batch_size, generator, numbered=numbered)
    if numbered:
        raise ConfigError("margins are collected within one process; set trainer.devices=1 and no ddp strategy.")
    # the user's display does not travel to other processes
    trainer.callbacks[:] = [part for part in trainer.callbacks if not isinstance(part, Reporter)]  # type: ignore[attr-defined]
    return torch.utils.data.DataLoader(
        Rows(samples.inputs, samples.labels, torch.randperm(len(samples.labels), generator=generator)),
        batch_size=batch_size,
        shuffle=True,
        drop_last=len(samples.labels) > batch_size,  # no batch of one sample
        collate_fn=_as_it_is,
    )


def _as_it_is(batch: Any) -> Any:
    return batch


def _check_finite(module: Classifier, recipe: Recipe) -> None:
    losses = torch.stack(module.losses).cpu() if module.losses else torch.zeros(1)
    weights = all(bool(part.isfinite().all()) for part in module.network.state_dict().values())
    if bool(losses.isfinite().all()) and weights:
        return
    wrong = (~losses.isfinite()).nonzero()
    where = f"at step {int(wrong[0]) + 1} of {recipe.steps}" if len(wrong) else f"within {recipe.steps} steps"
    raise TrainingDiverged(
        f"training gave NaN or infinity {where}; lower model.learning_rate (now {recipe.learning_rate:g}), "
        "set trainer.gradient_clip_val=1, or use trainer.precision=32-true."
    )


class Reporter(pl.Callback):
    """Tells how far the training is, fifty times or so."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self.progress = progress
        self.steps = steps
        self.every = max(1, steps // 50)

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Report every so many steps, and at the last."""
        if trainer.global_step % self.every == 0 or trainer.global_step == self.steps:
            self.progress("train", trainer.global_step, self.steps)


class Best(EarlyStopping):
    """Stops when the validation loss no longer falls, and keeps the weights of its lowest point in memory."""

    def __init__(self, patience: int) -> None:
        super().__init__(monitor="val_loss", mode="min", patience=patience, check_finite=True)
        self.weights: dict[str, Tensor] = {}
        self.lowest = float("inf")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look, keep, perhaps stop."""
        loss = float(trainer.callback_metrics["val_loss"])
        if loss < self.lowest:
            self.lowest = loss
            self.weights = {name: value.detach().clone() for name, value in pl_module.state_dict().items()}
        super().on_validation_end(trainer, pl_module)

    def restore(self, module: pl.LightningModule) -> None:
        """Put the best weights back."""
        if self.weights:
            module.load_state_dict(self.weights)
