"""The snippets of docs/modal.md run as they stand."""

import re
import warnings
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/modal.md").read_text()
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_runs(number, monkeypatch, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import modAL.models.learners

    monkeypatch.setattr(modAL.models.learners, "check_X_y", modAL.models.learners.check_X_y)  # undone afterwards
    exec(compile(SNIPPETS[number], f"docs/modal.md, snippet {number + 1}", "exec"), {})


def test_there_are_snippets():
    assert len(SNIPPETS) == 3
