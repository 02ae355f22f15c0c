"""Rows of tables whose functions are named "module:name", and imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any


class Row:
    """Base of the rows of such a table."""

    def load(self, field: str) -> Any:
        """Import what a field names."""
        module, _, name = str(getattr(self, field)).partition(":")
        return getattr(importlib.import_module(module), name)
