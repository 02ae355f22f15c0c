"""Margins of every sample, collected while a network learns."""

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from model.samples import Stripes
from poolwise.core.errors import ConfigError
from poolwise.core.types import LabelledSet, Task
from poolwise.model.backbones import SmallCNN
from poolwise.model.batches import InMemory, Passes
from poolwise.model.learner import LightningLearner
from poolwise.model.margin_callback import MarginCallback
from poolwise.model.trainer import fit
from poolwise.model.training import Classifier, Recipe
from poolwise.quality.label_error.training_dynamics import area_under_margin

CPU = {"accelerator": "cpu"}
TINY = LightningLearner(
    backbone=SmallCNN(channels=(8,), width=16),
    epochs=1,
    min_steps=40,
    batch_size=16,
    learning_rate=0.01,
    trainer=CPU,
)


def test_margins_are_those_of_the_logits_that_the_loss_was_taken_of():
    class Frozen(Classifier):
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)

    torch.manual_seed(0)
    network, inputs, labels = torch.nn.Linear(4, 3), torch.randn(10, 4), torch.arange(10) % 3
    heard = MarginCallback(12)
    trainer = pl.Trainer(barebones=True, max_epochs=2, callbacks=[heard], accelerator="cpu")
    batches = Passes(InMemory(inputs), labels, 4, torch.Generator().manual_seed(0), numbered=True)
    module = Frozen(network, Recipe(Task.MULTICLASS, 6, 0.0))
    fit(trainer, module, batches, None)
    expected = area_under_margin(labels.numpy(), network(inputs).detach().numpy()[None])
    np.testing.assert_allclose(heard.areas()[:10], expected, atol=1e-5)
    assert np.isnan(heard.areas()[10:]).all()
    assert not network._forward_hooks


def test_wrong_labels_are_held_down_and_listening_changes_nothing():
    images = Stripes()
    labels = images.labels.copy()
    labels[:6] = (labels[:6] + 1) % 3
    given = LabelledSet(np.arange(90), labels)
    heard = MarginCallback(90)
    with_ears = TINY.fit(images, given, None, seed=0, margins=heard)
    without = TINY.fit(images, given, None, seed=0)
    areas = heard.areas()
    assert areas[:6].max() < np.median(areas)
    assert set(np.argsort(areas)[:6]) & set(range(6))
    assert areas[:6].mean() < areas[6:].mean()
    for name, value in with_ears.network.state_dict().items():
        assert torch.equal(value, without.network.state_dict()[name])


def test_several_processes_are_refused():
    learner = LightningLearner(backbone=SmallCNN(channels=(8,), width=16), trainer={**CPU, "strategy": "ddp_spawn"})
    with pytest.raises(ConfigError, match="within one process"):
        learner.fit(Stripes(), Stripes().set(*range(30)), None, seed=0, margins=MarginCallback(30))
