import pytest

from poolwise.core.errors import ConfigError
from poolwise.jobs.benchmark.plan import Cell, cells, choices, merged, regimes, settings


def test_there_is_a_cell_for_every_combination_and_no_two_share_a_folder():
    found = cells(["a", "b"], ["low", "high"], ["random", "margin"], [0, 1])
    assert len({cell.name for cell in found}) == len(found) == 16
    assert found[0] == Cell("a", "low", "random", 0)
    assert {cell.seed for cell in found[:8]} == {0}  # stopped half-way, the first seed is complete


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (True, "true"), (None, "null"), ("it's", r"'it\'s'"), ([1, "x"], "[1,x]"), ({"a": 1}, "{a:1}")],
)
def test_plain_values_become_overrides_that_hydra_reads_back(value, text):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    (override,) = settings({"key": value}, "overrides")
    assert override == f"key={text}"
    read = OverridesParser.create().parse_override(override).value()
    assert (read if not isinstance(read, (list, dict)) else str(read)) == (
        value if not isinstance(value, (list, dict)) else str(value)
    )


def test_a_later_setting_stands_for_an_earlier_one():
    assert merged(["a=1", "b=1"], ["+a=2"]) == ["+a=2", "b=1"]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: choices("margin", "query", "strategies"), "strategies is 'margin'; it is a list"),
        (lambda: choices([], "query", "strategies"), "empty"),
        (lambda: choices(["margin", "margin"], "query", "strategies"), "'margin' twice"),
        (lambda: choices(["a-b"], "data", "datasets"), "datasets has 'a-b'"),
        (lambda: choices([{"a": 3}], "data", "datasets"), "datasets.a is 3"),
        (lambda: regimes([{"low": {"seed_size": 1}}]), "exactly seed_size, query_size and budget"),
        (lambda: regimes([{"low": {"seed_size": 9, "query_size": 1, "budget": 9}}]), "budget must be larger"),
        (lambda: regimes([{"low": {"seed_size": 0, "query_size": 1, "budget": 9}}]), "whole numbers from 1"),
    ],
)
def test_a_mistake_is_named(call, match):
    with pytest.raises(ConfigError, match=match):
        call()
