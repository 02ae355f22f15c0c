"""From settings to the parts of a comparison."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from builders import Quiet
from poolwise.core.errors import ConfigError
from poolwise.core.parts import conf_dir
from poolwise.jobs.audit.settings import PlantConfig
from poolwise.jobs.compare.build import compare_name, compare_parts
from poolwise.jobs.compare.settings import ComparePlant
from poolwise.quality.pruning.component import ByComponent, Spread


def parts(*overrides, folder="runs"):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = compose("compare", [*overrides, "tracking=none", f"runs={folder}"])
    config = OmegaConf.to_container(composed, resolve=True)
    return compare_parts(config, name="c", method="label_errors", command="poolwise compare", display=Quiet())


def test_the_defaults_are_five_seeds_and_six_arms_and_an_audit_of_the_training_part():
    built = parts()
    assert built.settings.seeds == (0, 1, 2, 3, 4)
    assert len(built.settings.arms) == 6
    assert built.audit.settings.splits == ("pool",)
    assert built.audit.settings.folds == 5
    assert built.audit.cache.as_posix() == "runs/.cache/fits"


def test_a_pruning_by_components_with_options():
    assert parts("pruning=geometric", "pruning.threshold=2").pruning == ByComponent(Spread.GEOMETRIC, 2.0)


def test_planting_is_told_to_both():
    built = parts("plant.share=0.1", "plant.shape=confusion", "plant.test=false")
    assert built.settings.planted == ComparePlant(0.1, "confusion", False)
    assert built.audit.settings.planted == PlantConfig(0.1, "confusion")


@pytest.mark.parametrize(
    ("override", "word"),
    [
        ("seeds=[0,0]", "seeds"),
        ("seeds=[]", "seeds"),
        ("preset=seedoo", "pruning=component"),
        ("preset=other", "preset"),
        ("review=-1", "review"),
        ("test=pool", "test is 'pool'"),
        ("plant.share=1.0", "plant.share"),
        ("plant.test=3", "plant.test"),
        ("+plant.sort=x", "plant"),
        ("pruning.share=1.5", "share"),
        ("folds=1", "folds"),
        ("+arm=x", "arm"),
    ],
)
def test_settings_that_make_no_sense_are_named(override, word):
    with pytest.raises(ConfigError, match=word):
        parts(override)


def test_the_same_command_has_the_same_name_whatever_the_number_of_jobs():
    choices = {"data": "digits", "pruning": "component"}
    first = compare_name(choices, ["pruning=component", "plant.share=0.1", "jobs=4"])
    assert (
        first
        == compare_name(choices, ["pruning=component", "plant.share=0.1"])
        == "compare-digits-component-plant.share=0.1"
    )
    assert compare_name(choices, ["pruning=component"]) != first
