"""Every learner of conf/model keeps the promises of protocols.Learner."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from model.samples import Stripes
from poolwise.core.errors import ConfigError
from poolwise.core.parts import TARGET, build_part, conf_dir, find_target
from poolwise.core.types import Need, Task
from poolwise.model.patches import learn_patches

PARTS = sorted((conf_dir() / "model").glob("*.yaml"))
TRAINERS = sorted((conf_dir() / "trainer").glob("*.yaml"))
QUICK = {"min_steps": 2, "epochs": 0, "draws": 3, "trainer": {"accelerator": "cpu"}}
SMALL = {"resnet18_cifar": {"backbone": {"base": 4}}, "torchvision": {"backbone": {"name": "squeezenet1_1"}}}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=PARTS, ids=lambda path: path.stem)
def learner(request, tmp_path):
    node = OmegaConf.load(request.param)
    quick = {key: value for key, value in QUICK.items() if key in node}
    node = OmegaConf.merge(node, quick, SMALL.get(request.param.stem, {}))
    if node.backbone.get("weights"):  # nothing is downloaded in tests
        from torchvision.models import squeezenet1_1

        torch.save(squeezenet1_1().state_dict(), tmp_path / "weights.pt")
        node.backbone.update(name="squeezenet1_1", weights=None, weights_file=str(tmp_path / "weights.pt"))
    if node.backbone[TARGET].endswith("Patches"):
        images = Stripes(side=32, n=12)
        learnt = learn_patches(images.read(np.arange(12)), 0, filters=6, size=5, width=8)
        torch.save(learnt, tmp_path / "weights.pt")
        node.backbone.weights_file = str(tmp_path / "weights.pt")
    return build_part(node, where="model")


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_a_yaml_names_every_option_with_its_default_or_its_own_value(path):
    node = OmegaConf.load(path)
    for part in (node, node.backbone):
        known = {option.name for option in fields(find_target(part[TARGET], "model"))}
        assert {str(key) for key in part} - {TARGET} == known


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_every_option_has_a_comment(path):
    for line in path.read_text().splitlines():
        assert "#" in line or TARGET in line or line.strip() == "backbone:" or not line


@pytest.mark.parametrize("path", PARTS, ids=lambda path: path.stem)
def test_misspelt_options_are_refused(path):
    node = OmegaConf.merge(OmegaConf.load(path), {"dropou": 0.1})
    with pytest.raises(ConfigError, match="did you mean 'dropout'"):
        build_part(node, where="model")


@pytest.mark.parametrize("path", TRAINERS, ids=lambda path: path.stem)
def test_trainer_options_are_lightnings_own(path):
    import pytorch_lightning as pl

    assert {str(key) for key in OmegaConf.load(path)} <= set(inspect.signature(pl.Trainer.__init__).parameters)


@pytest.mark.parametrize("task", list(Task))
def test_fit_predict_save_load_export(learner, task, tmp_path):
    images, ids = Stripes(side=32, n=12, task=task), np.array([0, 3, 4, 11])
    needs = Need.PROBS | Need.EMBEDDINGS | Need.DRAWS
    model = learner.fit(images, images.set(), images.set(1, 2), seed=0)
    found = model.predict(images, ids, needs, seed=0)
    assert found.probs.shape == (4, 3)
    assert found.probs.dtype == found.embeddings.dtype == found.log_probs_nkc.dtype == np.float32
    assert found.log_probs_nkc.shape == (4, 3, 3)
    assert model.info["steps"] == 2 or not hasattr(learner, "min_steps")
    model.save(tmp_path / "model.pt")
    again = learner.load(tmp_path / "model.pt", images).predict(images, ids, needs, seed=0)
    assert np.array_equal(again.probs, found.probs)
    assert np.array_equal(again.embeddings, found.embeddings)
    with torch.inference_mode():
        probs = model.exported()(torch.from_numpy(images.read(ids)))
    assert np.allclose(probs, found.probs, atol=1e-5)


@pytest.mark.parametrize("task", list(Task))
def test_the_head_turns_embeddings_into_probabilities(learner, task):
    images, ids = Stripes(side=32, n=12, task=task), np.arange(5)
    needs = Need.PROBS | Need.EMBEDDINGS | Need.HEAD
    found = learner.fit(images, images.set(), None, seed=0).predict(images, ids, needs, seed=0)
    assert found.head.weights.dtype == found.head.bias.dtype == np.float32
    logits = torch.from_numpy(found.embeddings @ found.head.weights.T + found.head.bias)
    probs = torch.sigmoid(logits) if task is Task.MULTILABEL else torch.softmax(logits, dim=1)
    assert np.allclose(probs, found.probs, atol=1e-4)
    assert learner.fit(images, images.set(), None, seed=0).predict(images, ids, Need.PROBS, seed=0).head is None


def test_same_arguments_same_model(learner):
    images = Stripes(side=32, n=12)
    one, two = (
        learner.fit(images, images.set(0, 1, 2), None, seed=3).predict(images, np.arange(12), Need.PROBS, seed=0)
        for _ in range(2)
    )
    assert np.array_equal(one.probs, two.probs)
