"""Measure how the code is divided: rooms at the top, arrows between them, floors, circles, lines.

python scripts/measure_house.py [CHECKOUT]
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

ROOMS = (
    "core", "geometry", "data", "model", "ledger", "metric", "quality", "query", "annotation", "report", "jobs", "app",
)  # fmt: skip
"""Ground first; a room imports only rooms before it."""

Graph = Mapping[str, Set[str]]


def room_of(module: str) -> str:
    """Return the room of a dotted module.

    >>> room_of("poolwise.query.top_k"), room_of("poolwise")
    ('query', '__init__')
    """
    return [*module.split("."), "__init__"][1]


def modules(source: Path) -> dict[str, Path]:
    """Return dotted name -> file of every module below `src/poolwise`."""
    found = {}
    for file in sorted(source.rglob("*.py")):
        parts = list(file.relative_to(source.parent).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(file: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules of ours that a file imports, also inside functions and for type checking alone."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "poolwise":
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in known else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "poolwise")


def arrows(source: Path) -> dict[str, set[str]]:
    """Return room -> rooms that it imports; the package itself and `__main__` are no rooms."""
    return _arrows(modules(source), "poolwise.")


def arrows_inside(source: Path, room: str) -> dict[str, set[str]]:
    """Return folder or file in a room -> those beside it that it imports."""
    return _arrows(modules(source), f"poolwise.{room}.")


def _arrows(known: Mapping[str, Path], above: str) -> dict[str, set[str]]:
    def name(module: str) -> str:
        return f"{module}.__init__".removeprefix(above).split(".")[0] if f"{module}.".startswith(above) else "__init__"

    found = defaultdict(set)
    for module, file in known.items():
        found[name(module)] |= {name(other) for other in imported(file, known)}
    outside = {"__init__", "__main__"}
    return {one: others - outside - {one} for one, others in found.items() if one not in outside}


def circles(graph: Graph) -> list[set[str]]:
    """Return the groups of rooms that import one another, directly or in a round.

    >>> circles({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == [{"a", "b"}]
    True
    """
    reach = {room: _reached(graph, room) for room in graph}
    found: list[set[str]] = []
    for room in sorted(graph):
        group = {other for other in reach[room] if room in reach.get(other, ())}
        if len(group) > 1 and group not in found:
            found.append(group)
    return found


def _reached(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    left = [start]
    while left:
        new = set(graph.get(left.pop(), ())) - seen
        seen |= new
        left += new
    return seen


def floors(graph: Graph) -> int:
    """Return the rooms on the longest chain of imports; a circle counts as one.

    >>> floors({"a": set(), "b": {"a"}, "c": {"a", "b"}})
    3
    """
    joined = {room: frozenset(group) for group in circles(graph) for room in group}
    whole = {room: joined.get(room, frozenset({room})) for room in graph}
    height: dict[frozenset[str], int] = {}

    def high(group: frozenset[str]) -> int:
        if group not in height:
            below = {whole[other] for room in group for other in graph[room]} - {group}
            height[group] = 1 + max((high(each) for each in below), default=0)
        return height[group]

    return max(high(group) for group in whole.values())


def lines(folder: Path, pattern: str) -> int:
    """Return how many lines all files of a kind have."""
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in folder.rglob(pattern))


def main() -> None:
    """Print the figures of a checkout."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    source = root / "src/poolwise"
    graph = arrows(source)
    print(f"at the top          {len(graph)}: {' '.join(sorted(graph))}")
    print(f"arrows              {sum(map(len, graph.values()))}")
    print(f"floors              {floors(graph)}")
    print(f"circles             {[sorted(group) for group in circles(graph)]}")
    print(f"circles in jobs     {[sorted(group) for group in circles(arrows_inside(source, 'jobs'))]}")
    print(f"lines of src, conf  {lines(source, '*.py')}, {lines(root / 'conf', '*.yaml')}")
    for room in sorted(graph, key=lambda each: ROOMS.index(each) if each in ROOMS else -1):
        print(f"  {room:12s} -> {' '.join(sorted(graph[room]))}")


if __name__ == "__main__":
    main()
