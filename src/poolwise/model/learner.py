"""The learner: a backbone, a head, and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor

from poolwise.core.errors import ConfigError, DataError, InvalidArray
from poolwise.core.interfaces import FittedModel, ImageSource, Learner, Progress
from poolwise.core.ranges import BelowOne, Checked, Count, Natural, NonNegative, Positive
from poolwise.core.types import (
    Augmentation,
    Floats,
    Ids,
    LabelledSet,
    Manifest,
    Need,
    PictureForm,
    Task,
    WarmStart,
    is_known,
)
from poolwise.model.backbones import Backbone
from poolwise.model.batches import inputs_of, statistics_sample
from poolwise.model.margin_callback import MarginCallback
from poolwise.model.network import Network, channel_statistics, identity, in_layout, read
from poolwise.model.scoring import FittedNetwork, Machine, half_of
from poolwise.model.trainer import build_trainer, is_shared, seeded, switches_kept, threads_for
from poolwise.model.training import Recipe, Samples, planned_steps, train_network
from poolwise.model.warm_start import begin_from


@dataclass(frozen=True, kw_only=True)
class Schedule(Checked):
    """What every learner is told about training and scoring.

    Attributes:
        epochs: passes over the labelled samples.
        min_steps: optimiser steps at least, however few the samples.
        max_steps: optimiser steps at most; None for no limit.
        batch_size: samples of a step, 4 or more.
        score_batch_size: samples scored at once, fewer where the pictures are large.
        learning_rate: at its highest.
        weight_decay: of AdamW.
        label_smoothing: share of each label that is spread over all classes.
        dropout: share of the embedding that is dropped in training and in draws.
        draws: stochastic draws (K) for strategies that want them.
        patience: looks at the validation samples without progress before training stops; 0: never look.
        mean: subtracted from the pictures, one number a channel in 0..255; None: from weights or training pictures.
        std: divided by, likewise.
        channels_last: memory layout of pictures and kernels.
        trainer: options of Lightning's Trainer.
    """

    epochs: Natural = 20
    min_steps: Natural = 200
    max_steps: Count | None = None
    batch_size: Annotated[int, Ge(4)] = 64
    score_batch_size: Count = 256
    learning_rate: Positive = 3e-3
    weight_decay: NonNegative = 0.01
    label_smoothing: BelowOne = 0.0
    dropout: BelowOne = 0.2
    draws: Count = 10
    patience: Natural = 0
    mean: tuple[float, ...] | None = None
    std: tuple[Positive, ...] | None = None
    channels_last: bool = True
    trainer: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_normalisation(self.mean, self.std)

    def recipe(self, task: Task, count: int, augmentation: Augmentation, seed: int, device: torch.device) -> Recipe:
        """Return how to train on so many samples."""
        return Recipe(
            task=task,
            steps=planned_steps(count, self.batch_size, self.epochs, self.min_steps, self.max_steps),
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            augmentation=augmentation,
            seed=seed,
            fused=device.type == "cpu",
        )

    def machine(self) -> Machine:
        """Return where Lightning would compute, and in what precision.

        Raises:
            ConfigError: Trainer options that do not exist or do not go together.
        """
        return machine_of(self.trainer, self.channels_last)


@dataclass(frozen=True, kw_only=True)
class LightningLearner(Schedule, Learner):
    """Trains a backbone and its head together, with PyTorch Lightning.

    Attributes:
        backbone: what makes embeddings of pictures.
        warm_start: where each round's weights come from.
        shrink: factor on the last round's weights, for warm_start=shrink_perturb (Ash and Adams 2020).
        perturb: factor on fresh weights, likewise.
        augment: whether training pictures may be changed in the ways that their source allows.
    """

    backbone: Annotated[Any, Backbone]
    warm_start: WarmStart = WarmStart.FRESH
    shrink: float = 0.4
    perturb: float = 0.1
    augment: bool = True

    @property
    def transform(self) -> PictureForm | None:
        """What the backbone says."""
        own: Backbone = self.backbone
        return own.transform

    @property
    def needs_previous(self) -> bool:
        """Return whether `fit` makes use of the last round's model."""
        return self.warm_start is not WarmStart.FRESH

    def fit(
        self,
        images: ImageSource,
        train: LabelledSet,
        validation: LabelledSet | None,
        *,
        seed: int,
        previous: FittedModel | None = None,
        progress: Progress | None = None,
        margins: MarginCallback | None = None,
    ) -> FittedNetwork:
        """Train. Same arguments, same weights; nothing outside is changed, but `margins` hears how each label is learnt.

        Raises:
            DataError: no sample to train on.
            InvalidArray: labels of another shape, or unknown.
            TrainingDiverged: NaN.
            ConfigError: options that do not go together, pictures that the backbone cannot take.
        """
        manifest = images.manifest
        labels = label_tensor(train, manifest)
        machine = self.machine()
        batch = self.batch_size * int(np.prod(images.shape))
        with seeded(seed, machine.device), threads_for(batch, machine.device):
            inputs = inputs_of(images, train.ids, machine.store)
            network = self._network(images, statistics_sample(inputs) if self._measured() else None)
            if self.needs_previous and previous is not None:
                begin_from(network, network_of(previous), self.warm_start, shrink=self.shrink, perturb=self.perturb)
            network = in_layout(network, self.channels_last)
            info = train_network(
                network,
                self.recipe(manifest.task, len(train), self._augmentation(images), seed, machine.device),
                Samples(inputs, labels.to(machine.store)),
                self._validation(images, validation, machine.store),
                batch_size=self.batch_size,
                patience=self.patience,
                options=self.trainer,
                progress=progress,
                margins=margins,
            )
        return self._fitted(network, images, machine, {"labelled": float(len(train)), **info})

    def margins(self, images: ImageSource, train: LabelledSet, *, seed: int) -> NDArray[np.float64]:
        """Return (L,) areas under the margins of the labels; see `MarginCallback`."""
        heard = MarginCallback(len(train))
        self.fit(images, train, None, seed=seed, margins=heard)
        return heard.areas()

    @property
    def embeds(self) -> bool:
        """Return whether the backbone has trained weights."""
        return bool(self.backbone.pretrained)

    def embed(self, images: ImageSource, ids: Ids, progress: Progress | None = None) -> Floats | None:
        """Return (n, D) embeddings of a backbone with trained weights, before the first label; None where it has none."""
        if not self.backbone.pretrained:
            return None
        machine = self.machine()
        with seeded(0, machine.device):
            # weights that name no normalisation: a sample of the pictures stands for those of the training
            some = ids[: self.score_batch_size] if self._measured() else None
            pictures = None if some is None else statistics_sample(inputs_of(images, some, machine.store))
            network = in_layout(self._network(images, pictures), self.channels_last)
        fitted = self._fitted(network, images, machine, {})
        return fitted.predict(images, ids, Need.EMBEDDINGS, seed=0, progress=progress).embeddings

    def load(self, path: Any, images: ImageSource) -> FittedNetwork:
        """Return the model that `FittedNetwork.save` wrote. Raises ConfigError for a file of another network."""
        found = read(path, identity(self.backbone, images.shape, images.manifest, self.dropout))
        machine = self.machine()
        with seeded(0, machine.device):
            network = self._network(images, None, blank=True)
        network.load_state_dict(found.state)
        return self._fitted(network, images, machine, dict(found.info))

    def _fitted(self, network: Network, images: ImageSource, machine: Machine, info: dict[str, float]) -> FittedNetwork:
        return FittedNetwork(
            network=machine.settle(network),
            task=images.manifest.task,
            machine=machine,
            batch_size=self.score_batch_size,
            draws=self.draws,
            fits=identity(self.backbone, images.shape, images.manifest, self.dropout),
            info=info,
        )

    def _network(self, images: ImageSource, pictures: Tensor | None, *, blank: bool = False) -> Network:
        spec: Backbone = self.backbone
        mean, std = self._normalisation(images.shape[0], pictures)
        return Network(spec.build(images.shape, blank=blank), len(images.manifest.classes), mean, std, self.dropout)

    def _measured(self) -> bool:
        return self.mean is None and self.backbone.normalisation is None

    def _normalisation(self, channels: int, pictures: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.mean is not None and self.std is not None:
            return per_channel(self.mean, channels), per_channel(self.std, channels)
        if self.backbone.normalisation is not None:
            mean, std = self.backbone.normalisation
            return per_channel(mean, channels), per_channel(std, channels)
        if pictures is None:  # about to be read from a file
            return torch.zeros(channels, 1, 1), torch.ones(channels, 1, 1)
        return channel_statistics(pictures.cpu())

    def _augmentation(self, images: ImageSource) -> Augmentation:
        return images.augmentation if self.augment else Augmentation.NONE

    def _validation(self, images: ImageSource, held: LabelledSet | None, device: torch.device) -> Samples | None:
        if held is None or not len(held) or not self.patience:
            return None
        return Samples(inputs_of(images, held.ids, device), label_tensor(held, images.manifest).to(device))


def machine_of(options: Any, channels_last: bool) -> Machine:
    """Return where Lightning's Trainer with these options would compute, and in what precision.

    Raises:
        ConfigError: Trainer options that do not exist or do not go together.
    """
    with switches_kept():
        trainer = build_trainer(options)
    return Machine(trainer.strategy.root_device, half_of(options), channels_last, is_shared(trainer))


def check_normalisation(mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> None:
    """Raise ConfigError unless both are given or neither."""
    if (mean is None) != (std is None):
        raise ConfigError("model.mean and model.std go together, one number a channel.")


def label_tensor(labelled: LabelledSet, manifest: Manifest) -> Tensor:
    """Return labels as the loss wants them: (L,) int64, or (L, C) float32.

    Raises:
        DataError: no sample.
        InvalidArray: unknown labels, or of another shape.
    """
    if not len(labelled):
        raise DataError("there is no labelled sample to train on; label some, or raise seed_size.")
    labels, classes = np.asarray(labelled.labels), len(manifest.classes)
    several = manifest.task is Task.MULTILABEL
    shape = (len(labelled), classes) if several else (len(labelled),)
    if labels.shape != shape:
        raise InvalidArray(
            f"labels of {len(labelled)} {manifest.task.value} samples must be {shape}; got {labels.shape}."
        )
    if not is_known(labels).all():
        raise InvalidArray(f"{int((~is_known(labels)).sum())} of {len(labelled)} labels to train on are unknown.")
    top = 1 if several else classes - 1
    if labels.max() > top:
        raise InvalidArray(f"labels to train on must lie in 0..{top}; got {int(labels.max())}.")
    return torch.from_numpy(np.ascontiguousarray(labels, dtype=np.float32 if several else np.int64))


def network_of(model: FittedModel) -> Network:
    """Return the network of a model of ours. Raises ConfigError for anything else."""
    if not isinstance(model, FittedNetwork):
        raise ConfigError(f"model.warm_start needs a model of the same learner; got a {type(model).__name__}.")
    return model.network


def per_channel(values: tuple[float, ...], channels: int) -> Tensor:
    """Return numbers as (channels, 1, 1); three become their mean for grey pictures, one serves all channels."""
    given = torch.tensor(values, dtype=torch.float32)
    if len(given) == 1:
        given = given.repeat(channels)
    if len(given) == 3 and channels == 1:
        given = given.mean().reshape(1)
    if len(given) != channels:
        raise ConfigError(f"model.mean and model.std have {len(given)} numbers; the pictures have {channels} channels.")
    return given.reshape(-1, 1, 1)
