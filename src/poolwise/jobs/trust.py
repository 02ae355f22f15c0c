"""Whose settings a run's folder holds: those that were given on this machine, or somebody else's.

A folder may come from anywhere, and its settings name classes to build, servers to ask and places to write. So they never
vouch for themselves. What a person gives on the command line is remembered here, by its hash, in a file of that person's own;
stored settings that are remembered are taken as they stand. Others are taken as far as they do no harm: parts of poolwise
alone, nothing written outside the run's folder (or where all runs of its parent folder are), no server asked. A person lifts
that with `--trust`, once, or with the environment variable POOLWISE_TRUST: folders whose runs are trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from poolwise.core.errors import UntrustedRun, listed
from poolwise.core.parts import TARGET

STATE = "POOLWISE_STATE"
"""Environment variable: folder of what poolwise remembers of a person; else XDG_STATE_HOME, else ~/.local/state."""
TRUST = "POOLWISE_TRUST"
"""Environment variable: folders, separated as in PATH; every run in one or below it is trusted."""
OURS = "poolwise."
READ = ("points", "predictions", "clean", "weights_file", "command")
"""Last words of settings that name files to read, wherever they are; those below `data` do too."""
HARMLESS_TRAINER = frozenset((
    "accelerator", "devices", "strategy", "precision", "gradient_clip_val", "deterministic", "callbacks", "benchmark",
    "accumulate_grad_batches", "enable_progress_bar", "limit_train_batches", "num_nodes",
))  # fmt: skip
"""Options of Lightning's Trainer that write nothing; some, at one value, begin no processes either."""
SQLITE = "sqlite:///"
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""Of an address, at its beginning; one letter is a drive of Windows."""


def remember(folder: Path, *given: Mapping[str, Any], began: str = "") -> None:
    """Write down that a person on this machine gave these settings for the run in a folder. Never fails.

    Args:
        folder: of the run, or of all runs of a benchmark.
        given: settings.
        began: where they were given; "" for the current folder.
    """
    new = {hash_of(each) for each in (_place(folder), began or os.getcwd(), *given)}
    with suppress(OSError):  # a home that cannot be written remembers nothing; --trust and POOLWISE_TRUST are left
        if new := new - _remembered():
            file = _file()
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="ascii") as out:
                out.write("".join(f"{each}\n" for each in sorted(new)))


def is_known(config: Any, cwd: str, folder: Path) -> bool:
    """Return whether a person on this machine gave these settings in the folder `cwd`, or trusts the run's folder."""
    return _is_trusted(folder) or {hash_of(config), hash_of(cwd)} <= _remembered()


def trust(folder: Path) -> None:
    """Trust a run's folder for as long as this process, and those that it begins, last."""
    before = os.environ.get(TRUST, "")
    os.environ[TRUST] = os.pathsep.join(filter(None, (before, str(folder.resolve()))))


def check_settings_of(
    folder: Path, config: Mapping[str, Any], cwd: str, *, only: Collection[str] | None = None
) -> None:
    """Check the stored settings of a run before anything is built from them.

    Args:
        folder: of the run.
        config: as stored.
        cwd: where they were given, as stored.
        only: the groups that are to be built; None for all settings.

    Raises:
        UntrustedRun: nobody on this machine gave them, and they reach beyond the folder; names the first ones.
    """
    if not is_known(config, cwd, folder):
        used = config if only is None else {name: config[name] for name in only if name in config}
        _refuse(folder, [f"{key} ({why})" for key, why in _reaching_out(used, folder)])


def check_ledger_of(folder: Path, config: Mapping[str, Any]) -> None:
    """Check where a stored configuration says that the ledger is. Raises UntrustedRun: not in the folder."""
    ledger = config.get("ledger") or {}
    url = str((ledger.get("url") if isinstance(ledger, Mapping) else ledger) or "")
    # options behind a "?" can make another file of it
    inside = url.startswith(SQLITE) and "?" not in url and _is_inside(url.removeprefix(SQLITE), folder)
    if url and not inside and not _is_known_anywhere(config, folder):
        _refuse(folder, ["ledger.url (a database elsewhere)"])


def check_links(folder: Path, config: Any) -> None:
    """Check that what is written into a folder stays there. Raises UntrustedRun: a link of another's leads out of it.

    Settings may be guessed, so the folder itself must be known too, or the folder of its benchmark.
    """
    places = {hash_of(_place(folder)), hash_of(_place(folder.parent))}
    if _is_trusted(folder) or (_is_known_anywhere(config, folder) and places & _remembered()):
        return
    for below, folders, files in os.walk(folder):
        for name in (*folders, *files):
            place = Path(below) / name
            if place.is_symlink() and not _is_inside(str(place), folder):
                _refuse(folder, [f"{place.relative_to(folder)} (a link that leads out of it)"])


def hash_of(value: Any) -> str:
    """Return the SHA-256 of plain data, the same after a way through JSON or YAML.

    >>> hash_of({"b": (1, 2), "a": None}) == hash_of({"a": None, "b": [1, 2]})
    True
    """
    plain = json.loads(json.dumps(value, default=str))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _place(folder: Path) -> dict[str, str]:
    """Return a run's folder as it is remembered; a folder in which a command was given is another thing."""
    return {"folder": str(folder.resolve())}


def _file() -> Path:
    own = os.environ.get(STATE)
    if own:
        return Path(own) / "given.txt"
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "poolwise" / "given.txt"


def _remembered() -> set[str]:
    try:
        return set(_file().read_text(encoding="ascii").split())
    except (OSError, ValueError, RuntimeError):  # RuntimeError: nobody's home
        return set()


def _is_trusted(folder: Path) -> bool:
    places = [Path(each).expanduser().resolve() for each in os.environ.get(TRUST, "").split(os.pathsep) if each]
    return any(folder.resolve().is_relative_to(place) for place in places)


def _is_known_anywhere(config: Any, folder: Path) -> bool:
    """Return whether the settings are known; where they were given does not matter here."""
    return _is_trusted(folder) or hash_of(config) in _remembered()


def _refuse(folder: Path, found: Collection[str]) -> None:
    if found:
        raise UntrustedRun(
            f"the settings in {folder} were not given on this machine, and they reach beyond the folder: "
            f"{listed(found, 5)}. If you know where it comes from and trust it, add --trust to `poolwise annotate`, "
            "`ingest`, `labels`, `report` or `track`, or name it in POOLWISE_TRUST; or give the command of the run again."
        )


def _reaching_out(config: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    """Yield key and reason of each setting that reaches beyond a run's folder."""
    for key, value in _leaves(config, ""):
        if reason := _reason(key.split("."), value, folder):
            yield key, reason


def _leaves(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item, where)
    else:
        yield where, value


def _reason(words: list[str], value: Any, folder: Path) -> str:
    """Return why a setting reaches beyond the folder; "" if it does not."""
    name, group = words[-1], words[0]
    if name == TARGET:
        return "" if str(value).startswith(OURS) else f"builds {value}"
    if value in (None, "", False):
        return ""
    if name == "trusted":
        return f"trusts {value}"
    if name == "download" or (name == "weights" and group in ("model", "also")):
        return "downloads"
    if "trainer" in words[:-1] and not _is_harmless_option(words[words.index("trainer") + 1], value):
        return "an option of Lightning's Trainer that may write or begin processes"
    if not isinstance(value, str) or group == "data" or (group, name) == ("ledger", "url"):
        return ""
    return _reason_of_text(words, value, folder)


def _is_harmless_option(name: str, value: Any) -> bool:
    alone = {"strategy": ("auto",), "devices": (1, "1", "auto"), "num_nodes": (1,)}
    return name in HARMLESS_TRAINER and value in alone.get(name, (value,))


def _reason_of_text(words: list[str], text: str, folder: Path) -> str:
    name = words[-1]
    if name == "uri":
        return f"tells {text}"
    if "://" in text:
        return "" if name in ("url", "picture_url") and _is_loopback(text) else f"asks {text}"
    above = folder.parent
    shared = {"home": above, "runs": above, "cache": above / ".cache"}
    if name in (*shared, "artifacts", "features_dir"):
        there = name in shared and _real(text) == above.resolve() / shared[name].relative_to(above)
        linked = any((above / each).is_symlink() for each in ("mlflow.db", "mlartifacts"))
        return "" if (there and not linked) or _is_inside(text, folder) else f"writes to {text}"
    if name in READ:
        return ""
    leads_out = Path(text).is_absolute() or text.startswith("~") or ".." in Path(text).parts
    return f"names {text}" if leads_out and not _is_inside(text, folder) else ""


def _is_inside(path: str, folder: Path) -> bool:
    real = None if SCHEME.match(path) else _real(path)
    return real is not None and real.is_relative_to(folder.resolve())


def _real(path: str) -> Path | None:
    """Return where a path leads; None if it is none."""
    try:
        return Path(path).expanduser().resolve()
    except (OSError, ValueError, RuntimeError):  # a loop of links, a null byte, nobody's home
        return None


def _is_loopback(address: str) -> bool:
    if set(address) & set("\\@"):  # clients differ in what they take for the host
        return False
    try:
        return urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1")
    except ValueError:
        return False
