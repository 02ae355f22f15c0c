"""The house stands: imports run downward, siblings do not know one another, pure rooms stay pure."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src/poolwise"
CONF = Path(__file__).parents[2] / "conf"

LAYERS = {
    0: {"types", "labels", "voting", "protocols", "errors", "seeds", "checks"},
    1: {"geometry"},
    2: {"acquisition", "curve", "label_error", "metric", "votes"},
    3: {"query", "stopping", "pruning"},
    4: {"files", "engine", "formats"},
    5: {"data", "model", "annotation", "ledger", "tracking", "report"},
    6: {"loop", "benchmark", "audit", "compare", "samplesize", "trainings"},
    7: {"terminal", "config", "doors", "cli", "__main__", "__init__"},
}
LAYER = {room: layer for layer, rooms in LAYERS.items() for room in rooms}
STRANGERS = {2, 3, 5}
"""Layers in which rooms do not know one another."""
JOBS_MAY_USE = {"ledger", "report"}
"""Of the edges; everything else reaches a job through a protocol."""
ORACLE_ONLY = "hidden_labels"

FILES = sorted(SOURCE.rglob("*.py"))


def room(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(file: Path) -> set[str]:
    """Rooms of ours that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "poolwise":
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("poolwise.")}
    return found - {"__version__"}


def identity(file: Path) -> str:
    return str(file.relative_to(SOURCE))


def test_every_room_has_its_place():
    assert {room(file) for file in FILES} == set(LAYER)


@pytest.mark.parametrize("file", FILES, ids=identity)
def test_imports_run_downward(file):
    mine = room(file)
    for other in imported(file) - {mine}:
        below = LAYER[other] < LAYER[mine] or (LAYER[other] == LAYER[mine] and LAYER[mine] not in STRANGERS)
        assert below, f"{identity(file)} ({mine}) may not import {other}"


@pytest.mark.parametrize("file", [file for file in FILES if LAYER[room(file)] == 6], ids=identity)
def test_jobs_know_no_concrete_part(file):
    assert imported(file) & LAYERS[5] <= JOBS_MAY_USE


@pytest.mark.parametrize("file", [file for file in FILES if LAYER[room(file)] <= 3], ids=identity)
def test_pure_rooms_open_nothing_print_nothing_and_hold_no_clock(file):
    text = file.read_text()
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert not names & {"open", "print", "input"}
    modules = {a.name.split(".")[0] for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import) for a in n.names}
    modules |= {n.module.split(".")[0] for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom) and n.module}
    assert not modules & {"time", "datetime", "random", "os", "logging", "hydra", "mlflow", "pytorch_lightning"}
    assert not re.search(r"np\.random\.(seed|rand|randn|randint|choice|shuffle|permutation)\(|torch\.manual_seed", text)


def test_only_the_door_of_the_oracle_touches_hidden_labels():
    users = {room(file) for file in FILES if re.search(rf"\b{ORACLE_ONLY}\b", file.read_text())}
    assert users == {"data", "annotation", "protocols"}


@pytest.mark.parametrize("file", FILES, ids=identity)
def test_files_stay_readable(file):
    assert len(file.read_text().splitlines()) <= 400


@pytest.mark.parametrize("file", FILES, ids=identity)
def test_functions_stay_short(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            doc = 1 if ast.get_docstring(node) else 0
            first = node.body[min(doc, len(node.body) - 1)].lineno
            assert node.end_lineno - first < 50, f"{node.name} in {identity(file)}"


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda file: str(file.relative_to(CONF)))
def test_a_yaml_lies_in_the_group_of_its_package(file):
    for target in re.findall(r"_target_: poolwise\.(\w+)", file.read_text()):
        # which samples may be chosen is a matter of choosing: its class lives beside the strategies
        assert target == {"candidates": "query"}.get(file.parent.name, file.parent.name)
