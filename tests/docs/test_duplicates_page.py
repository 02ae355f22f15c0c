"""The page on duplicates names every attribute, option and alteration, and its example runs."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import poolwise
from poolwise.quality.duplicates.copy_threshold import KINDS, CopyThreshold

PAGE = (Path(__file__).parents[2] / "docs/duplicates.md").read_text()
FIELDS = [field.name for one in (poolwise.Duplicates, CopyThreshold) for field in dataclasses.fields(one)]
OPTIONS = [*inspect.signature(poolwise.find_duplicates).parameters, "precision", "pixels", "kinds", "sample", "copies"]


@pytest.mark.parametrize("name", sorted({*FIELDS, *OPTIONS, *KINDS}))
def test_every_attribute_option_and_alteration_is_told(name):
    assert re.search(rf"\b{name}\b", PAGE)


def test_the_example_finds_the_ten_copies(capsys):
    names = {}
    exec(re.search(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[1], names)
    assert names["found"].pairs.tolist() == [[row, 990 + row] for row in range(10)]
    assert "{('test', 'train'): 10}" in capsys.readouterr().out
