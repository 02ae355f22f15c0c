import gc
import signal
import weakref
from dataclasses import replace

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from model.samples import Stripes
from poolwise.core.errors import ConfigError, DataError, InvalidArray, TrainingDiverged
from poolwise.core.types import Augmentation, LabelledSet, Need, Task, WarmStart
from poolwise.model.backbones import Pixels, SmallCNN
from poolwise.model.learner import LightningLearner

CPU = {"accelerator": "cpu"}
TINY = LightningLearner(
    backbone=SmallCNN(channels=(8,), width=16), epochs=1, min_steps=40, batch_size=16, learning_rate=0.01, trainer=CPU
)
ALL = Need.PROBS | Need.EMBEDDINGS | Need.DRAWS


def weights(model):
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def same(one, two):
    return all(torch.equal(value, two[name]) for name, value in one.items())


def test_it_learns():
    images = Stripes(augmentation=Augmentation.SHIFT)
    model = TINY.fit(images, images.set(*range(60)), None, seed=0)
    found = model.predict(images, np.arange(60, 90), Need.PROBS, seed=0)
    assert (found.probs.argmax(axis=1) == images.labels[60:]).mean() > 0.9
    assert model.info["steps"] == 40
    assert model.info["loss"] < 0.5


def test_several_labels_a_picture_are_learnt_too():
    images = Stripes(task=Task.MULTILABEL)
    model = TINY.fit(images, images.set(*range(60)), None, seed=0)
    found = model.predict(images, np.arange(60, 90), ALL, seed=0)
    assert ((found.probs > 0.5) == images.labels[60:]).mean() > 0.9
    assert found.log_probs_nkc.max() <= 0


@pytest.mark.parametrize("augmentation", [Augmentation.NONE, Augmentation.SHIFT_FLIP])
def test_the_same_arguments_give_the_same_weights_whatever_happened_before(augmentation):
    images = Stripes(augmentation=augmentation)
    one = TINY.fit(images, images.set(0, 1, 2, 3, 4), None, seed=7)
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert same(weights(one), weights(TINY.fit(images, images.set(0, 1, 2, 3, 4), None, seed=7)))
    assert not same(weights(one), weights(TINY.fit(images, images.set(0, 1, 2, 3, 4), None, seed=8)))


def test_nothing_outside_is_changed():
    images = Stripes(augmentation=Augmentation.SHIFT)
    torch.manual_seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), signal.getsignal(signal.SIGINT)  # noqa: NPY002
    TINY.fit(images, images.set(), None, seed=1).predict(images, np.arange(5), ALL, seed=1)
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), signal.getsignal(signal.SIGINT)  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_deterministic_algorithms_are_asked_for_in_training_alone():
    images = Stripes()
    replace(TINY, trainer=CPU | {"deterministic": True}).fit(images, images.set(0, 1, 2), None, seed=0)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize("ids", [(0,), (0, 3, 6), (0, 1), tuple(range(17))])
def test_few_labels_and_missing_classes_are_no_trouble(ids):
    images = Stripes()
    model = replace(TINY, min_steps=3).fit(images, images.set(*ids), None, seed=0)
    probs = model.predict(images, np.arange(20), Need.PROBS, seed=0).probs
    assert probs.shape == (20, 3)
    assert np.allclose(probs.sum(axis=1), 1, atol=1e-6)


def test_only_what_is_needed_is_computed():
    images = Stripes()
    model = replace(TINY, min_steps=1, draws=4).fit(images, images.set(0, 1, 2), None, seed=0)
    found = model.predict(images, np.array([5, 3]), Need.EMBEDDINGS, seed=0)
    assert found.probs is None
    assert found.log_probs_nkc is None
    assert found.ids.tolist() == [5, 3]
    assert found.embeddings.shape == (2, 16)
    assert found.embeddings.dtype == np.float32
    assert model.predict(images, np.empty(0, np.int64), ALL, seed=0).log_probs_nkc.shape == (0, 4, 3)


def test_pictures_streamed_from_disk_give_the_weights_of_those_in_memory():
    memory, disk = Stripes(), Stripes(in_memory=False)
    one, two = (TINY.fit(images, images.set(), None, seed=0) for images in (memory, disk))
    assert same(weights(one), weights(two))
    assert np.array_equal(
        one.predict(memory, np.arange(50), Need.PROBS, seed=0).probs,
        two.predict(disk, np.arange(50), Need.PROBS, seed=0).probs,
    )


@pytest.mark.parametrize(
    "change", [{}, {"trainer": CPU | {"precision": "bf16-mixed"}}, {"trainer": CPU | {"precision": "bf16-true"}}]
)
def test_a_loaded_model_says_what_the_trained_one_said(tmp_path, change):
    images, learner = Stripes(), replace(TINY, min_steps=5, **change)
    model = learner.fit(images, images.set(), None, seed=0)
    model.save(tmp_path / "model.pt")
    again = learner.load(tmp_path / "model.pt", images)
    one, two = (each.predict(images, np.arange(90), ALL, seed=3) for each in (model, again))
    assert np.array_equal(one.probs, two.probs)
    assert np.array_equal(one.embeddings, two.embeddings)
    assert np.array_equal(one.log_probs_nkc, two.log_probs_nkc)
    assert again.info == model.info


def test_a_file_of_another_network_is_refused(tmp_path):
    images = Stripes()
    replace(TINY, min_steps=1).fit(images, images.set(), None, seed=0).save(tmp_path / "model.pt")
    with pytest.raises(ConfigError, match="width=32"):
        replace(TINY, backbone=SmallCNN(channels=(8,), width=32)).load(tmp_path / "model.pt", images)
    with pytest.raises(ConfigError, match="shape"):
        TINY.load(tmp_path / "model.pt", Stripes(side=9))
    with pytest.raises(ConfigError, match="no model file"):
        TINY.load(tmp_path / "none.pt", images)
    (tmp_path / "other.pt").write_text("{}")
    with pytest.raises(ConfigError, match="no model file of poolwise"):
        TINY.load(tmp_path / "other.pt", images)


def test_draws_share_their_masks_over_all_samples_and_batches():
    images = Stripes()
    learner = replace(TINY, dropout=0.5, draws=6)
    one = learner.fit(images, images.set(), None, seed=0)
    two = replace(one, batch_size=7)
    draws = [model.predict(images, np.arange(30), ALL, seed=1).log_probs_nkc for model in (one, two)]
    assert np.allclose(*draws, atol=1e-5)
    twice = one.predict(images, np.array([4, 4]), Need.DRAWS, seed=1).log_probs_nkc
    assert np.array_equal(twice[0], twice[1])
    assert twice[0].std(axis=0).max() > 0
    assert not np.array_equal(twice, one.predict(images, np.array([4, 4]), Need.DRAWS, seed=2).log_probs_nkc)


def test_draws_average_to_the_prediction():
    images = Stripes()
    model = replace(TINY, backbone=Pixels(), dropout=0.2, draws=400).fit(images, images.set(), None, seed=0)
    found = model.predict(images, np.arange(9), ALL, seed=0)
    assert np.allclose(np.exp(found.log_probs_nkc).mean(axis=1), found.probs, atol=0.15)


def test_draws_without_dropout_are_refused():
    images = Stripes()
    model = replace(TINY, dropout=0.0, min_steps=1).fit(images, images.set(), None, seed=0)
    with pytest.raises(ConfigError, match=r"model\.dropout"):
        model.predict(images, np.arange(3), Need.DRAWS, seed=0)


def test_the_exported_module_gives_the_same_probabilities():
    images = Stripes()
    model = replace(TINY, min_steps=5).fit(images, images.set(), None, seed=0)
    exported, pictures = model.exported(), torch.from_numpy(images.read(np.arange(20)))
    expected = model.predict(images, np.arange(20), Need.PROBS, seed=0).probs
    with torch.inference_mode():
        assert np.allclose(exported(pictures), expected, atol=1e-6)
        assert np.allclose(exported(pictures.float()), expected, atol=1e-6)
    assert not exported.training


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_the_exported_module_can_be_exported_by_torch():
    images = Stripes()
    exported = replace(TINY, min_steps=1).fit(images, images.set(), None, seed=0).exported()
    pictures = torch.from_numpy(images.read(np.arange(5))).float()
    program = torch.export.export(exported, (pictures,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    assert torch.allclose(program.module()(pictures[:3]), exported(pictures[:3]), atol=1e-6)


def test_continue_begins_where_the_last_round_ended():
    images = Stripes()
    first = TINY.fit(images, images.set(), None, seed=0)
    still = replace(TINY, warm_start=WarmStart.CONTINUE, learning_rate=1e-12, weight_decay=0.0, min_steps=1, epochs=0)
    second = still.fit(images, images.set(0, 1, 2), None, seed=1, previous=first)
    assert torch.allclose(first.network.head.weight, second.network.head.weight, atol=1e-8)
    assert not torch.allclose(
        first.network.head.weight, still.fit(images, images.set(0, 1, 2), None, seed=1).network.head.weight
    )


def test_warm_starts_from_another_form_are_refused():
    images = Stripes()
    first = replace(TINY, backbone=Pixels(), min_steps=1).fit(images, images.set(), None, seed=0)
    with pytest.raises(ConfigError, match="warm_start=fresh"):
        replace(TINY, warm_start=WarmStart.CONTINUE).fit(images, images.set(), None, seed=0, previous=first)
    assert TINY.needs_previous is False
    assert replace(TINY, warm_start=WarmStart.SHRINK_PERTURB).needs_previous


def test_patience_stops_early_and_keeps_the_best_weights():
    images = Stripes()
    noise = LabelledSet(np.arange(60, 90), np.random.default_rng(0).integers(0, 3, 30))
    learner = replace(TINY, min_steps=400, patience=2)
    model = learner.fit(images, images.set(*range(30)), noise, seed=0)
    full = replace(learner, patience=0).fit(images, images.set(*range(30)), noise, seed=0)
    assert model.info["steps"] < 400
    costs = [
        -np.log(each.predict(images, noise.ids, Need.PROBS, seed=0).probs[np.arange(30), noise.labels]).mean()
        for each in (model, full)
    ]
    assert costs[0] < costs[1]


def test_divergence_is_named_with_a_remedy():
    images = Stripes()
    with pytest.raises(TrainingDiverged, match=r"lower model\.learning_rate"):
        replace(TINY, learning_rate=1e30).fit(images, images.set(), None, seed=0)
    model = TINY.fit(images, images.set(), None, seed=0)
    model.network.head.weight.data[0, 0] = float("nan")
    with pytest.raises(TrainingDiverged, match="ids 0, 1, 2, 3, 4 and 5 more"):
        model.predict(images, np.arange(10), Need.PROBS, seed=0)


def test_labels_that_cannot_be_learnt_are_refused():
    images = Stripes()
    with pytest.raises(DataError, match="no labelled sample"):
        TINY.fit(images, LabelledSet(np.empty(0, np.int64), np.empty(0, np.int64)), None, seed=0)
    with pytest.raises(InvalidArray, match="unknown"):
        TINY.fit(images, LabelledSet(np.array([1]), np.array([-1])), None, seed=0)
    with pytest.raises(InvalidArray, match=r"0\.\.2"):
        TINY.fit(images, LabelledSet(np.array([1]), np.array([3])), None, seed=0)


def test_progress_is_told_now_and_then():
    images, told = Stripes(), []
    learner = replace(TINY, score_batch_size=40)
    model = learner.fit(images, images.set(), None, seed=0, progress=lambda *row: told.append(row))
    assert told[-1] == ("train", 40, 40)
    model.predict(images, np.arange(90), Need.PROBS, seed=0, progress=lambda *row: told.append(row))
    assert told[-3:] == [("predict", 40, 90), ("predict", 80, 90), ("predict", 90, 90)]


def test_mean_and_deviation_come_from_the_training_pictures_or_the_user():
    images = Stripes(channels=3)
    model = replace(TINY, min_steps=1).fit(images, images.set(*range(10)), None, seed=0)
    pixels = images.read(np.arange(10)).astype(float)
    assert np.allclose(model.network.mean.flatten(), pixels.mean(axis=(0, 2, 3)), rtol=1e-5)
    own = replace(TINY, min_steps=1, mean=(100.0,), std=(50.0,)).fit(images, images.set(0, 1), None, seed=0)
    assert own.network.std.flatten().tolist() == [50, 50, 50]


class Stop(pl.Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 3:
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_comes_through_and_is_heard_again():
    images, before = Stripes(), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        replace(TINY, trainer=CPU | {"callbacks": [Stop()]}).fit(images, images.set(), None, seed=0)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


class Count(pl.Callback):
    steps = 0

    def on_train_batch_end(self, *_):
        self.steps += 1
        assert self.steps <= 5


def test_callbacks_are_lightnings_own_and_begin_each_round_anew():
    images = Stripes()
    learner = replace(TINY, min_steps=5, epochs=0, trainer=CPU | {"callbacks": [Count()], "gradient_clip_val": 1.0})
    for seed in range(2):
        assert learner.fit(images, images.set(), None, seed=seed).info["steps"] == 5


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"acelerator": "cpu"}, "did you mean 'accelerator'"),
        ({"max_epochs": 3}, r"model\.epochs"),
        ({"accelerator": "abacus"}, "refuses"),
        ({"strategy": "ddp", "devices": 2}, "ddp_spawn"),
        ({"zzzz": 1}, "not an option"),
    ],
)
def test_trainer_options_are_checked(options, says):
    images = Stripes()
    with pytest.raises(ConfigError, match=says):
        replace(TINY, trainer=CPU | options).fit(images, images.set(), None, seed=0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"batch_size": 2}, "batch_size is 2; it must be at least 4"),
        ({"dropout": 1.0}, "dropout is 1.0; it must be at least 0 and below 1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
        ({"mean": (1.0,)}, "model.mean and model.std go together"),
        ({"mean": (1.0,), "std": (0.0,)}, r"std\[0\] is 0.0; it must be above 0"),
        ({"epochs": -1}, "epochs is -1; it must be at least 0"),
    ],
)
def test_impossible_settings_are_refused(change, says):
    with pytest.raises(ConfigError, match=says):
        replace(TINY, **change)


def test_a_model_does_not_keep_its_training_data():
    images = Stripes()
    model = replace(TINY, min_steps=2).fit(images, images.set(), None, seed=0)
    assert not any(isinstance(part, pl.LightningModule) for part in model.network.modules())
    ghost = weakref.ref(model.network)
    del model
    gc.collect()
    assert ghost() is None


@pytest.mark.slow
def test_two_processes_share_the_samples():
    images = Stripes()
    learner = replace(TINY, trainer=CPU | {"devices": 2, "strategy": "ddp_spawn"})
    model = learner.fit(images, images.set(), None, seed=0, progress=lambda *_: None)
    probs = model.predict(images, np.arange(90), Need.PROBS, seed=0).probs
    assert (probs.argmax(axis=1) == images.labels).mean() > 0.9
