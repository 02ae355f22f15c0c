"""The page on sample sizes names every method of a fit and every family, and its example runs."""

import re
from pathlib import Path

import pytest

from poolwise.metric.api import families
from poolwise.metric.curve.fit import CurveFit

PAGE = (Path(__file__).parents[2] / "docs/sample_size.md").read_text()
PLAIN = {"belief", "sizes", "scores", "extrapolates", "posterior"}


@pytest.mark.parametrize(
    "name", sorted(name for name in vars(CurveFit) if not name.startswith("_") and name not in PLAIN)
)
def test_every_method_is_told(name):
    assert f"`{name}" in PAGE


def test_every_family_is_named():
    for name in families():
        assert f"`{name}`" in PAGE or f"`{name.upper()}`" in PAGE


def test_the_example_answers(capsys):
    names = {}
    exec(re.search(r"```python\n(.*?)```", PAGE, flags=re.DOTALL).group(1), names)
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("93 % accuracy needs about")
    assert out[1].startswith("99 % accuracy")
    assert out[2].startswith("Label about")
    assert out[3] == "()"
    assert 0.9 < names["fit"].predict(3300).mean < 0.95
