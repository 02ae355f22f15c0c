"""What a part may answer is declared in a protocol: nobody looks whether a part happens to have a method or class."""

import ast
import dataclasses
from importlib import import_module
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from poolwise.core import interfaces
from poolwise.core.parts import TARGET, conf_dir
from poolwise.quality.label_error.detectors import Detector


def is_protocol(each):
    return getattr(each, "_is_protocol", False)


SRC = Path(interfaces.__file__).parents[1]
PROTOCOLS = [
    Detector,
    *(
        each
        for each in vars(interfaces).values()
        if getattr(each, "_is_protocol", False) and each.__module__ == interfaces.__name__
    ),
]
HOOKS = {name for protocol in PROTOCOLS for name in interfaces.hooks_of(protocol)}
MEMBERS = HOOKS | {name for protocol in PROTOCOLS for name in vars(protocol) if not name.startswith("_")}
BUILDERS = ("core/parts.py", "core/interfaces.py")
"""These look at what a class has, to refuse it or to give it the defaults."""
EITHER = {("jobs/samplesize/build.py", "Prior"), ("metric/api.py", "Prior")}
"""A setting that takes one of two declared kinds, a prior or a family alone: the kinds are told apart, no hook is looked for."""
GROUPS = (
    "annotation",
    "candidates",
    "curve",
    "data",
    "label_error",
    "model",
    "query",
    "pruning",
    "stopping",
    "tracking",
)


def parts():
    """Names of the classes that a yaml builds."""
    found = set()

    def look(node):
        if isinstance(node, dict):
            found.update([node[TARGET].rpartition(".")[2]] if TARGET in node else [])
            for value in node.values():
                look(value)

    for group in GROUPS:
        for file in (conf_dir() / group).glob("*.yaml"):
            look(OmegaConf.to_container(OmegaConf.load(file)))
    return found


def undeclared(source, classes):
    """(line, what) of each place in a module's text that looks for a hook which no protocol declares."""
    return [
        (node.lineno, why)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and (why := _why(node, classes))
    ]


def _why(call, classes):
    called, arguments = ast.unparse(call.func), call.args
    if called in ("getattr", "hasattr") and len(arguments) > 1 and isinstance(arguments[1], ast.Constant):
        name = arguments[1].value
        if name.startswith("__"):  # of Python's own data model
            return ""
        if name in MEMBERS or _last(arguments[0]) in ROLES:
            return f"{called} of {name!r}"
    if called in ("isinstance", "issubclass"):
        named = [_last(each) for each in (arguments[1].elts if isinstance(arguments[1], ast.Tuple) else arguments[1:])]
        return ", ".join(f"{called} of {name}" for name in named if name in classes)
    if called in ("inspect.signature", "signature") and isinstance(arguments[0], ast.Attribute):
        return (
            f"signature of {ast.unparse(arguments[0])}"
            if _last(arguments[0].value) in ROLES | MEMBERS or arguments[0].attr in MEMBERS
            else ""
        )
    return ""


ROLES = {
    "annotator", "images", "learner", "strategy", "rule", "tracker", "display", "detector", "source", "part", "backbone",
}  # fmt: skip
"""What variables and fields that hold a part are called."""


def _last(node):
    """The last name of a dotted expression: `annotator` of `self.parts.annotator`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize(
    "line",
    [
        "never = getattr(parts.annotator, 'never', None)",
        "hasattr(mine, 'reading')",
        "getattr(learner, 'tells', False)",
        "isinstance(annotator, Oracle)",
        "isinstance(x, (int, pages.Page))",
        "inspect.signature(learner.fit)",
    ],
)
def test_a_hook_that_is_not_declared_is_found(line):
    assert undeclared(line, {"Oracle", "Page"})


@pytest.mark.parametrize(
    "line", ["getattr(self, name)", "isinstance(x, int)", "hasattr(array, 'detach')", "annotator.never(classes)"]
)
def test_other_lines_are_let_be(line):
    assert not undeclared(line, {"Oracle", "Page"})


def test_no_module_looks_for_undeclared_hooks():
    classes = parts()
    assert {"Oracle", "Page", "LightningLearner", "Digits", "Margin", "Budget", "MLflowTracker"} <= classes
    files = {str(file.relative_to(SRC)): file.read_text(encoding="utf-8") for file in sorted(SRC.rglob("*.py"))}
    found = {
        f"{name}:{line}: {why}"
        for name, source in files.items()
        if name not in BUILDERS
        for line, why in undeclared(source, classes)
        if (name, why.rpartition(" ")[2]) not in EITHER
    }
    assert not found


@dataclasses.dataclass(frozen=True)
class Plain:
    """A stopping rule with the one method that it must have, and a hook of its own."""

    wants = frozenset({"kappa"})

    def reason(self, rounds, *, metric, pool_left):
        return ""


def test_a_plain_class_gets_the_defaults_of_what_it_leaves_out_and_keeps_what_it_has():
    rule = interfaces.with_defaults(Plain(), interfaces.StoppingRule)
    assert rule.allowance(()) is None
    assert rule.wants == {"kappa"}
    assert type(rule) is Plain


def test_a_learner_embeds_if_it_says_how():
    class Bare:
        fit = load = None

    class Embedding(Bare):
        def embed(self, images, ids, progress=None):
            return None

    assert interfaces.with_defaults(Embedding(), interfaces.Learner).embeds
    assert not interfaces.with_defaults(Bare(), interfaces.Learner).embeds


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.__name__)
def test_every_member_says_what_it_is_for(protocol):
    assert protocol.__doc__
    assert all(getattr(protocol, name).__doc__ for name in interfaces.hooks_of(protocol))


def test_parts_of_the_package_derive_from_their_protocol():
    for group, protocol in (
        ("annotation", interfaces.Annotator),
        ("data", interfaces.ImageSource),
        ("model", interfaces.Learner),
        ("query", interfaces.QueryStrategy),
        ("tracking", interfaces.Tracker),
    ):
        for file in (conf_dir() / group).glob("*.yaml"):
            target = str(OmegaConf.load(file)[TARGET])
            module, _, name = target.rpartition(".")
            assert protocol in getattr(import_module(module), name).__mro__, target
