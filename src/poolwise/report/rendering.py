"""From a template to a page that asks nobody for anything: its style inside, named by its hash; every value escaped."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from poolwise.report import words


def rendered(template: str, **content: Any) -> str:
    """Return the text of a page; `template` is a file in this folder."""
    from jinja2 import Environment, StrictUndefined

    here = files("poolwise.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["shown"] = words.shown
    style = (here / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    text = environment.from_string((here / template).read_text(encoding="utf-8"))
    return text.render(style=style, style_hash=digest, **content)
