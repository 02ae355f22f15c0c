"""A linear head on embeddings that stay as they are: rounds take a second once the embeddings are there."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from poolwise.errors import ConfigError
from poolwise.model.backbones import Backbone, Stack
from poolwise.model.batches import InMemory
from poolwise.model.checkpoint import Checkpoint, identity, plain_state, read, write
from poolwise.model.frozen import FrozenFeatures
from poolwise.model.learner import Schedule, label_tensor, per_channel
from poolwise.model.network import Exported, Network, feature_statistics
from poolwise.model.scoring import Machine, score
from poolwise.model.trainer import seeded
from poolwise.model.training import Samples, train_network
from poolwise.protocols import FittedModel, ImageSource, Progress
from poolwise.types import Augmentation, Ids, LabelledSet, Need, Predictions, Task

GREY: tuple[tuple[float, ...], tuple[float, ...]] = ((127.5,), (127.5,))
"""Mean and deviation for backbones that name none: the embeddings must not change with the training pictures."""


@dataclass(frozen=True, eq=False)
class FittedHead:
    """A trained head and the embeddings that it reads."""

    network: Network
    features: FrozenFeatures
    task: Task
    machine: Machine
    batch_size: int
    draws: int
    fits: Mapping[str, Any]
    info: dict[str, float]

    def predict(
        self, images: ImageSource, ids: Ids, needs: Need, *, seed: int, progress: Progress | None = None
    ) -> Predictions:
        """Score samples; their embeddings are the backbone's own. Raises TrainingDiverged."""
        embeddings = self.features.of(images, ids, progress)
        rows = [slice(at, min(at + self.batch_size, len(ids))) for at in range(0, len(ids), self.batch_size)]
        found = score(
            self.network,
            ((part, torch.from_numpy(embeddings[part])) for part in rows),
            ids,
            self.task,
            needs & ~Need.EMBEDDINGS,
            self.machine,
            draws=self.draws,
            seed=seed,
            progress=None,
        )
        return replace(found, embeddings=embeddings if Need.EMBEDDINGS in needs else None)

    def save(self, path: Path) -> None:
        """Write the head, and a digest of the backbone: its own weights do not change and are not written."""
        write(Checkpoint(self.fits, plain_state(self.network), self.info), path)

    def exported(self) -> Exported:
        """Pictures (n, C, H, W) in 0..255 to probabilities (n, C), backbone included, on the CPU."""
        network, features = copy.deepcopy(self.network).cpu(), copy.deepcopy(self.features.network).cpu()
        return Exported(network, self.task, features)


@dataclass(frozen=True, kw_only=True)
class LinearHead(Schedule):
    """Trains a linear layer on the embeddings of a frozen backbone; no augmentation, every round from fresh weights.

    Each picture goes through the backbone once in the life of this object.

    Attributes:
        backbone: what makes embeddings; with trained weights.
    """

    backbone: Any
    needs_previous = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.backbone.pretrained:
            raise ConfigError(
                f"a linear head on {type(self.backbone).__name__} with random weights would learn little; "
                "set model.backbone.weights=DEFAULT or model.backbone.weights_file=..."
            )

    def fit(
        self,
        images: ImageSource,
        train: LabelledSet,
        validation: LabelledSet | None,
        *,
        seed: int,
        previous: FittedModel | None = None,
        progress: Progress | None = None,
    ) -> FittedHead:
        """Train the head. Raises as `LightningLearner.fit`."""
        manifest, machine = images.manifest, self._machine
        labels = label_tensor(train, manifest).to(machine.store)
        features = self._features(images)
        inputs = self._inputs(features, images, train.ids, progress)
        with seeded(seed, machine.device):
            network = self._head(features.width, len(manifest.classes), *feature_statistics(inputs.values.cpu()))
            info = train_network(
                network,
                self.recipe(manifest.task, len(train), Augmentation.NONE, seed, machine.device),
                Samples(inputs, labels),
                self._validation(features, images, validation),
                batch_size=self.batch_size,
                patience=self.patience,
                options=self.trainer,
                progress=progress,
            )
        return self._fitted(network, features, images, {"labelled": float(len(train)), **info})

    def load(self, path: Path, images: ImageSource) -> FittedHead:
        """The model that `FittedHead.save` wrote. Raises ConfigError for a file of another network."""
        features = self._features(images)
        found = read(path, self._fits(images))
        empty = torch.zeros(features.width), torch.ones(1)
        network = self._head(features.width, len(images.manifest.classes), *empty)
        network.load_state_dict(found.state)
        return self._fitted(network, features, images, dict(found.info))

    @cached_property
    def _machine(self) -> Machine:
        return self.machine()

    @cached_property
    def _made(self) -> dict[tuple[int, int, int], FrozenFeatures]:
        return {}

    def _features(self, images: ImageSource) -> FrozenFeatures:
        """The frozen backbone for pictures of this shape, built once."""
        if images.shape not in self._made:
            spec: Backbone = self.backbone
            mean, std = (self.mean, self.std) if self.mean and self.std else spec.normalisation or GREY
            channels = images.shape[0]
            with seeded(0, self._machine.device):
                network = Network(spec.build(images.shape), 1, per_channel(mean, channels), per_channel(std, channels))
            self._made[images.shape] = FrozenFeatures(
                network.requires_grad_(False), self._machine, self.score_batch_size
            )
        return self._made[images.shape]

    def _head(self, width: int, classes: int, mean: torch.Tensor, std: torch.Tensor) -> Network:
        return Network(Stack([], width), classes, mean, std, self.dropout)

    def _inputs(
        self, features: FrozenFeatures, images: ImageSource, ids: Ids, progress: Progress | None = None
    ) -> InMemory:
        return InMemory(torch.from_numpy(features.of(images, ids, progress)).to(self._machine.store))

    def _validation(self, features: FrozenFeatures, images: ImageSource, held: LabelledSet | None) -> Samples | None:
        if held is None or not len(held) or not self.patience:
            return None
        labels = label_tensor(held, images.manifest).to(self._machine.store)
        return Samples(self._inputs(features, images, held.ids), labels)

    def _fits(self, images: ImageSource) -> dict[str, Any]:
        own = identity(self.backbone, images.shape, images.manifest, self.dropout)
        return {**own, "frozen backbone": self._features(images).digest}

    def _fitted(
        self, network: Network, features: FrozenFeatures, images: ImageSource, info: dict[str, float]
    ) -> FittedHead:
        return FittedHead(
            network=self._machine.settle(network),
            features=features,
            task=images.manifest.task,
            machine=self._machine,
            batch_size=max(self.score_batch_size, 4096),  # rows of a matrix product, not pictures
            draws=self.draws,
            fits=self._fits(images),
            info=info,
        )
