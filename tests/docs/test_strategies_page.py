"""docs/strategies.md has an entry for each strategy, and its snippets run as they stand."""

import re
from pathlib import Path

import pytest

import poolwise.query.api
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Task

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/strategies.md").read_text()
ENTRIES = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))


def test_every_strategy_has_an_entry_and_no_other_has():
    assert sorted(ENTRIES) == poolwise.query.api.strategies()


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_names_every_option_or_says_that_there_is_none(name):
    from omegaconf import OmegaConf

    options = set(OmegaConf.load(conf_dir() / "query" / f"{name}.yaml")) - {"_target_"}
    said = ENTRIES[name] + ("" if name != "cluster_margin" else ENTRIES["clustered"])
    assert not [option for option in options if f"`{option}`" not in said]
    assert options or re.search(r"\*\*Options\*\*: none|No\s+options", said)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_shows_its_picture_where_there_can_be_one(name):
    from omegaconf import OmegaConf

    strategy = build_part(OmegaConf.load(conf_dir() / "query" / f"{name}.yaml"))
    drawn = Task.MULTICLASS in getattr(strategy, "tasks", tuple(Task))
    assert (f"(pictures/strategies/{name}.png)" in ENTRIES[name]) == drawn


def test_every_option_of_the_candidates_is_written_about():
    from omegaconf import OmegaConf

    options = set(OmegaConf.load(conf_dir() / "candidates/all.yaml")) - {"_target_"}
    assert not [option for option in options if f"`{option}`" not in PAGE]


def test_links_inside_the_page_lead_to_headings():
    found = re.findall(r"^#+ (.*)$", PAGE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors


def test_the_snippets_run():
    names: dict[str, object] = {}
    for number, snippet in enumerate(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL), start=1):
        exec(compile(snippet, f"docs/strategies.md, snippet {number}", "exec"), names)
