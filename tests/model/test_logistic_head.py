from dataclasses import replace

import numpy as np
import pytest
import torch

from model.samples import Stripes
from model.test_linear_head import Counting
from poolwise.core.errors import ConfigError, DataError
from poolwise.core.types import LabelledSet, Need, Task
from poolwise.model.backbones import Pixels, SmallCNN
from poolwise.model.linear_head import LinearHead
from poolwise.model.logistic_head import LogisticHead

HEAD = LogisticHead(backbone=Pixels(), trainer={"accelerator": "cpu"})
ALL = np.arange(90)


@pytest.mark.parametrize("task", list(Task))
def test_it_learns(task):
    images = Stripes(task=task)
    found = HEAD.fit(images, images.set(*range(60)), None, seed=0).predict(images, ALL[60:], Need.PROBS, seed=0)
    said = found.probs.argmax(axis=1) if task is Task.MULTICLASS else found.probs > 0.5
    assert (said == images.labels[60:]).mean() > 0.9


def test_neither_seed_nor_order_of_labels_nor_the_last_model_matters():
    images = Stripes()
    one = HEAD.fit(images, images.set(*range(30)), None, seed=0)
    two = HEAD.fit(images, images.set(*reversed(range(30))), images.set(40), seed=5, previous=one)
    first, second = (model.predict(images, ALL, Need.PROBS, seed=0).probs for model in (one, two))
    assert np.allclose(first, second, atol=1e-3)


def test_one_label_and_one_class_alone_are_enough():
    images = Stripes()
    for ids in ([0], [0, 3, 6]):
        found = HEAD.fit(images, images.set(*ids), None, seed=0).predict(images, ALL, Need.PROBS, seed=0)
        assert (found.probs[ids].argmax(axis=1) == 0).all()
    with pytest.raises(DataError, match="no labelled sample"):
        HEAD.fit(images, LabelledSet(ALL[:0], images.labels[:0]), None, seed=0)


def test_draws_differ_by_what_they_drop():
    images = Stripes()
    model = replace(HEAD, draws=4).fit(images, images.set(), None, seed=0)
    draws = model.predict(images, ALL, Need.DRAWS, seed=0).log_probs_nkc
    assert draws.shape == (90, 4, 3)
    assert np.ptp(np.exp(draws), axis=1).max() > 0.01
    with pytest.raises(ConfigError, match=r"model\.dropout"):
        replace(HEAD, dropout=0.0).fit(images, images.set(), None, seed=0).predict(images, ALL, Need.DRAWS, seed=0)


def test_a_head_is_not_read_by_the_other_kind_with_other_classes(tmp_path):
    images = Stripes()
    model = HEAD.fit(images, images.set(), None, seed=0)
    model.save(tmp_path / "head.pt")
    again = HEAD.load(tmp_path / "head.pt", images)
    assert torch.equal(again.network.head.weight, model.network.head.weight)
    assert again.info == model.info
    with pytest.raises(ConfigError, match="task"):
        HEAD.load(tmp_path / "head.pt", Stripes(task=Task.MULTILABEL))


@pytest.mark.parametrize(
    ("options", "said"),
    [({"prior_variance": 0.0}, "prior_variance"), ({"dropout": 1.0}, "dropout"), ({"draws": 0}, "draws")],
)
def test_impossible_options_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        replace(HEAD, **options)
    with pytest.raises(ConfigError, match="random weights"):
        replace(HEAD, backbone=SmallCNN())


@pytest.mark.parametrize("kind", [HEAD, LinearHead(backbone=Pixels(), min_steps=1, epochs=0, trainer=HEAD.trainer)])
def test_kept_features_are_read_instead_of_pictures_and_say_the_same(tmp_path, kind):
    images, again = Counting(), Counting()
    kept = [replace(kind, features_dir=str(tmp_path / "kept")) for _ in range(2)]
    first = kept[0].fit(images, images.set(0, 1, 2), None, seed=0).predict(images, ALL, Need.EMBEDDINGS, seed=0)
    second = kept[1].fit(again, images.set(0, 1, 2), None, seed=0).predict(again, ALL, Need.EMBEDDINGS, seed=0)
    plain = kind.fit(images, images.set(0, 1, 2), None, seed=0).predict(images, ALL, Need.EMBEDDINGS, seed=0)
    assert np.array_equal(first.embeddings, plain.embeddings)
    assert np.array_equal(second.embeddings, plain.embeddings)
    assert len(again.read_ids) == 64  # the probes alone
    assert sorted(file.name for file in (tmp_path / "kept").glob("*/*")) == ["000000.npy", "store.json"]


def test_kept_features_of_other_pictures_or_weights_are_other_stores_and_a_damaged_shard_is_made_anew(tmp_path):
    learner = replace(HEAD, features_dir=str(tmp_path))
    for images in (Stripes(), Stripes(n=60), Stripes(side=6)):
        learner.fit(images, images.set(0, 1, 2), None, seed=0)
    replace(learner, mean=(1.0,), std=(2.0,)).fit(Stripes(), Stripes().set(0, 1), None, seed=0)
    shards = list(tmp_path.glob("*/*.npy"))
    assert len(shards) == 4
    sizes = {file: file.stat().st_size for file in shards}
    for file in sizes:
        file.write_bytes(file.read_bytes()[:200])
    replace(learner).fit(Stripes(), Stripes().set(0, 1), None, seed=0)
    assert sum(file.stat().st_size == size for file, size in sizes.items()) == 1
