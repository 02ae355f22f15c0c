from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from model.samples import Stripes
from poolwise.core.errors import ConfigError, DataError
from poolwise.core.types import Need
from poolwise.model.logistic_head import LogisticHead
from poolwise.model.patches import CONTRAST, Patches, PatchNetwork, contrast, learn_patches

PICTURES = np.random.default_rng(0).integers(0, 256, (20, 3, 9, 11), dtype=np.uint8)


@pytest.fixture(scope="module")
def learnt():
    return learn_patches(PICTURES, 0, filters=5, size=4, width=6)


def saved(state, folder):
    torch.save(state, folder / "patches.pt")
    return Patches(str(folder / "patches.pt"))


def test_the_convolution_is_the_description_of_each_patch(learnt):
    network, pictures = PatchNetwork(learnt), torch.rand(2, 3, 9, 11) * 2 - 1
    patches = functional.unfold(pictures, 4).transpose(1, 2).reshape(-1, 48)
    centred = patches - patches.mean(dim=1, keepdim=True)
    normal = centred / (centred.square().mean(dim=1, keepdim=True) + CONTRAST).sqrt()
    answers = (normal @ learnt["filters"].flatten(1).T - learnt["offset"]).relu()
    maps = answers.reshape(2, 6, 8, 5)
    halves = (slice(0, 3), slice(3, 6)), (slice(0, 4), slice(4, 8))
    quarters = [maps[:, rows, columns].mean(dim=(1, 2)) for rows in halves[0] for columns in halves[1]]
    expected = torch.stack(quarters, dim=2).flatten(1)
    assert torch.allclose(network.described(pictures), expected, atol=1e-5)
    assert torch.allclose(network(pictures), (expected - learnt["centre"]) @ learnt["components"].T, atol=1e-5)


def test_contrast_is_the_deviation_of_a_patch():
    picture = torch.rand(1, 2, 5, 5)
    found = contrast(picture, 5)
    assert found.item() == pytest.approx(float((picture.var(correction=0) + CONTRAST).sqrt()), rel=1e-4)


def test_embeddings_are_centred_and_uncorrelated_over_the_pictures_learnt_from(learnt):
    values = PatchNetwork(learnt)((torch.from_numpy(PICTURES) - 127.5) / 127.5)
    assert values.shape == (20, 6)
    assert torch.allclose(values.mean(dim=0), torch.zeros(6), atol=1e-4)
    scatter = values.T @ values
    assert torch.allclose(scatter, torch.diag(scatter.diagonal()), atol=1e-3 * float(scatter.max()))
    assert (scatter.diagonal().diff() <= 0).all()


def test_a_seed_has_one_dictionary(learnt):
    again, other = (learn_patches(PICTURES, seed, filters=5, size=4, width=6) for seed in (0, 1))
    assert all(torch.equal(learnt[name], again[name]) for name in learnt)
    assert not torch.equal(learnt["filters"], other["filters"])


def test_features_tell_stripes_apart(tmp_path):
    images = Stripes(side=10)
    backbone = saved(learn_patches(images.read(np.arange(90)), 0, filters=20, size=4, width=16), tmp_path)
    learner = LogisticHead(backbone=backbone, trainer={"accelerator": "cpu"})
    found = learner.fit(images, images.set(*range(30)), None, seed=0).predict(
        images, np.arange(30, 90), Need.PROBS | Need.EMBEDDINGS, seed=0
    )
    assert found.embeddings.shape == (60, 16)
    assert (found.probs.argmax(axis=1) == images.labels[30:]).mean() > 0.9


def test_what_is_no_file_of_patches_is_refused(learnt, tmp_path):
    spec = saved(learnt, tmp_path)
    with pytest.raises(ConfigError, match="3x4x4"):
        spec.build((1, 8, 8))
    with pytest.raises(ConfigError, match="3x4x4"):
        spec.build((3, 3, 3))
    with pytest.raises(ConfigError, match="does not exist"):
        replace(spec, weights_file="nowhere.pt").build((3, 8, 8))
    with pytest.raises(ConfigError, match=r"learn_patches\.py"):
        saved({"weight": torch.ones(1)}, tmp_path).build((3, 8, 8))
    with pytest.raises(ConfigError, match="weights_file"):
        LogisticHead(backbone=Patches())


def test_pictures_that_are_too_small_or_too_few_are_refused():
    with pytest.raises(ConfigError, match="9x11"):
        learn_patches(PICTURES, 0, size=10)
    with pytest.raises(ConfigError, match="filters"):
        learn_patches(PICTURES, 0, filters=0)
    with pytest.raises(DataError, match="got 1"):
        learn_patches(PICTURES[:1], 0, size=4)


def test_pictures_of_one_colour_are_no_trouble():
    state = learn_patches(np.full((4, 1, 6, 6), 7, dtype=np.uint8), 0, filters=3, size=3, width=2)
    assert torch.isfinite(PatchNetwork(state)(torch.zeros(1, 1, 6, 6))).all()
