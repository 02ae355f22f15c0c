"""What the pages say can be typed, is there."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from poolwise.app.cli import COMMANDS
from poolwise.core.parts import conf_dir
from poolwise.jobs.table import JOBS

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "experiments").glob("*/README.md")])
TEXT = {page.relative_to(ROOT).as_posix(): page.read_text() for page in PAGES}
PAGE_OF = {"samplesize": "sample_size"}
FLAGS = {"-m", "--help", "-c", "job"}


def commands():
    """(page, words) of every `poolwise ...` in the pages, in blocks and between backticks, comments cut off."""
    for page, text in TEXT.items():
        joined = re.sub(r"\\\n\s*", " ", text)
        block = re.findall(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(poolwise .*)$|^    (poolwise .*)$", joined, flags=re.MULTILINE)
        inline = re.findall(r"`(poolwise [^`\n]+)`", joined)
        for line in [first or second for first, second in block] + inline:
            yield page, shlex.split(line, comments=True)


FOUND = list(commands())


def test_there_are_commands_to_check():
    assert len(FOUND) > 15


@pytest.mark.parametrize(
    ("page", "words"), FOUND, ids=lambda value: value if isinstance(value, str) else " ".join(value)[:60]
)
def test_every_command_in_the_pages_exists(page, words):
    command = words[1]
    assert command in COMMANDS or command in {"-sc", "--version", "--help"} or "..." in command
    if command not in JOBS or "--config-dir" in words:
        return
    overrides = [word for word in words[2:] if "=" in word and "..." not in word]
    single = [re.sub(r"=([^\[,]+),.*", r"=\1", word) for word in overrides]  # of a sweep, the first of each
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        compose(command, single)


@pytest.mark.parametrize("page", TEXT)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT[page]):
        assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize(
    "group", ["data", "model", "query", "candidates", "trainer", "annotation", "stopping", "tracking"]
)
def test_every_choice_is_written_about(group):
    everything = "\n".join(TEXT.values())
    for file in (conf_dir() / group).glob("*.yaml"):
        assert re.search(rf"\b{file.stem}\b", everything), f"no page speaks of {group}={file.stem}"


@pytest.mark.parametrize("job", JOBS)
def test_every_setting_of_a_job_is_in_its_page(job):
    shared = {each.name for each in fields(JOBS["loop"].load("settings"))} if job != "loop" else {"ledger"}
    for setting in fields(JOBS[job].load("settings")):
        known = setting.name in shared | {"plant", "log_models", "name"}
        assert known or f"`{setting.name}`" in TEXT[f"docs/{PAGE_OF.get(job, job)}.md"], setting.name


def test_the_readme_has_the_two_commands():
    assert re.search(r"^pip install \. && poolwise loop$", TEXT["README.md"], flags=re.MULTILINE)
    assert re.search(r"^pip install '\.\[test\]' && pytest$", TEXT["README.md"], flags=re.MULTILINE)
