"""Logistic regression on embeddings that stay as they are: one answer for given labels, found in a fraction of a second."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import torch

from poolwise.core.interfaces import FittedModel, ImageSource, Progress
from poolwise.core.ranges import BelowOne, Checked, Count, Positive
from poolwise.core.types import LabelledSet
from poolwise.model.backbones import Backbone
from poolwise.model.frozen_head import FittedHead, FrozenLearner
from poolwise.model.learner import check_normalisation, label_tensor
from poolwise.model.logistic import solve
from poolwise.model.network import feature_statistics
from poolwise.model.regularisation import choose_variance


@dataclass(frozen=True, kw_only=True)
class LogisticHead(Checked, FrozenLearner):
    """Multinomial logistic regression with a Gaussian prior, multi-label: one regression a class.

    The problem is convex and its solution does not depend on a seed. Classes without a label yet are allowed: their
    probability follows from the prior.

    Dropout is applied to the draws alone (the features of a draw are multiplied by one mask), not in the fit: the draws say
    how much the answer hangs on single features and are no sample of a posterior.

    Attributes:
        backbone: what makes embeddings; with trained weights.
        prior_variance: variance that a logit has before any label is seen, for a picture of average length; higher follows
            the labels more closely. Equivalent to an L2 penalty of D / (2 * prior_variance) on weights for features of
            mean square 1, where the loss is summed over samples. None: chosen each time by cross-validation on the labels.
        max_iterations: of L-BFGS.
        score_batch_size: pictures that go through the backbone at once.
        dropout: share of the embedding that is dropped in draws.
        draws: stochastic draws (K) for strategies that want them.
        mean: subtracted from the pictures, one number a channel in 0..255; None: from weights, else 127.5.
        std: divided by, likewise.
        channels_last: memory layout of pictures and kernels.
        features_dir: folder in which embeddings are kept from run to run; "": nowhere.
        trainer: options of Lightning's Trainer; only where and in what precision it computes matters here.
    """

    backbone: Annotated[Any, Backbone]
    prior_variance: Positive | None = 10.0
    max_iterations: Count = 500
    score_batch_size: Count = 256
    dropout: BelowOne = 0.2
    draws: Count = 10
    mean: tuple[float, ...] | None = None
    std: tuple[Positive, ...] | None = None
    channels_last: bool = True
    features_dir: str = ""
    trainer: Any = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_normalisation(self.mean, self.std)
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
        """Solve for the head; `validation` and `previous` change nothing, `seed` only deals the folds that choose a variance.

        Raises:
            DataError, InvalidArray, TrainingDiverged, ConfigError: as `LightningLearner.fit`.
        """
        labels = label_tensor(train, images.manifest).to(self._machine.device)
        values = self._inputs(images, train.ids, progress).values
        mean, std = feature_statistics(values.cpu())
        network = self._head(values.shape[1], len(images.manifest.classes), mean, std)
        standard = ((values.cpu() - mean) / std).to(self._machine.device)
        variance, classes = self.prior_variance, network.head.out_features
        if variance is None:
            groups = images.manifest.groups
            variance = choose_variance(
                standard.cpu(), labels.cpu(), classes, None if groups is None else groups[train.ids], seed
            ).variance
        solution = solve(standard, labels, classes, variance, self.max_iterations)
        with torch.no_grad():
            network.head.weight.copy_(solution.weights)
            network.head.bias.copy_(solution.bias)
        info = {"labelled": float(len(train)), "prior_variance": variance, **solution.info}
        return self._fitted(network, images, info)
