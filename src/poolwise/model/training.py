"""Training one network, from samples to weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping
from torch import Tensor

from poolwise.core.errors import ConfigError, TrainingDiverged
from poolwise.core.interfaces import Progress
from poolwise.model.batches import Inputs, Passes, Rows, steps_of
from poolwise.model.classifier import Classifier, Recipe
from poolwise.model.margin_callback import MarginCallback
from poolwise.model.network import Network
from poolwise.model.trainer import build_trainer, fit, is_shared, is_watched, switches_kept

CHECK_STEPS = 20
"""Steps between two looks at the validation samples, at least; a pass over few samples is too short."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What to learn from: inputs by row, and labels (L,) int64 or (L, C) float."""

    inputs: Inputs
    labels: Tensor


def planned_steps(count: int, batch_size: int, epochs: int, min_steps: int, max_steps: int | None = None) -> int:
    """Optimiser steps: so many passes, but never fewer than `min_steps` (small sets would learn nothing).

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
    """A trainer that ends with the recipe's steps and, where the best weights are kept, looks for them now and then."""
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
        """Every so many steps, and at the last."""
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
