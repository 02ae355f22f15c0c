"""Call MLflow without waiting for minutes, and without its words on the terminal; then leave all as it was.

MLflow takes its time limits from the environment alone. Measured with 3.17: its defaults block one call for 246 s when the
server is gone, and opening a database that does not answer is tried for 100 s.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DEFAULT_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def limits(timeout_s: float) -> dict[str, str]:
    """Environment variables for our calls.

    No retries: MLflow would repeat the making of a run whose answer got lost, and then there are two. What fails is sent
    by a later sync, which looks first.
    """
    return {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, math.ceil(timeout_s))),
        "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_DISABLE_AGENT_HINT": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, and put the user's back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Hold back what MLflow and alembic log and warn of below errors, and put the loggers back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401 (sets the levels of its loggers when it is imported)
    ours = [logging.getLogger("mlflow"), logging.getLogger("alembic")]
    with _restored(ours), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in ours:
            logger.setLevel(logging.ERROR)
        yield


@contextlib.contextmanager
def silent_migrations() -> Iterator[None]:
    """While tables are made, alembic configures the root logger, and each migration logs under a name of its own."""
    before = logging.root.manager.disable
    with _restored([logging.getLogger(), logging.getLogger("alembic.runtime.migration")]):
        logging.disable(max(before, logging.INFO))
        try:
            yield
        finally:
            logging.disable(before)


@contextlib.contextmanager
def replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    """Put another value in the place of a module's; nothing happens where the module has no such name."""
    if not hasattr(module, name):
        yield
        return
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextlib.contextmanager
def _restored(loggers: Sequence[logging.Logger]) -> Iterator[None]:
    before = [(logger, logger.level, list(logger.handlers), logger.propagate) for logger in loggers]
    try:
        yield
    finally:
        for logger, level, handlers, propagate in before:
            logger.setLevel(level)
            logger.handlers[:], logger.propagate = handlers, propagate


def reachable(uri: str, timeout_s: float) -> bool:
    """Whether somebody listens at the address; True where that cannot be told (a file, a proxy, another scheme)."""
    parts = urllib.parse.urlsplit(uri)
    scheme = parts.scheme.split("+")[0]
    if scheme not in DEFAULT_PORTS or not parts.hostname or _through_proxy(scheme, parts.hostname):
        return True
    try:
        with socket.create_connection((parts.hostname, parts.port or DEFAULT_PORTS[scheme]), timeout=timeout_s):
            return True
    except OSError:
        return False


def _through_proxy(scheme: str, host: str) -> bool:
    return scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host)
