from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch

from model.samples import Stripes
from poolwise.core.errors import ConfigError
from poolwise.core.types import Need, Task
from poolwise.model.backbones import Pixels, SmallCNN
from poolwise.model.linear_head import LinearHead
from poolwise.model.torchvision_backbone import TorchvisionBackbone

HEAD = LinearHead(backbone=Pixels(), min_steps=150, epochs=1, learning_rate=0.03, trainer={"accelerator": "cpu"})


@dataclass(frozen=True)
class Counting(Stripes):
    read_ids: list = field(default_factory=list, compare=False)

    def read(self, ids):
        self.read_ids.extend(ids.tolist())
        return super().read(ids)


@pytest.mark.parametrize("task", list(Task))
def test_it_learns(task):
    images = Stripes(task=task)
    found = HEAD.fit(images, images.set(*range(60)), None, seed=0).predict(
        images, np.arange(60, 90), Need.PROBS, seed=0
    )
    said = found.probs.argmax(axis=1) if task is Task.MULTICLASS else found.probs > 0.5
    assert (said == images.labels[60:]).mean() > 0.9


def test_every_picture_is_read_once():
    images, learner = Counting(), replace(HEAD, min_steps=1)
    for seed in range(3):
        model = learner.fit(images, images.set(*range(10 + seed)), None, seed=seed)
        model.predict(images, np.arange(5, 50), Need.PROBS | Need.EMBEDDINGS, seed=0)
    assert sorted(images.read_ids) == list(range(len(images.manifest)))  # whole blocks, each once


def test_embeddings_are_the_backbones_own_in_the_order_asked():
    images = Stripes()
    model = replace(HEAD, min_steps=1).fit(images, images.set(), None, seed=0)
    found = model.predict(images, np.array([7, 2]), Need.EMBEDDINGS, seed=0)
    pixels = images.read(np.array([7, 2])).reshape(2, -1)
    assert np.allclose(found.embeddings, (pixels - 127.5) / 127.5, atol=1e-6)
    assert found.probs is None


def test_same_seed_same_weights_and_a_loaded_head_says_the_same(tmp_path):
    images = Stripes()
    one, two = (replace(HEAD, min_steps=20).fit(images, images.set(), None, seed=4) for _ in range(2))
    assert torch.equal(one.network.head.weight, two.network.head.weight)
    one.save(tmp_path / "head.pt")
    again = HEAD.load(tmp_path / "head.pt", images)
    needs = Need.PROBS | Need.DRAWS
    first, second = (model.predict(images, np.arange(20), needs, seed=0) for model in (one, again))
    assert np.array_equal(first.probs, second.probs)
    assert np.array_equal(first.log_probs_nkc, second.log_probs_nkc)


def test_the_exported_module_takes_pictures():
    images = Stripes()
    model = replace(HEAD, min_steps=20).fit(images, images.set(), None, seed=0)
    with torch.inference_mode():
        probs = model.exported()(torch.from_numpy(images.read(np.arange(9))))
    assert np.allclose(probs, model.predict(images, np.arange(9), Need.PROBS, seed=0).probs, atol=1e-6)


def weights_file(folder, seed):
    from torchvision.models import squeezenet1_1

    torch.manual_seed(seed)
    torch.save(squeezenet1_1().state_dict(), folder / f"{seed}.pt")
    return TorchvisionBackbone("squeezenet1_1", weights_file=str(folder / f"{seed}.pt"))


def test_a_head_is_read_with_its_own_backbone_alone(tmp_path):
    images = Stripes(side=32, n=9)
    learner = replace(HEAD, backbone=weights_file(tmp_path, 0), min_steps=1)
    learner.fit(images, images.set(), None, seed=0).save(tmp_path / "head.pt")
    learner.load(tmp_path / "head.pt", images)
    assert (tmp_path / "head.pt").stat().st_size < 50_000
    with pytest.raises(ConfigError, match="frozen backbone"):
        replace(learner, backbone=weights_file(tmp_path, 1)).load(tmp_path / "head.pt", images)


def test_a_backbone_with_random_weights_is_refused():
    with pytest.raises(ConfigError, match="weights=DEFAULT"):
        replace(HEAD, backbone=SmallCNN())


def test_embeddings_do_not_depend_on_what_was_asked_before():
    """A resumed process asks for other pictures first; the last bit must be the same."""
    images, one, two = Counting(), replace(HEAD, score_batch_size=8), replace(HEAD, score_batch_size=8)
    ids = np.arange(3, 40)
    whole = one.fit(images, images.set(0, 1, 2), None, seed=0).predict(images, ids, Need.EMBEDDINGS, seed=0)
    model = two.fit(images, images.set(0, 1, 2), None, seed=0)
    pieces = [
        model.predict(images, ids[at : at + 1], Need.EMBEDDINGS, seed=0).embeddings for at in range(len(ids))[::-1]
    ]
    assert np.array_equal(np.concatenate(pieces[::-1]), whole.embeddings)
