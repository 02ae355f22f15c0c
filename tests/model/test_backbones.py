import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwise.core.errors import ConfigError
from poolwise.model.backbones import Backbone, Pixels, ResNet18, SmallCNN
from poolwise.model.torchvision_backbone import TorchvisionBackbone, last_layer

SMALL = {
    "resnet18": 512,
    "mobilenet_v3_small": 1024,
    "efficientnet_b0": 1280,
    "convnext_tiny": 768,
    "densenet121": 1024,
}
OTHERS = {"squeezenet1_1": 512, "shufflenet_v2_x0_5": 1024, "regnet_y_400mf": 440, "mnasnet0_5": 1280}


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([1, 3]), st.integers(1, 40), st.integers(1, 40))
def test_small_networks_take_pictures_of_any_size(channels, height, width):
    for spec in (Pixels(), SmallCNN(channels=(4, 8), width=16), ResNet18(base=2)):
        built = spec.build((channels, height, width)).eval()
        assert built(torch.zeros(2, channels, height, width)).shape == (2, built.width)


def test_every_specification_is_a_backbone():
    assert all(isinstance(spec, Backbone) for spec in (Pixels(), SmallCNN(), ResNet18(), TorchvisionBackbone()))


def test_resnet18_has_the_usual_number_of_weights():
    built = ResNet18().build((3, 32, 32))
    assert built.width == 512
    assert sum(part.numel() for part in built.parameters()) == 11_168_832  # 11,173,962 with a head for ten classes


@pytest.mark.parametrize(("name", "width"), {**SMALL, **OTHERS}.items())
def test_torchvision_networks_lose_their_last_layer(name, width):
    built = TorchvisionBackbone(name).build((1, 64, 64)).eval()
    assert built.width == width
    assert built(torch.zeros(2, 1, 64, 64)).shape == (2, width)


def test_a_vision_transformer_works_at_its_own_size():
    built = TorchvisionBackbone("vit_b_16", resize=32).build((1, 28, 28)).eval()
    assert built(torch.zeros(1, 1, 28, 28)).shape == (1, 768)


def test_pictures_that_a_network_cannot_take_are_refused_with_a_way_out():
    with pytest.raises(ConfigError, match="backbone.resize"):
        TorchvisionBackbone("convnext_tiny").build((3, 8, 8))
    with pytest.raises(ConfigError, match="backbone.resize"):
        TorchvisionBackbone("vit_b_16").build((3, 28, 28))


def test_misspelt_networks_and_weights_are_named():
    with pytest.raises(ConfigError, match="did you mean resnet18"):
        TorchvisionBackbone("resnet_18").build((3, 32, 32))
    with pytest.raises(ConfigError, match="IMAGENET1K_V1"):
        TorchvisionBackbone("resnet18", weights="IMAGENET").build((3, 32, 32))
    with pytest.raises(ConfigError, match="both set"):
        TorchvisionBackbone(weights="DEFAULT", weights_file="x.pt")


@pytest.mark.parametrize("wrapped", [lambda state: state, lambda state: {"state_dict": state, "epoch": 3}])
@pytest.mark.parametrize("classes", [1000, 7])
def test_a_local_file_fills_the_network_whatever_its_head(tmp_path, wrapped, classes):
    from torchvision.models import resnet18

    source = resnet18(num_classes=classes).eval()
    torch.save(wrapped({f"module.{key}": value for key, value in source.state_dict().items()}), tmp_path / "w.pt")
    built = TorchvisionBackbone(weights_file=str(tmp_path / "w.pt")).build((3, 32, 32)).eval()
    pictures = torch.randn(2, 3, 32, 32)
    source.fc = torch.nn.Identity()
    with torch.inference_mode():
        assert torch.equal(built(pictures), source(pictures))


def test_files_that_are_no_weights_are_refused(tmp_path):
    file = tmp_path / "w.pt"
    spec = TorchvisionBackbone(weights_file=str(file))
    with pytest.raises(ConfigError, match="does not exist"):
        spec.build((3, 32, 32))
    file.write_text("hello")
    with pytest.raises(ConfigError, match="no plain weights"):
        spec.build((3, 32, 32))
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, file)
    with pytest.raises(ConfigError, match="lacks bn1"):
        spec.build((3, 32, 32))


class Harmful:
    def __reduce__(self):
        return print, ("harm",)


def test_a_file_that_would_run_code_is_not_run(tmp_path, capsys):
    torch.save({"state_dict": Harmful()}, tmp_path / "w.pt")
    with pytest.raises(ConfigError, match="no plain weights"):
        TorchvisionBackbone(weights_file=str(tmp_path / "w.pt")).build((3, 32, 32))
    assert "harm" not in capsys.readouterr().out


def test_the_last_linear_layer_is_found_by_name():
    from torchvision.models import densenet121

    assert last_layer(densenet121()) == ("classifier", 1024)
