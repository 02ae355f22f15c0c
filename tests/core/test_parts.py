import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pytest
from omegaconf import OmegaConf

from poolwise.core.errors import ConfigError
from poolwise.core.parts import (
    MOVED,
    build_part,
    conf_dir,
    construct,
    find_target,
    first_names,
    present_name,
    present_names,
)
from poolwise.jobs.loop.settings import LoopConfig
from poolwise.jobs.loop.stopping.budget import Budget
from poolwise.query.random import Random


class Colour(str, Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Part:
    root: str
    count: int = 1
    rate: float = 0.5
    colour: Colour = Colour.RED
    sizes: tuple[int, ...] = ()
    limit: int | None = None
    inner: Any = None


def build(**options):
    return construct(Part, {"root": "x", **options}, "part")


def test_values_take_the_types_of_the_class():
    part = build(count="3", rate=1, colour="blue", sizes=[1, 2], limit=4)
    assert (part.count, part.rate, part.colour, part.sizes, part.limit) == (3, 1.0, Colour.BLUE, (1, 2), 4)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cuont": 3}, "part.cuont is not an option of Part; did you mean 'count'"),
        ({"zzz": 3}, "it takes: root, count"),
        ({"count": "many"}, "part.count: Value 'many' of type 'str' could not be converted to Integer"),
        ({"colour": "green"}, "part.colour is 'green'; it is one of red, blue"),
        ({"sizes": ["a"]}, "part.sizes: Value 'a'"),
    ],
)
def test_a_wrong_option_is_named_in_full(options, match):
    with pytest.raises(ConfigError, match=match):
        build(**options)


def test_a_missing_option_is_named():
    with pytest.raises(ConfigError, match="'root'"):
        construct(Part, {}, "part")


def test_nested_parts_are_built_first():
    node = OmegaConf.create({"budget": {"_target_": "poolwise.jobs.loop.stopping.budget.Budget", "budget": 7}})
    assert build_part(node) == {"budget": Budget(7)}


def test_a_part_is_refused_where_a_number_with_a_range_belongs():
    node = {"_target_": "poolwise.query.random.Random"}
    with pytest.raises(ConfigError, match=r"stopping\.budget holds a _target_, but Budget takes a plain value"):
        build_part({"_target_": "poolwise.jobs.loop.stopping.budget.Budget", "budget": node}, where="stopping")


@pytest.mark.parametrize(("earlier", "now"), MOVED.items())
def test_every_part_that_moved_is_found_by_its_earlier_name(earlier, now):
    text = "".join(file.read_text() for file in conf_dir().rglob("*.yaml"))
    targets = [target for target in re.findall(r"_target_: (poolwise[\w.]+)", text) if target.startswith(now)]
    assert targets
    for target in targets:
        old = first_names({"_target_": target})["_target_"]
        assert old.startswith(earlier)
        assert present_name(old) == target
        assert find_target(old, "part") is find_target(target, "part")


def test_names_of_parts_alone_are_renamed_at_any_depth():
    old = {"x": "poolwise.curve.pow3.Pow3", "all": [{"_target_": "poolwise.curve.pow3.Pow3", "n": 1}]}
    new = {"x": "poolwise.curve.pow3.Pow3", "all": [{"_target_": "poolwise.metric.curve.families.Pow3", "n": 1}]}
    assert present_names(old) == new
    assert first_names(new) == old


@pytest.mark.parametrize("target", ["os.system", "builtins.eval", "poolwiser.x.Y", "subprocess.Popen"])
def test_targets_outside_the_package_are_refused(target):
    with pytest.raises(ConfigError, match="add its name to `trusted`"):
        build_part({"_target_": target}, where="query")


def test_a_trusted_package_may_bring_parts():
    assert build_part({"_target_": "fractions.Fraction", "numerator": 3}, trusted=["fractions"]) == 3


def test_a_function_is_no_part():
    with pytest.raises(ConfigError, match="is no class"):
        build_part({"_target_": "poolwise.app.cli.main"}, where="query")


def test_a_target_that_is_not_there_says_so():
    with pytest.raises(ConfigError, match="cannot be imported"):
        build_part({"_target_": "poolwise.query.nothing.Here"}, where="query")


def test_root_settings_are_checked():
    parts = dict.fromkeys(("data", "model", "trainer", "query", "annotation", "stopping", "tracking"))
    assert construct(LoopConfig, {**parts, "seed": 3}).seed == 3
    with pytest.raises(ConfigError, match="query_size is 0; it must be at least 1"):
        construct(LoopConfig, {**parts, "query_size": 0})
    with pytest.raises(ConfigError, match="query_sise is not an option of LoopConfig; did you mean 'query_size'"):
        construct(LoopConfig, {**parts, "query_sise": 3})
    with pytest.raises(ConfigError, match="seed: Value 'x'"):
        construct(LoopConfig, {**parts, "seed": "x"})


def test_the_folder_of_configurations_is_found():
    assert (conf_dir() / "loop.yaml").is_file()
    assert build_part(OmegaConf.load(conf_dir() / "query/random.yaml")) == Random()
