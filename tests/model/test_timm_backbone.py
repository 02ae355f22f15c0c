"""Networks of timm as backbones: bundled weights, files of weights, what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from poolwise.core.errors import ConfigError
from poolwise.model.timm_backbone import TimmBackbone, bundled_weights
from poolwise.model.traced import Traced

SMALL = "test_efficientnet"


def pictures(count, side=64, channels=3):
    return torch.from_numpy(np.random.default_rng(0).normal(size=(count, channels, side, side)).astype(np.float32))


def test_the_bundled_weights_tell_pictures_apart_and_match_the_network_they_came_from():
    built = TimmBackbone().build((3, 224, 224)).eval()
    assert built.width == 1280
    reference = timm.create_model("tf_efficientnet_lite0")
    weights = torch.load(bundled_weights("tf_efficientnet_lite0"), weights_only=True)
    reference.load_state_dict(dict(zip(reference.state_dict(), weights.values(), strict=True)))
    reference.reset_classifier(0)
    some = pictures(2, 224)
    with torch.inference_mode():
        assert torch.allclose(built(some), reference.eval()(some), atol=1e-5)


def test_grey_pictures_and_pictures_of_another_size_are_brought_to_the_networks_own():
    built = TimmBackbone(SMALL, weights=None).build((1, 30, 30)).eval()
    with torch.inference_mode():
        assert built(pictures(2, 30, 1)).shape == (2, built.width)


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_weights_of_a_file_are_read_whatever_its_last_layer(tmp_path, ending):
    network, file = timm.create_model(SMALL, num_classes=7).eval(), tmp_path / f"weights{ending}"
    save_file(network.state_dict(), file) if ending == ".safetensors" else torch.save(network.state_dict(), file)
    built = TimmBackbone(SMALL, weights_file=str(file)).build((3, 160, 160)).eval()
    network.reset_classifier(0)
    with torch.inference_mode():
        assert torch.equal(built(pictures(1, 160)), network(pictures(1, 160)))


def test_weights_that_do_not_fit_are_refused_with_their_first_keys(tmp_path):
    file = tmp_path / "weights.pth"
    torch.save({"stem.weight": torch.zeros(1)}, file)
    with pytest.raises(ConfigError, match=r"lacks conv_stem.weight.* has besides stem.weight"):
        TimmBackbone(SMALL, weights_file=str(file)).build((3, 160, 160))
    file.write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="no plain weights"):
        TimmBackbone(SMALL, weights_file=str(file)).build((3, 160, 160))
    with pytest.raises(ConfigError, match="does not exist"):
        TimmBackbone(SMALL, weights_file=str(tmp_path / "none.pth")).build((3, 160, 160))


def test_a_misspelt_name_is_answered_with_near_ones_and_other_weights_with_the_words():
    with pytest.raises(ConfigError, match="did you mean .*resnet18"):
        TimmBackbone("resnet81").build((3, 64, 64))
    with pytest.raises(ConfigError, match="auto, download or null"):
        TimmBackbone(weights="DEFAULT")


def test_without_a_network_the_file_is_named_and_where_to_put_it(monkeypatch):
    def offline(*args, pretrained, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(
        ConfigError, match=r"model.safetensors of timm/resnet18.*weights_file=FILE.*tf_efficientnet_lite0"
    ):
        TimmBackbone("resnet18").build((3, 64, 64))


def test_a_traced_network_says_the_same_for_any_number_of_pictures():
    built = TimmBackbone(SMALL, weights=None).build((3, 64, 64)).eval()
    traced = Traced(built).eval()
    with torch.inference_mode():
        for count in (3, 1, 5):
            some = pictures(count, 160)
            assert torch.allclose(traced(some), built(some), atol=1e-4)
    assert all(isinstance(made, torch.jit.ScriptModule) for made in traced._made.values())


def test_what_cannot_be_traced_is_called_as_it_is():
    class Moody(torch.nn.Module):
        width = 3

        def forward(self, x):
            return x.mean((2, 3)) if len(x) == 2 else 2 * x.mean((2, 3))

    traced, some = Traced(Moody()), pictures(3, 8)
    with torch.inference_mode():
        assert torch.equal(traced(some), Moody()(some))
