"""The page on label errors names every method and attribute, and its example runs."""

import dataclasses
import re
from pathlib import Path

import pytest

from poolwise.quality.label_error.find import detectors
from poolwise.quality.label_error.label_errors import LabelErrors

PAGE = (Path(__file__).parents[2] / "docs/labels.md").read_text()


def test_every_method_has_a_row_and_no_other_has():
    table = PAGE.split("## Methods")[1].split("## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == detectors()


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(LabelErrors) if field.name != "method"])
def test_every_attribute_is_told(name):
    assert f"`{name}`" in PAGE


def test_the_examples_find_the_errors_and_the_consensus(capsys):
    names = {}
    first, compared, second = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(first, names)
    assert set(range(10)) <= set(names["found"].ranking.tolist())
    assert "about" in capsys.readouterr().out
    exec(compared, {})
    assert "neighbour_vote confusions" in capsys.readouterr().out
    exec(second, names)
    assert names["found"].labels.tolist() == [0, 1, 0, 0]
    assert names["relabel"].tolist() == [True, True, True, False]
