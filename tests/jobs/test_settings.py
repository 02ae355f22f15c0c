"""A setting has one default: that of its class. What a yaml shows of it agrees, or is a choice of its own under a name."""

from dataclasses import MISSING, fields

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from poolwise.core.parts import TARGET, build_part, conf_dir, find_target
from poolwise.core.settings import defaults_of
from poolwise.jobs.table import JOBS

PARTS = sorted(file for file in conf_dir().glob("*/*.yaml") if file.parent.name != "hydra")


@pytest.mark.parametrize("job", JOBS)
def test_the_defaults_of_a_job_are_those_of_its_class(job):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose(job), resolve=True)
    settings = JOBS[job].load("settings")
    defaults = defaults_of(settings)
    assert {name: config[name] for name in defaults} == defaults
    assert set(config) == {each.name for each in fields(settings)}


@pytest.mark.parametrize("job", JOBS)
def test_a_yaml_of_a_job_writes_no_default(job):
    written = yaml.safe_load((conf_dir() / f"{job}.yaml").read_text())
    assert set(written) & set(defaults_of(JOBS[job].load("settings"))) <= {"cache"}
    assert written.get("cache", "${runs}/.cache") == "${runs}/.cache"


def target_of(file):
    return yaml.safe_load(file.read_text()).get(TARGET)


def users(target):
    """The yaml files that name a class: where there are several, each is a choice of its own under its name."""
    return [file for file in PARTS if target_of(file) == target]


def differing(file):
    """(name, value, default) of each option in a yaml of a part whose value is not the default of its class."""
    written = yaml.safe_load(file.read_text())
    written.pop("defaults", None)  # of Hydra: another choice that this one begins from
    known = {each.name: each for each in fields(find_target(written.pop(TARGET), ""))}
    for name, value in written.items():
        default = known[name].default
        if known[name].default_factory is not MISSING:
            default = known[name].default_factory()
        value = build_part(tuple(value) if isinstance(value, list) else value)
        if default is not MISSING and default != {} and "${" not in str(value) and default != value:
            yield name, value, default


@pytest.mark.parametrize("file", PARTS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_an_option_of_a_part_has_the_default_of_its_class(file):
    if target_of(file) and len(users(target_of(file))) == 1:
        assert not list(differing(file))


def test_choices_of_one_class_differ_from_each_other():
    written = [(file.parent.name, yaml.safe_load(file.read_text())) for file in PARTS]
    assert all(written.count(each) == 1 for each in written)
