"""What heads on frozen features share: the features, the fitted model, reading and writing it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from typing_extensions import Self

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import ImageSource, Learner, Progress
from poolwise.core.types import Floats, Head, Ids, Need, PictureForm, Predictions, Task
from poolwise.model.backbones import Backbone, Stack
from poolwise.model.batches import InMemory
from poolwise.model.frozen import FrozenFeatures
from poolwise.model.learner import machine_of, per_channel
from poolwise.model.network import Checkpoint, Exported, Network, identity, plain_state, read, write
from poolwise.model.scoring import Machine, score
from poolwise.model.trainer import seeded

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
        """Return the predictions of samples; their embeddings are the backbone's own. Raises TrainingDiverged."""
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
        return replace(
            found,
            embeddings=embeddings if Need.EMBEDDINGS in needs else None,
            head=folded(self.network) if Need.HEAD in needs else None,
        )

    def save(self, path: Path) -> None:
        """Write the head, and a digest of the backbone: its own weights do not change and are not written."""
        write(Checkpoint(self.fits, plain_state(self.network), self.info), path)

    def exported(self) -> Exported:
        """Return a module from pictures (n, C, H, W) in 0..255 to probabilities (n, C), backbone included, on the CPU."""
        network, features = copy.deepcopy(self.network).cpu(), copy.deepcopy(self.features.network).cpu()
        return Exported(network, self.task, features)


def folded(network: Network) -> Head:
    """Return a network's last layer on features as they are, the normalisation of features moved into its weights.

    >>> network = Network(Stack([], 1), 1, torch.tensor([3.0]), torch.tensor([2.0]))
    >>> head, features = folded(network), torch.tensor([[5.0]])
    >>> np_logit = features.numpy() @ head.weights.T + head.bias
    >>> bool(abs(np_logit - network(features).detach().numpy()).max() < 1e-5)
    True
    """
    with torch.no_grad():
        weights = network.head.weight.double() / network.std.double()
        bias = network.head.bias.double() - weights @ network.mean.double()
    return Head(weights.float().cpu().numpy(), bias.float().cpu().numpy())


class FrozenLearner(Learner):
    """What learners on frozen features share; a subclass is a frozen dataclass that has these options and says how to fit.

    Each picture goes through the backbone once in the life of the object.
    """

    backbone: Annotated[Any, Backbone]
    dropout: float
    draws: int
    score_batch_size: int
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    channels_last: bool
    trainer: Any
    features_dir: str
    needs_previous: ClassVar[bool] = False

    @property
    def transform(self) -> PictureForm | None:
        """What the backbone says."""
        own: Backbone = self.backbone
        return own.transform

    def keeping(self, folder: Path) -> Self:
        """Return the learner that keeps embeddings there, unless it was told where."""
        return self if self.features_dir else replace(self, features_dir=str(folder))  # type: ignore[type-var]

    def load(self, path: Path, images: ImageSource) -> FittedHead:
        """Return the model that `FittedHead.save` wrote. Raises ConfigError for a file of another network."""
        features = self._features(images)
        found = read(path, self._fits(images))
        empty = torch.zeros(features.width), torch.ones(1)
        network = self._head(features.width, len(images.manifest.classes), *empty)
        network.load_state_dict(found.state)
        return self._fitted(network, images, dict(found.info))

    def embed(self, images: ImageSource, ids: Ids, progress: Progress | None = None) -> Floats:
        """Return (n, D) embeddings, which need no label. Raises TrainingDiverged."""
        return self._features(images).of(images, ids, progress)

    def _check_backbone(self) -> None:
        if not self.backbone.pretrained:
            raise ConfigError(
                f"a head on {type(self.backbone).__name__} with random weights would learn little; "
                "set model.backbone.weights_file=..., or model.backbone.weights=DEFAULT of a torchvision network."
            )

    @cached_property
    def _machine(self) -> Machine:
        return machine_of(self.trainer, self.channels_last)

    @cached_property
    def _made(self) -> dict[tuple[int, int, int], FrozenFeatures]:
        return {}

    def _features(self, images: ImageSource) -> FrozenFeatures:
        """Return the frozen backbone for pictures of this shape, built once."""
        if images.shape not in self._made:
            spec: Backbone = self.backbone
            mean, std = (self.mean, self.std) if self.mean and self.std else spec.normalisation or GREY
            channels = images.shape[0]
            with seeded(0, self._machine.device):
                network = Network(spec.build(images.shape), 1, per_channel(mean, channels), per_channel(std, channels))
            folder = Path(self.features_dir).expanduser() if self.features_dir else None
            self._made[images.shape] = FrozenFeatures(
                network.requires_grad_(False), self._machine, self.score_batch_size, folder, str(self.backbone)
            )
        return self._made[images.shape]

    def _head(self, width: int, classes: int, mean: torch.Tensor, std: torch.Tensor) -> Network:
        return Network(Stack([], width), classes, mean, std, self.dropout)

    def _inputs(self, images: ImageSource, ids: Ids, progress: Progress | None = None) -> InMemory:
        found = self._features(images).of(images, ids, progress)
        return InMemory(torch.from_numpy(found).to(self._machine.store))

    def _fits(self, images: ImageSource) -> dict[str, Any]:
        own = identity(self.backbone, images.shape, images.manifest, self.dropout)
        return {**own, "frozen backbone": self._features(images).digest}

    def _fitted(self, network: Network, images: ImageSource, info: dict[str, float]) -> FittedHead:
        return FittedHead(
            network=self._machine.settle(network),
            features=self._features(images),
            task=images.manifest.task,
            machine=self._machine,
            batch_size=max(self.score_batch_size, 4096),  # rows of a matrix product, not pictures
            draws=self.draws,
            fits=self._fits(images),
            info=info,
        )
