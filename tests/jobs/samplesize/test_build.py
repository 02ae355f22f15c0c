"""From settings to the parts of a sample-size experiment."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from builders import Quiet
from poolwise.app.hydra_job import parts as groups
from poolwise.app.run import run_job
from poolwise.core.errors import ConfigError, DataError, UnknownLabel
from poolwise.core.parts import conf_dir
from poolwise.core.types import Manifest, Task
from poolwise.jobs.samplesize.build import clean_labels, read_points, samplesize_name, samplesize_parts
from poolwise.jobs.samplesize.schedule import held_constant
from poolwise.jobs.samplesize.settings import as_points
from poolwise.metric.curve.families import Pow3
from poolwise.metric.curve.posterior import Prior


def settings(*overrides):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = compose("samplesize", [*overrides, "tracking=none"])
    return OmegaConf.to_container(composed, resolve=True)


def parts(*overrides):
    return samplesize_parts(
        settings(*overrides), name="s", method="small_cnn", command="poolwise samplesize", display=Quiet()
    )


def test_the_defaults_are_the_plan_of_the_design():
    built = parts()
    assert built.settings.shares == (0.05, 0.1, 0.2, 0.35, 0.5)
    assert built.settings.repeats == (5, 5, 4, 3, 3)
    assert set(built.prior.members) == {"pow3", "mmf4"}
    assert built.cache.as_posix() == "runs/.cache/fits"
    assert built.images.manifest.known().all()


def schedule(training):
    return tuple(training.config["model"][name] for name in ("epochs", "min_steps", "max_steps"))


def test_steps_are_held_constant_at_what_the_largest_size_gets():
    found = parts().learner(72, 718)
    assert schedule(found) == (0, 240, 240)  # 20 epochs of 12 batches
    assert "240 optimiser steps at every size" in found.held
    assert "All sizes are trained with 240 steps: with more labels, longer training may bring more" in found.brief
    assert found.warnings == ()
    assert schedule(parts("steps=50").learner(72, 718)) == (0, 50, 50)


def test_epochs_are_held_constant_without_a_least_number_of_steps():
    found = parts("hold=epochs", "model.epochs=60").learner(128, 718)
    assert schedule(found) == (60, 0, None)
    assert "60 epochs at every size" in found.held
    assert "(120 at 128 labels, 720 at 718)" in found.held
    assert found.brief == "All sizes are trained for 60 epochs."
    assert found.warnings == ()
    with pytest.raises(ConfigError, match="epochs"):
        parts("hold=epochs", "model.epochs=0").learner(72, 718)


def test_few_steps_at_the_smallest_size_are_doubted():
    (told,) = parts("hold=epochs").learner(72, 718).warnings
    assert "The smallest size, 72 labels, gets 40 optimiser steps" in told
    assert "Take hold=steps" in told


def test_the_models_own_schedule_is_kept_and_a_kink_is_told():
    found = parts("hold=model").learner(72, 718)
    assert schedule(found) == (20, 200, None)
    assert "by the model's own settings (200 at 72 labels, 240 at 718)" in found.held
    (told,) = found.warnings
    assert "at least 200 steps (model.min_steps), which some sizes feel" in told
    assert not parts("hold=model", "model.epochs=1").learner(72, 718).warnings  # all feel it
    assert (
        "at most 220" in parts("hold=model", "model.min_steps=0", "model.max_steps=220").learner(640, 1280).warnings[0]
    )


def test_a_model_that_is_solved_has_neither():
    model = {"prior_variance": 10.0}
    found = held_constant(model, "steps", None, 72, 718)
    assert found.config == model
    assert "solved to its end" in found.held
    assert not found.brief


def test_a_single_family_of_curves():
    assert parts("curve=pow3").prior == Prior(members={"curve": Pow3()})


@pytest.mark.parametrize(
    ("override", "word"),
    [
        ("shares=[0.1,1.5]", "shares"),
        ("shares=[]", "shares"),
        ("sizes=[0,10]", "sizes"),
        ("repeats=[]", "repeats"),
        ("repeats=[0]", "repeats"),
        ("subsets=other", "subsets"),
        ("hold=time", "hold"),
        ("steps=0", "steps is 0; it must be at least 1"),
        ("target=95", "0.95"),
        ("class_target=2", "class_target"),
        ("most=1", "most"),
        ("at=[0]", r"at.0. is 0"),
        ("target=-1", "above 0 and at most 1"),
        ("target=null", "target is null; it needs a value"),
        ("test=pool", "no split is in both"),
        ("train=[]", "train"),
        ("jobs=-1", "^jobs is -1"),
        ("best=100", "points"),
        ("higher_is_better=false", "points"),
        ("+siezs=[3]", "sizes"),
        ("model.epochs=-1", "epochs"),
    ],
)
def test_settings_that_make_no_sense_are_named(override, word):
    with pytest.raises(ConfigError, match=word):
        parts(override)


def test_the_same_trainings_have_the_same_name_whatever_the_target():
    choices = {"data": "digits", "model": "small_cnn"}
    first = samplesize_name(choices, ["target=0.9", "subsets=nested", "jobs=4"], 0)
    assert first == samplesize_name(choices, ["target=0.99", "subsets=nested", "metric=macro_f1"], 0)
    assert first == "samplesize-digits-small_cnn-seed0-subsets=nested"
    assert samplesize_name(choices, ["seed=1", "subsets=nested"], 1) != first
    assert samplesize_name(choices, ["points=points.csv"], 0) == "samplesize-points-points"
    elsewhere = {samplesize_name(choices, [f"points={folder}/points.csv"], 0) for folder in ("a", "b", "/a")}
    assert len(elsewhere) == 3


def test_the_jobs_of_a_sweep_have_a_folder_each():
    choices = {"data": "digits", "model": "small_cnn"}
    names = {samplesize_name(choices, [f"target={target}"], 0, sweep=True) for target in (0.9, 0.95)}
    assert len(names) == 2


def test_a_csv_given_as_data_is_taken_for_points():
    assert as_points("data=a/b.CSV") == "points=a/b.CSV"
    assert as_points("data.path=items.csv") == "data.path=items.csv"


def written(folder: Path, text: str) -> Path:
    file = folder / "points.csv"
    file.write_text(text)
    return file


def test_points_are_read_with_and_without_repeats(tmp_path):
    found = read_points(written(tmp_path, "size,score\n100,0.5\n100,0.6\n200,0.7\n"), None, True)
    assert [(each.size, each.repeat, each.scores["accuracy"]) for each in found.points] == [
        (100, 0, 0.5), (100, 1, 0.6), (200, 0, 0.7),
    ]  # fmt: skip
    assert read_points(written(tmp_path, "Score;repeat;size\n3;1;100\n"), "loss", False).points[0].scores == {"loss": 3}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("size,accuracy\n1,2\n", "column score"),
        ("size,score\n", "no line"),
        ("size,score\n10,high\n", "line 2: score is 'high'"),
        ("size,score\n0,0.5\n", "above 0"),
        ("size,score\n10,inf\n", "finite"),
        ("size,score\n,0.5\n", "line 2: size is ''"),
    ],
)
def test_points_that_cannot_be_read_are_named_by_line(tmp_path, text, word):
    with pytest.raises(DataError, match=word):
        read_points(written(tmp_path, text), None, True)


def test_scores_that_are_missing_are_left_out_and_told(tmp_path):
    lines = "".join(f"{n},{1 - n**-0.5}\n" for n in (50, 100, 200, 400, 800))
    file = written(tmp_path, f"size,score\n{lines}100,\n200,NaN\n30,n/a\n")
    config = settings(f"points={file}", f"runs={tmp_path}", "verbose=false")
    folder = run_job("samplesize", config, name="p", method="", command="").folder
    assert len((folder / "points.csv").read_text().splitlines()) == 6
    page = (folder / "report.html").read_text()
    assert "3 missing repeats (NaN) are left out." in page
    assert "Nothing was measured at size 30; left out." in page


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(DataError, match="no such file"):
        parts("points=nowhere.csv")


def test_percent_and_errors_of_ones_own(tmp_path):
    file = written(tmp_path, "size,score\n" + "".join(f"{n},{100 - 100 * n**-0.5}\n" for n in (50, 100, 200, 400, 800)))
    config = settings(f"points={file}", "best=100", "target=98", "metric=accuracy", f"runs={tmp_path}", "verbose=false")
    assert run_job("samplesize", config, name="p", method="", command="").note.startswith("98 accuracy needs about")
    with pytest.raises(ConfigError, match="better than a perfect score"):
        parts(f"points={file}", "higher_is_better=false", "target=-1")


def test_a_target_on_another_scale_than_the_points_is_refused(tmp_path):
    file = written(tmp_path, "size,score\n10,50\n20,60\n40,70\n")
    with pytest.raises(
        ConfigError, match="target is 0.95 where a perfect score is 100; write it on the same scale, such as 95"
    ):
        parts(f"points={file}", "best=100")


def test_the_help_lists_the_parts_that_the_command_takes():
    told = [line.split(": ")[0] for line in groups("samplesize").splitlines()[2:]]
    assert told == ["data", "model", "trainer", "curve", "tracking"]
    assert "curve: arctan, auto" in groups("samplesize")


def test_cleaned_labels_come_from_a_column_or_a_table(tmp_path):
    classes, paths = ("a", "b"), ("1.png", "2.png", "3.png")
    manifest = Manifest("m", paths, np.array(["pool"] * 3), classes, Task.MULTICLASS, np.zeros(3, dtype=np.int64),
                        columns={"truth": np.array(["b", "", "a"])})  # fmt: skip
    assert clean_labels("truth", manifest).tolist() == [1, -1, 0]
    (tmp_path / "after.csv").write_text("path,label\n2.png,b\n")
    assert clean_labels(str(tmp_path / "after.csv"), manifest).tolist() == [-1, 1, -1]
    with pytest.raises(
        ConfigError, match="clean is 'nowhere': there is no such file, and the data have the columns truth"
    ):
        clean_labels("nowhere", manifest)
    (tmp_path / "after.csv").write_text("path,label\n2.png,c\n")
    with pytest.raises(UnknownLabel, match="'c'"):
        clean_labels(str(tmp_path / "after.csv"), manifest)
