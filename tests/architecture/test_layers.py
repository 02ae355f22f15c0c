"""The house stands: imports run downward, inner rooms do not know what lies around them, pure rooms stay pure."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE, CONF = ROOT / "src/poolwise", ROOT / "conf"

_spec = importlib.util.spec_from_file_location("measure_house", ROOT / "scripts/measure_house.py")
house = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(house)

MODULES = house.modules(SOURCE)
FILES = sorted(MODULES.values())
GRAPH = house.arrows(SOURCE)
ORDER = {room: at for at, room in enumerate(house.ROOMS)}

INNER = (
    "query/acquisition", "metric/curve", "data/formats", "report/tracking", "jobs/loop/stopping",
    "quality/label_error", "quality/consensus", "quality/duplicates",
)  # fmt: skip
"""Folders that may use the rooms below, and nothing of the room in which they lie."""
PURE_ROOMS = {"geometry", "metric", "quality", "query"}
PURE_FILES = {f"core/{name}.py" for name in ("types", "labels", "voting", "interfaces", "errors", "seeds", "checks")}
BUILDERS = {"build.py", "schedule.py"}
"""Files of a job that turn settings into concrete parts; all others know interfaces alone."""


def identity(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


def imported(file: Path) -> set[str]:
    return set(house.imported(file, MODULES)) - {"poolwise"}


def is_pure(file: Path) -> bool:
    name = identity(file)
    return name.split("/")[0] in PURE_ROOMS or name in PURE_FILES or name.startswith("jobs/loop/stopping/")


def test_there_are_the_rooms_of_the_plan():
    assert set(GRAPH) == set(house.ROOMS)


def test_the_house_stays_small():
    assert len(GRAPH) <= 14
    assert sum(map(len, GRAPH.values())) <= 50
    assert house.floors(GRAPH) <= 7
    assert house.circles(GRAPH) == []


@pytest.mark.parametrize("room", house.ROOMS)
def test_a_room_knows_only_those_before_it(room):
    later = {other for other in GRAPH[room] if ORDER[other] >= ORDER[room]}
    assert not later, [identity(file) for file in FILES if {house.room_of(each) for each in imported(file)} & later]


@pytest.mark.parametrize("room", house.ROOMS[:-1])  # not app: Hydra is begun by the command line, and asks it for help
def test_what_lies_side_by_side_in_a_room_imports_one_another_one_way(room):
    inside = house.arrows_inside(SOURCE, room)
    assert house.circles(inside) == []


@pytest.mark.parametrize("folder", INNER)
def test_inner_rooms_do_not_know_what_lies_around_them(folder):
    own = f"poolwise.{folder.replace('/', '.')}"
    around = own.split(".")[1]
    for file in (SOURCE / folder).rglob("*.py"):
        strange = {name for name in imported(file) if house.room_of(name) == around and f"{name}.".find(f"{own}.") != 0}
        assert not strange, identity(file)


JOBS = [file for file in FILES if identity(file).startswith("jobs/") and file.name not in BUILDERS]


@pytest.mark.parametrize("file", JOBS, ids=identity)
def test_jobs_know_no_concrete_part(file):
    assert not {house.room_of(name) for name in imported(file)} & {"data", "model", "annotation"}
    assert not any(name.startswith("poolwise.report.tracking") for name in imported(file))


@pytest.mark.parametrize("file", [file for file in FILES if is_pure(file)], ids=identity)
def test_pure_rooms_open_nothing_print_nothing_and_hold_no_clock(file):
    text = file.read_text()
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert not names & {"open", "print", "input"}
    modules = {a.name.split(".")[0] for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import) for a in n.names}
    modules |= {n.module.split(".")[0] for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom) and n.module}
    assert not modules & {"time", "datetime", "random", "os", "logging", "hydra", "mlflow", "pytorch_lightning"}
    assert not re.search(r"np\.random\.(seed|rand|randn|randint|choice|shuffle|permutation)\(|torch\.manual_seed", text)


def test_only_the_oracle_touches_hidden_labels():
    users = {identity(file) for file in FILES if re.search(r"\bhidden_labels\b", file.read_text())}
    assert {name for name in users if not name.startswith("data/")} == {"annotation/oracle.py", "core/interfaces.py"}


@pytest.mark.parametrize("file", FILES, ids=identity)
def test_files_stay_readable(file):
    assert len(file.read_text().splitlines()) <= 400


@pytest.mark.parametrize("file", FILES, ids=identity)
def test_functions_fit_on_a_screen_docstring_and_all(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < 50, node.name


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda file: str(file.relative_to(CONF)))
def test_a_yaml_lies_in_the_group_of_its_folder(file):
    for target in re.findall(r"_target_: poolwise\.([\w.]+)", file.read_text()):
        # which samples may be chosen is a matter of choosing: its class lies beside the strategies
        folder = {"candidates": "query"}.get(file.parent.name, file.parent.name)
        assert folder in target.split(".")[:-2], target
