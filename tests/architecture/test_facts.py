"""Events are read by attribute: what stands in their JSON bodies is known to `ledger/events.py` alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from poolwise.ledger.events import KINDS, UPGRADES

SOURCE = Path(__file__).parents[2] / "src/poolwise"
READER = "ledger/events.py"
FACTS = {
    "body",
    "begun",
    "opened",
    "queried",
    "closed",
    "trained",
    "measured",
    "audit",
    "audited",
    "audits",
    "fact",
    "event",
}
"""What facts, and states made of them, are called wherever they are read."""


def receiver(node: ast.expr) -> str:
    """The last name of `state.opened`, `opened`, `state.audits[0]` or `state.audits.get(1)`."""
    while isinstance(node, (ast.Subscript, ast.Call)):
        node = node.value if isinstance(node, ast.Subscript) else node.func
        if isinstance(node, ast.Attribute) and node.attr == "get":
            node = node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def reads_by_string(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            owner, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if node.func.attr not in ("get", "pop", "setdefault"):
                continue
            owner, key = node.func.value, node.args[0]
        else:
            continue
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield receiver(owner), key.value, node.lineno


FILES = [
    file for file in sorted(SOURCE.rglob("*.py")) if "poolwise.ledger" in file.read_text() and "web" not in file.parts
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(SOURCE).as_posix())
def test_no_fact_is_read_by_a_string(file):
    if file == SOURCE / READER:
        return
    found = [read for read in reads_by_string(ast.parse(file.read_text())) if read[0] in FACTS]
    assert not found


@pytest.mark.parametrize(
    "text", ['state.opened["config"]', 'body["tables"]', 'state.audits[0]["told"]', 'round_.trained.get("fit")',
             'state.audits.get(3)["told"]', 'state.audits.get(len(state.rounds)).get("told")'],
)  # fmt: skip
def test_a_read_by_a_string_would_be_seen(text):
    assert [owner for owner, _, _ in reads_by_string(ast.parse(text)) if owner in FACTS]


def test_every_kind_of_event_is_a_frozen_record_with_a_way_up_to_its_version():
    for name, kind in KINDS.items():
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen, name
        assert fields(kind), name
        assert {(name, older) for older in range(1, kind.version)} <= set(UPGRADES)
