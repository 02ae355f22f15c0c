"""Build the parts that a configuration names.

A part is a class named by `_target_`; the class is its own schema. A key that the class does not have, or a value of
another type, is refused with its full name before anything is built.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import typing
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from poolwise.errors import ConfigError, listed

TARGET = "_target_"
ALLOWED = ("poolwise.", "pytorch_lightning.callbacks.", "pytorch_lightning.strategies.", "pytorch_lightning.plugins.")


def conf_dir() -> Path:
    """The folder of configurations: inside an installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def build_part(node: Any, *, where: str = "", trusted: Sequence[str] = ()) -> Any:
    """Build the object that a config node names; nested nodes with a `_target_` first, plain nodes as they are.

    Args:
        node: a DictConfig, ListConfig or plain value, interpolations allowed.
        where: dotted place of the node in the configuration, for messages.
        trusted: further module prefixes from which parts may come (the user's own packages).

    Raises:
        ConfigError: unknown target, key or type; names the key and the nearest right one.
    """
    if isinstance(node, (ListConfig, list)):
        return [build_part(item, where=f"{where}[{at}]", trusted=trusted) for at, item in enumerate(node)]
    if not isinstance(node, (DictConfig, dict)):
        return node
    values: dict[str, Any] = {
        str(key): build_part(node[key], where=_dotted(where, str(key)), trusted=trusted) for key in node
    }
    if TARGET not in values:
        return values
    target = find_target(str(values.pop(TARGET)), where, trusted)
    return construct(target, values, where)


def find_target(name: str, where: str, trusted: Sequence[str] = ()) -> Any:
    """The class or function called `name`, if it may be used."""
    prefixes = (*ALLOWED, *(f"{prefix.rstrip('.')}." for prefix in trusted))
    if not name.startswith(prefixes):
        raise ConfigError(
            f"{where}.{TARGET} is {name!r}, which lies outside {listed(p.rstrip('.') for p in prefixes)}; "
            f"to use parts of your own package, add its name to `trusted`, e.g. trusted=[{name.split('.')[0]}]."
        )
    module, _, attribute = name.rpartition(".")
    try:
        target = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{where}.{TARGET} is {name!r}, which cannot be imported: {error}.") from error
    if not inspect.isclass(target):
        raise ConfigError(f"{where}.{TARGET} is {name!r}, which is no class; parts are classes.")
    return target


def construct(target: Any, values: dict[str, Any], where: str = "") -> Any:
    """Call a class or function with options checked against its own signature and annotations.

    Raises:
        ConfigError: a key that it does not have, or a value of another type.
    """
    what = getattr(target, "__qualname__", str(target))
    known = list(inspect.signature(target).parameters)
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; it takes: {listed(known, most=20) or 'no options'}."
            raise ConfigError(f"{_dotted(where, key)} is not an option of {what}{hint}")
    if dataclasses.is_dataclass(target):
        values = _typed(target, values, where)
    try:
        return target(**values)
    except TypeError as error:
        raise ConfigError(f"{where or what}: {what} cannot be built: {error}.") from error


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
    """Enum members are written by their value in a yaml; omegaconf alone would want their name."""
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
