"""Every example in a docstring gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

import poolwise

MODULES = sorted(
    found.name for found in pkgutil.walk_packages(poolwise.__path__, "poolwise.") if not found.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
