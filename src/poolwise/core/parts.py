"""Build the parts that a configuration names.

A part is a class named by `_target_`; the class is its own schema. A class that lies outside the packages that may be
used, or that is no part of the kind that belongs there, a key that the class does not have, or a value of another type is
refused with its full name before anything is built.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from poolwise.core.errors import ConfigError, listed
from poolwise.core.interfaces import hooks_of, with_defaults
from poolwise.core.ranges import check_ranges

TARGET = "_target_"
MEMBERS = "members"
ALLOWED = ("poolwise.", "pytorch_lightning.callbacks.", "pytorch_lightning.strategies.", "pytorch_lightning.plugins.")
LIGHTNING = "lightning_fabric."
"""Where Lightning defines some of its plugins and strategies."""
MOVED: Mapping[str, str] = MappingProxyType({
    "poolwise.curve.belief.Belief": "poolwise.metric.curve.posterior.Prior",
    **{
        f"poolwise.curve.{name.lower()}.{name}": f"poolwise.metric.curve.families.{name}"
        for name in ("Last1", "Pow2", "Pow3", "Pow4", "Mmf4", "M4", "Exp3", "Wbl4", "Ilog2", "Arctan")
    },
    "poolwise.curve.": "poolwise.metric.curve.",
    "poolwise.label_error.": "poolwise.quality.label_error.",
    "poolwise.pruning.": "poolwise.quality.pruning.",
    "poolwise.stopping.": "poolwise.jobs.loop.stopping.",
    "poolwise.tracking.": "poolwise.report.tracking.",
})  # fmt: skip
"""Prefixes of targets that moved: as stored runs name them -> as they are called now; the first that fits counts."""


def conf_dir() -> Path:
    """Return the folder of configurations: inside an installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def part_names(group: str) -> list[str]:
    """Return the names of the parts in a group of the configuration, in alphabetical order."""
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def named_node(group: str, name: str, word: str) -> DictConfig:
    """Return the yaml of a part.

    Raises:
        ConfigError: no such part; names the nearest one.
    """
    known = part_names(group)
    if str(name).lower() not in known:
        near = difflib.get_close_matches(str(name).lower(), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {listed(known, most=50)}."
        raise ConfigError(f"there is no {word} {name!r}{hint}")
    node = OmegaConf.load(conf_dir() / group / f"{str(name).lower()}.yaml")
    assert isinstance(node, DictConfig)
    return node


def build_named(group: str, name: str, options: Mapping[str, Any], *, word: str, kind: Any) -> Any:
    """Build a part by its name.

    Args:
        group: of the configuration.
        name: of a yaml there.
        options: in place of those in the yaml; `members` are given by their names.
        word: what the part is called in messages.
        kind: see `build_part`.

    Raises:
        ConfigError: no such part or option.
    """
    node, changes = named_node(group, name, word), dict(options)
    if MEMBERS in node and MEMBERS in changes:
        names = changes.pop(MEMBERS)
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise ConfigError(f"{name}.{MEMBERS} must be names, such as {list(node[MEMBERS])}; got {names!r}.")
        node[MEMBERS] = {each: named_node(group, each, word) for each in names}
    return build_part(OmegaConf.merge(node, OmegaConf.create(changes)), where=name, kind=kind)


def build_part(node: Any, *, where: str = "", trusted: Sequence[str] = (), kind: Any = None) -> Any:
    """Build the object that a config node names; nested nodes with a `_target_` first, plain nodes as they are.

    Args:
        node: a DictConfig, ListConfig or plain value, interpolations allowed.
        where: dotted place of the node in the configuration, for messages.
        trusted: further module prefixes from which parts may come (the user's own packages).
        kind: class or protocol that the part belongs to (a tuple: one of them); in a list, or a mapping without a
            `_target_`, that each part in it belongs to.

    Raises:
        ConfigError: unknown target, another kind of part, unknown key or type; names the key and the nearest right one.
    """
    if isinstance(node, (ListConfig, list)):
        return [build_part(item, where=f"{where}[{at}]", trusted=trusted, kind=kind) for at, item in enumerate(node)]
    if not isinstance(node, (DictConfig, dict)):
        return node
    if TARGET not in node:
        return {
            str(key): build_part(node[key], where=_dotted(where, str(key)), trusted=trusted, kind=kind) for key in node
        }
    target = find_target(str(node[TARGET]), where, trusted)
    _check_kind(target, kind, where, callable)
    options = {str(key): node[key] for key in node if key != TARGET}
    kinds = _nested_kinds(target, options, where)
    values = {
        key: build_part(value, where=_dotted(where, key), trusted=trusted, kind=kinds.get(key))
        for key, value in options.items()
    }
    part = construct(target, values, where)
    _check_kind(part, kind, where)
    for each in kind if isinstance(kind, tuple) else () if kind is None else (kind,):
        with_defaults(part, each)
    return part


def _check_kind(part: Any, kind: Any, where: str, which: Callable[[Any], bool] = lambda _: True) -> None:
    """Check a part against its kind; a class, before anything is built of it, or an object.

    Args:
        part: the class or the object.
        kind: a protocol, by the names in it, or a class; a tuple of those for any of them; None for anything.
        where: dotted place in the configuration.
        which: picks the members of a protocol that are looked for; a class need not have attributes that objects get.

    Raises:
        ConfigError: another kind.
    """
    kinds = kind if isinstance(kind, tuple) else () if kind is None else (kind,)
    target = part if inspect.isclass(part) else type(part)
    for each in kinds:
        if getattr(each, "_is_protocol", False):
            if all(hasattr(part, name) for name, member in _members(each).items() if which(member)):
                return
        elif issubclass(target, each):
            return
    if kinds:
        raise ConfigError(f"{where}: {target.__name__} is no {' or '.join(each.__name__ for each in kinds)}.")


def _members(protocol: Any) -> dict[str, Any]:
    """Return name -> function, property, or None for an attribute, of all that a protocol requires."""
    members: dict[str, Any] = {}
    for each in protocol.__mro__:
        if getattr(each, "_is_protocol", False) and each is not typing.Protocol:
            members |= dict.fromkeys(vars(each).get("__annotations__", ())) | vars(each)
    return {
        name: member for name, member in members.items() if not name.startswith("_") and name not in hooks_of(protocol)
    }


def _nested_kinds(target: type, options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return name -> kind of the options that are to be built; fields say it by `Annotated[Any, kind]`.

    Raises:
        ConfigError: the class has no option of that name, or wants a plain value.
    """
    hints = typing.get_type_hints(target, include_extras=True) if dataclasses.is_dataclass(target) else {}
    nested = [key for key, value in options.items() if _names_target(value)]
    _check_keys(target, nested, where)
    for key in nested:
        if _wants_plain(hints.get(key, Any)):
            raise ConfigError(
                f"{_dotted(where, key)} holds a {TARGET}, but {target.__name__} takes a plain value there."
            )
    return {key: _kind_in(hints.get(key)) for key in nested}


def _kind_in(hint: Any) -> Any:
    """Return the kind that a type hint is annotated with, at any depth; None if it is not."""
    if kinds := [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, (type, tuple))]:
        return kinds[0]
    return next(filter(None, map(_kind_in, typing.get_args(hint))), None)


def _names_target(value: Any) -> bool:
    if isinstance(value, (ListConfig, list, tuple)):
        return any(_names_target(item) for item in value)
    if isinstance(value, (DictConfig, dict)):
        return TARGET in value or any(_names_target(value[key]) for key in value)
    return False


def _wants_plain(hint: Any) -> bool:
    """Return whether a type hint admits numbers, words, flags and their lists alone."""
    if typing.get_origin(hint) is typing.Annotated:
        return _wants_plain(typing.get_args(hint)[0])
    members = [each for each in typing.get_args(hint) if each is not Ellipsis]
    if members:
        return all(map(_wants_plain, members))
    return hint is type(None) or (isinstance(hint, type) and issubclass(hint, (str, int, float, bool, Enum)))


def present_name(target: str) -> str:
    """Return the present name of a class that may be called by an earlier one.

    >>> present_name("poolwise.tracking.none.NoTracker"), present_name("poolwise.query.top_k.Margin")
    ('poolwise.report.tracking.none.NoTracker', 'poolwise.query.top_k.Margin')
    """
    return _replaced(target, MOVED)


def present_names(config: Any) -> Any:
    """Return the configuration with every `_target_` by its present name, so that old and new ones can be compared."""
    return _renamed(config, MOVED)


def first_names(config: Any) -> Any:
    """Return the configuration with every `_target_` by its earliest name, so that digests outlive a move.

    >>> first_names({"stopping": [{"_target_": "poolwise.jobs.loop.stopping.budget.Budget", "budget": 7}]})
    {'stopping': [{'_target_': 'poolwise.stopping.budget.Budget', 'budget': 7}]}
    """
    return _renamed(config, {new: old for old, new in MOVED.items()})


def _renamed(node: Any, prefixes: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {
            key: _replaced(value, prefixes) if key == TARGET and isinstance(value, str) else _renamed(value, prefixes)
            for key, value in node.items()
        }
    return [_renamed(item, prefixes) for item in node] if isinstance(node, (list, tuple)) else node


def _replaced(name: str, prefixes: Mapping[str, str]) -> str:
    for old, new in prefixes.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def find_target(name: str, where: str, trusted: Sequence[str] = ()) -> Any:
    """Return the class called `name`, if it may be used.

    Raises:
        ConfigError: it lies outside the packages that parts may come from, does not exist, or is no class.
    """
    prefixes = (*ALLOWED, *(f"{prefix.rstrip('.')}." for prefix in trusted))
    if not name.startswith(prefixes):
        raise ConfigError(_outside(name, where, prefixes))
    module, _, attribute = present_name(name).rpartition(".")
    try:
        target = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{where}.{TARGET} is {name!r}, which cannot be imported: {error}.") from error
    if not inspect.isclass(target):
        raise ConfigError(f"{where}.{TARGET} is {name!r}, which is no class; parts are classes.")
    if name.startswith(ALLOWED) and not f"{target.__module__}.".startswith((*ALLOWED, LIGHTNING)):
        # a library's class that a module of ours imports
        raise ConfigError(_outside(f"{target.__module__}.{target.__qualname__}", where, prefixes))
    return target


def _outside(name: str, where: str, prefixes: Sequence[str]) -> str:
    return (
        f"{where}.{TARGET} is {name!r}, which lies outside {listed(p.rstrip('.') for p in prefixes)}; "
        f"to use parts of your own package, add its name to `trusted`, e.g. trusted=[{name.split('.')[0]}]."
    )


def construct(target: Any, values: dict[str, Any], where: str = "") -> Any:
    """Call a class or function with options checked against its own signature and annotations.

    Raises:
        ConfigError: a key that it does not have, or a value of another type.
    """
    what = getattr(target, "__qualname__", str(target))
    _check_keys(target, values, where)
    if dataclasses.is_dataclass(target):
        values = _typed(target, values, where)
        check_ranges(typing.cast(type, target), values, where)
    try:
        return target(**values)
    except TypeError as error:
        raise ConfigError(f"{where or what}: {what} cannot be built: {error}.") from error


def _check_keys(target: Any, keys: Iterable[str], where: str) -> None:
    """Raise ConfigError for an option that a class or function does not have."""
    known = list(inspect.signature(target).parameters)
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it takes: {listed(known, most=20) or 'no options'}."
            what = getattr(target, "__qualname__", str(target))
            raise ConfigError(f"{_dotted(where, key)} is not an option of {what}{hint}")


def _typed(target: Any, values: dict[str, Any], where: str) -> dict[str, Any]:
    """Check and convert plain values by the class's own annotations; built parts pass through."""
    hints = typing.get_type_hints(target)
    plain = {
        key: _member(value, hints.get(key), _dotted(where, key)) for key, value in values.items() if _is_plain(value)
    }
    schema = OmegaConf.structured(target)
    checked = {}
    for key, value in plain.items():
        try:
            checked[key] = OmegaConf.to_container(OmegaConf.merge(schema, {key: value}))[key]  # type: ignore[index, call-overload]
        except OmegaConfBaseException as error:
            if value is None:
                raise ConfigError(
                    f"{_dotted(where, key)} is null; it needs a value, or leave it out for its default."
                ) from error
            raise ConfigError(f"{_dotted(where, key)}: {str(error).splitlines()[0]}.") from error
        if isinstance(checked[key], list):
            checked[key] = tuple(checked[key])
    return {**values, **checked}


def _dotted(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _member(value: Any, hint: Any, where: str) -> Any:
    """Return the enum member that a yaml names by its value (omegaconf would want its name); 3 is not true or false."""
    if hint is bool and isinstance(value, (int, float)) and value not in (0, 1):
        raise ConfigError(f"{where} is {value!r}; it is true or false.")
    for kind in (hint, *typing.get_args(hint)):
        if isinstance(kind, type) and issubclass(kind, Enum) and isinstance(value, str):
            try:
                return kind(value)
            except ValueError:
                raise ConfigError(
                    f"{where} is {value!r}; it is one of {listed([m.value for m in kind], 20)}."
                ) from None
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (str, int, float, bool, Enum))
