"""Every yaml of conf/annotation builds an annotator that keeps the promises of protocols.Annotator."""

import dataclasses

import pytest
from omegaconf import OmegaConf

from poolwise.core.errors import ConfigError
from poolwise.core.interfaces import Annotator
from poolwise.core.parts import TARGET, build_part, conf_dir

HANDED_IN = {"truth", "votes"}
"""Fields that the commands set, never a configuration."""
FILES = sorted((conf_dir() / "annotation").glob("*.yaml"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def node(request):
    return OmegaConf.merge(OmegaConf.load(request.param), {"seed": 0} if request.param.stem == "oracle" else {})


def test_the_yaml_names_every_option_with_its_default(node):
    part = build_part(node, where="annotation")
    assert isinstance(part, Annotator)
    assert part == type(part)()
    assert {field.name for field in dataclasses.fields(part)} - HANDED_IN == set(node) - {TARGET}


def test_a_misspelt_option_is_refused(node):
    with pytest.raises(ConfigError, match="annotatr"):
        build_part(OmegaConf.merge(node, {"annotatr": "x"}), where="annotation")


def test_it_says_where_answers_come_from_in_a_word_that_the_ledger_takes(node):
    part = build_part(node, where="annotation")
    assert 0 < len(part.source) <= 40
    assert isinstance(part.simulated, bool)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_option_has_a_comment(file):
    first, *lines = file.read_text().splitlines()
    assert first.startswith("# ")
    assert all("#" in line for line in lines if line and not line.startswith((TARGET, "seed:")))
