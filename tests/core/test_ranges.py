"""Ranges that annotations state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from annotated_types import Interval, MinLen

from poolwise.core.errors import ConfigError
from poolwise.core.parts import construct
from poolwise.core.ranges import Checked, Count, Natural, OneOf, Positive, Share


@dataclass(frozen=True)
class Settings(Checked):
    rounds: Count = 1
    seed: Natural | None = None
    shares: tuple[Share, ...] = ()
    sigma: Positive = 1.0
    weight: Annotated[float, Interval(gt=0, lt=1)] = 0.5
    partial: Annotated[str, OneOf("wait", "train")] = "wait"
    members: Annotated[tuple[str, ...], MinLen(1)] = ("one",)
    sizes: dict[str, Count] | None = None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rounds": 0}, "Settings.rounds is 0; it must be at least 1."),
        ({"seed": -1}, "Settings.seed is -1; it must be at least 0."),
        ({"shares": (0.5, 1.5)}, r"Settings.shares\[1\] is 1.5; it must be at least 0 and at most 1."),
        ({"sigma": 0}, "Settings.sigma is 0; it must be above 0 and finite."),
        ({"sigma": math.inf}, "above 0 and finite"),
        ({"sigma": math.nan}, "Settings.sigma is nan"),
        ({"weight": 1}, "Settings.weight is 1; it must be above 0 and below 1."),
        ({"partial": "stop"}, "Settings.partial is 'stop'; it must be one of wait, train."),
        ({"members": ()}, r"Settings.members is \(\); it must be not empty."),
        ({"sizes": {"cat": 0}}, "Settings.sizes.cat is 0"),
    ],
)
def test_a_value_out_of_its_range_is_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Settings(**options)


def test_a_setting_of_a_yaml_is_named_by_its_full_key() -> None:
    with pytest.raises(ConfigError, match="^stopping.first.rounds is 0; it must be at least 1.$"):
        construct(Settings, {"rounds": 0}, "stopping.first")


def test_what_lies_in_range_is_taken() -> None:
    edge = Settings(seed=0, shares=(0.0, 1.0), weight=0.999, partial="train", sizes={"cat": 1})
    assert (
        construct(Settings, {"seed": 0, "shares": [0.0, 1.0], "weight": 0.999, "partial": "train", "sizes": {"cat": 1}})
        == edge
    )
