"""The default model looks at the pictures; photographs come at the size that it wants, and their embeddings are kept."""

from __future__ import annotations

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import PictureForm
from poolwise.data.image_folder import ImageFolder


def folder(root, side, count=40):
    rng = np.random.default_rng(0)
    for at in range(count):
        pixels = rng.integers(0, 80, (side, side + 10, 3)) + (150 if at % 2 else 0)
        file = root / ("bright" if at % 2 else "dark") / f"{at:02d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(file)
    return ImageFolder(root=str(root))


@pytest.mark.parametrize(("side", "option"), [(20, ""), (63, ""), (64, "photographs"), (90, "photographs")])
def test_photographs_begin_at_64_pixels_a_side(tmp_path, side, option):
    learner = build_part(OmegaConf.load(conf_dir() / "model/auto.yaml"), where="model")
    chosen, why = learner.choice(folder(tmp_path, side))
    assert chosen == option
    assert why.startswith("model: ")


def test_pictures_come_at_the_size_that_the_model_wants_unless_they_are_small_or_the_size_is_set(tmp_path):
    form = PictureForm(224, 0.875, bicubic=True)
    photographs = folder(tmp_path / "large", 90)
    assert photographs.transformed(form).shape == (3, 224, 224)
    assert photographs.transformed(form).read(np.array([0])).shape == (1, 3, 224, 224)
    assert folder(tmp_path / "small", 20).transformed(form).shape == (3, 20, 20)
    assert ImageFolder(root=str(tmp_path / "large"), image_size=32).transformed(form).shape == (3, 32, 32)


def test_the_part_around_the_middle_is_kept_also_of_pictures_of_the_right_size(tmp_path):
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[8:56, 8:56] = 255
    (tmp_path / "one").mkdir()
    Image.fromarray(pixels).save(tmp_path / "one/0.png")
    found = ImageFolder(root=str(tmp_path), test_fraction=0.0, classes=("one", "two")).transformed(
        PictureForm(64, 0.75)
    )
    assert found.read(np.array([0])).min() > 128  # edges are interpolated


def test_a_loop_on_photographs_takes_pretrained_features_chooses_its_first_batch_and_keeps_embeddings(
    tmp_path, monkeypatch
):
    from poolwise.app.run import run_job
    from poolwise.jobs.stored import stored_run

    monkeypatch.chdir(tmp_path)
    folder(tmp_path / "photos", 80)
    words = ["data=image_folder", "data.root=photos", "seed_size=4", "query_size=4", "budget=8", "tracking=none"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("loop", words), resolve=True)
    record = run_job("loop", config, name="one", method="auto", command="poolwise loop")
    assert record.config["model"]["_target_"].endswith("LogisticHead")
    assert "pretrained features (tf_efficientnet_lite0)" in record.data["model"]
    assert "plain coverage" in record.rounds[0].asks[0].reason
    assert len(list((tmp_path / "runs/.cache/embeddings").glob("*/store.json"))) == 1
    assert record.rounds[-1].metrics["accuracy"] == 1.0
    assert "pretrained features" in (tmp_path / "runs/one/report.html").read_text()
    assert stored_run(tmp_path / "runs/one").name == "one"
