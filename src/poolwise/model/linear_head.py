"""A linear head on embeddings that stay as they are: rounds take a second once the embeddings are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from poolwise.core.interfaces import FittedModel, ImageSource, Progress
from poolwise.core.ranges import Natural, NonNegative, Positive
from poolwise.core.types import Augmentation, LabelledSet
from poolwise.model.backbones import Backbone
from poolwise.model.frozen_head import FittedHead, FrozenLearner
from poolwise.model.learner import Schedule, label_tensor
from poolwise.model.network import feature_statistics
from poolwise.model.trainer import seeded
from poolwise.model.training import Samples, train_network


@dataclass(frozen=True, kw_only=True)
class LinearHead(FrozenLearner, Schedule):
    """Trains a linear layer on the embeddings of a frozen backbone; no augmentation, every round from fresh weights.

    Each picture goes through the backbone once in the life of this object.

    Attributes:
        backbone: what makes embeddings; with trained weights.
        features_dir: folder in which embeddings are kept from run to run; "": nowhere.
    """

    backbone: Annotated[Any, Backbone]
    min_steps: Natural = 300
    learning_rate: Positive = 0.01
    weight_decay: NonNegative = 0.05
    features_dir: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_backbone()

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
        width = self._features(images).width
        inputs = self._inputs(images, train.ids, progress)
        with seeded(seed, machine.device):
            network = self._head(width, len(manifest.classes), *feature_statistics(inputs.values.cpu()))
            info = train_network(
                network,
                self.recipe(manifest.task, len(train), Augmentation.NONE, seed, machine.device),
                Samples(inputs, labels),
                self._validation(images, validation),
                batch_size=self.batch_size,
                patience=self.patience,
                options=self.trainer,
                progress=progress,
            )
        return self._fitted(network, images, {"labelled": float(len(train)), **info})

    def _validation(self, images: ImageSource, held: LabelledSet | None) -> Samples | None:
        if held is None or not len(held) or not self.patience:
            return None
        labels = label_tensor(held, images.manifest).to(self._machine.store)
        return Samples(self._inputs(images, held.ids), labels)
