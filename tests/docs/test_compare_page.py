"""The page on cleaned against raw names every arm, pruning and setting."""

from dataclasses import fields
from pathlib import Path

import pytest

from poolwise.core.parts import conf_dir
from poolwise.jobs.compare.arms import ARMS
from poolwise.jobs.compare.settings import CompareConfig

PAGE = (Path(__file__).parents[2] / "docs/compare.md").read_text()


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_has_a_row(arm):
    assert f"| `{arm}` |" in PAGE


@pytest.mark.parametrize("file", sorted((conf_dir() / "pruning").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_pruning_has_a_row(file):
    assert f"| `{file.stem}` |" in PAGE


@pytest.mark.parametrize("setting", [field.name for field in fields(CompareConfig)])
def test_every_setting_is_told(setting):
    assert f"`{setting}`" in PAGE.split("## Settings")[1]
