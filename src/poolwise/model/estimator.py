"""Our learners under scikit-learn's conventions, so that modAL can train and query them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from poolwise.core.errors import InvalidArray, listed
from poolwise.core.interfaces import ImageSource, Learner, with_defaults
from poolwise.core.types import Floats, Ids, LabelledSet, Need, Task
from poolwise.model.array_source import Scale, Source, from_array, renamed, scale_of
from poolwise.model.backbones import SmallCNN
from poolwise.model.learner import LightningLearner


@dataclass(frozen=True, eq=False)
class Form:
    """What a fit learned of the form of X and y: the task, the classes, and how plain pictures become pixels."""

    task: Task
    classes: NDArray[Any]
    scale: Scale | None


class LightningEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of pictures for scikit-learn and for modAL's `ActiveLearner` and `Committee`.

    X is one of two things:

    - with `images`: sample ids, (n, 1) or (n,). modAL keeps and joins copies of X, so this is the way for pools;
    - without: the pictures, (n, height, width) or (n, channels, height, width), of any type of number.

    y holds one label a sample, of any type and any subset of the classes: the network has an output for each class
    that it has seen, and `classes_` says in which order; or (n, C) of 0 and 1 for a multi-label task.

    Attributes:
        images: where the pictures of sample ids are read.
        learner: what trains; None: `LightningLearner` with `SmallCNN`.
        seed: of weights and batches. Same seed and data, same weights: give the members of a committee different ones.
        classes_: (C,) labels, sorted; the columns of `predict_proba`. Set by `fit`, like all that follow.
        n_features_in_: numbers in one row of X.
        model_: the fitted model; `model_.predict` also gives embeddings and stochastic draws.
        form_: the task, the classes, and which values of plain pictures are black and white.
        shape_: (channels, height, width) of a picture.
    """

    def __init__(self, images: ImageSource | None = None, learner: Learner | None = None, seed: int = 0) -> None:
        self.images = images
        self.learner = learner
        self.seed = seed

    def __sklearn_clone__(self) -> LightningEstimator:
        """Return an unfitted one around the same pictures: scikit-learn's own way would copy them."""
        return type(self)(**self.get_params(deep=False))

    def fit(self, X: ArrayLike, y: ArrayLike) -> LightningEstimator:  # noqa: N803
        """Train anew on all that is given, or from the last weights if the learner's `warm_start` says so.

        Raises:
            InvalidArray: X is none of the two, or y has another length or is no class labels.
            PoolwiseError: as the learner's `fit`.
        """
        rows, given = np.asarray(X), np.asarray(y)
        if given.ndim == 0 or len(rows) != len(given) or not len(given):
            raise InvalidArray(
                f"y must have a label for each of {len(rows)} rows of X, one or more; got {given.shape}."
            )
        task, classes, labels = _encoded(given)
        form = Form(task, classes, scale_of(rows) if self.images is None else None)
        learner = (
            LightningLearner(backbone=SmallCNN()) if self.learner is None else with_defaults(self.learner, Learner)
        )
        source, ids = self._source(rows, form)
        previous = self._previous(learner, form)
        self.model_ = learner.fit(source, LabelledSet(ids, labels), None, seed=self.seed, previous=previous)
        self.form_, self.classes_, self.shape_ = form, classes, source.shape
        self.n_features_in_ = int(np.prod(rows.shape[1:]))
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return (n, C) probabilities in the order of `classes_`; multi-class rows sum to 1.

        Raises:
            NotFittedError: before `fit`.
            InvalidArray: X is not of the form that was fitted.
        """
        check_is_fitted(self)
        source, ids = self._source(np.asarray(X), self.form_)
        if source.shape != self.shape_:
            raise InvalidArray(f"pictures are {source.shape}; those fitted were {self.shape_}.")
        probs = self.model_.predict(source, ids, Need.PROBS, seed=self.seed).probs
        assert probs is not None
        return probs

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Return (n,) labels, the most probable each; or (n, C) of 0 and 1, the labels at one half or above."""
        probs = self.predict_proba(X)
        if self.form_.task is Task.MULTILABEL:
            return (probs >= 0.5).astype(np.int64)
        return np.asarray(self.classes_[probs.argmax(axis=1)])

    def _previous(self, learner: Learner, form: Form) -> Any:
        """Return the last model, for learners that begin from it, as long as the classes are the same."""
        same = hasattr(self, "model_") and np.array_equal(self.classes_, form.classes)
        return self.model_ if same and learner.needs_previous else None

    def _source(self, rows: NDArray[Any], form: Form) -> tuple[Source, Ids]:
        """Return where the pictures of X are read, and under which ids."""
        names = [str(name) for name in form.classes]
        if self.images is not None:
            return renamed(self.images, names, form.task), _ids(rows, len(self.images.manifest))
        assert form.scale is not None
        return from_array(form.scale.pixels(rows), names, form.task), np.arange(len(rows), dtype=np.int64)


def _encoded(given: NDArray[Any]) -> tuple[Task, NDArray[Any], NDArray[Any]]:
    """Return the task, the classes, and y in their numbers.

    scikit-learn's `type_of_target` would warn whenever half of the labels are of different classes, which is how active
    learning begins.
    """
    if given.ndim == 2 and given.shape[1] > 1:
        if not np.isin(given, (0, 1)).all():
            raise InvalidArray(f"y of shape {given.shape} must hold 0 and 1 alone: one column a label.")
        return Task.MULTILABEL, np.arange(given.shape[1]), given.astype(np.int8)
    flat = given.reshape(len(given), -1)[:, 0]
    if flat.dtype.kind == "f" and not (flat == np.round(flat)).all():
        raise InvalidArray("y must hold class labels; got fractions or NaN.")
    classes, labels = np.unique(flat, return_inverse=True)
    return Task.MULTICLASS, classes, labels.astype(np.int64)


def _ids(rows: NDArray[Any], count: int) -> Ids:
    """Return the sample ids of an X; the same one may come several times, as in a bootstrap."""
    if rows.shape not in {(len(rows),), (len(rows), 1)} or rows.dtype.kind not in "iu":
        raise InvalidArray(
            f"with `images`, X must be (n, 1) sample ids, whole numbers; got shape {rows.shape}, dtype {rows.dtype}."
        )
    ids = rows.reshape(-1).astype(np.int64)
    wrong = ids[(ids < 0) | (ids >= count)]
    if wrong.size:
        raise InvalidArray(f"X must hold sample ids from 0 to {count - 1}; got {listed(wrong)}.")
    return ids
