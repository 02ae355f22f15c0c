"""Requests to a Label Studio server, over HTTP; measured against 1.23.2. The token is never part of a message."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from poolwise.core.errors import AnnotationError, ConfigError

TOKEN = "LABEL_STUDIO_API_KEY"
"""The environment variable that holds the token: Label Studio's own name for it."""
PAGE = 500
MOST_BYTES = 2**29
"""Of one reply."""
SECONDS = (10, 120)
"""To connect, and to wait for a reply: an import of hundreds of pictures takes its time."""
NESTED = "id,meta,annotations,drafts,result,was_cancelled,completed_by,created_at,updated_at,ground_truth"
"""Fields of a task, and of what is nested in it: the server applies one list to both. Not `data`, which holds pictures."""


class Away(AnnotationError):
    """The server cannot be reached, or refuses."""


class Gone(Away):
    """There is no such thing on the server."""


@dataclass
class Server:
    """A connection; `url` without a slash at its end.

    Raises:
        ConfigError: no such URL can be, or there is no token.
        Away: from every method; nothing is lost, everything may be repeated.
    """

    url: str
    session: requests.Session = field(default_factory=requests.Session, repr=False)
    _header: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError("annotation.url is not the http(s) address of a server, such as http://localhost:8080.")
        if parts.username or parts.password:
            raise ConfigError(f"annotation.url holds a login; take it out, the token comes from {TOKEN}.")
        self.url = self.url.rstrip("/")
        self._token = os.environ.get(TOKEN, "").strip()
        if not re.fullmatch(r"[!-~]{10,4000}", self._token):
            raise ConfigError(
                f"the environment variable {TOKEN} holds no token; copy yours from Label Studio (Account & Settings) and "
                f"`export {TOKEN}=...`. It is read from there alone."
            )
        # a personal access token is a JWT, to be exchanged for one that lasts minutes; a legacy one is sent as it is
        self._header = "" if self._token.count(".") == 2 else f"Token {self._token}"
        self.session.auth = self._sign  # also keeps .netrc from putting a login of its own

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._header:
            request.headers["Authorization"] = self._header
        return request

    def project(self, project: int) -> Mapping[str, Any]:
        """Return one project."""
        return _mapping(self._call("GET", f"/api/projects/{project}/"))

    def find_project(self, mark: str) -> int | None:
        """Return the number of the project that has `mark` in its description; None if there is none."""
        for page in range(1, 10_000):
            params = {"page": page, "page_size": PAGE, "include": "id,description"}
            found = _mapping(self._call("GET", "/api/projects/", params=params))
            for each in _field(found, "results"):
                if mark in str(each.get("description")):
                    return int(each["id"])
            if not found.get("next"):
                break
        return None

    def create_project(self, **settings: Any) -> int:
        """Make a project; return its number."""
        return int(_field(self._call("POST", "/api/projects/", body=settings), "id"))

    def change_project(self, project: int, **settings: Any) -> None:
        """Change settings of a project."""
        self._call("PATCH", f"/api/projects/{project}/", body=settings)

    def add(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Add tasks. Not safe to repeat: look first which are there."""
        self._call("POST", f"/api/projects/{project}/import", body=list(tasks))

    def remove(self, task: int) -> None:
        """Delete a task."""
        self._call("DELETE", f"/api/tasks/{task}/")

    def tasks(self, project: int, *, answered: bool = False) -> list[Mapping[str, Any]]:
        """Return all tasks of a project with `meta`, annotations and drafts, or only those that somebody answered or skipped.

        Pages may shift while others work; if a task is missing at the end, they are read once more.
        """
        for _ in range(3):
            pages = list(self._pages(project, answered))
            tasks = {int(task["id"]): task for page, _ in pages for task in page}
            if not pages or len(tasks) >= pages[-1][1]:
                break
        return [tasks[number] for number in sorted(tasks)]

    def _pages(self, project: int, answered: bool) -> Iterator[tuple[list[Mapping[str, Any]], int]]:
        query: dict[str, Any] = {"ordering": ["tasks:id"]}
        if answered:
            counts = ("total_annotations", "cancelled_annotations")
            rules = [
                {"filter": f"filter:tasks:{name}", "operator": "greater", "type": "Number", "value": 0}
                for name in counts
            ]
            query["filters"] = {"conjunction": "or", "items": rules}
        params = {"project": project, "fields": "all", "include": NESTED, "page_size": PAGE, "query": json.dumps(query)}
        seen, total, page = 0, 1, 1
        while seen < total:
            try:
                body = _mapping(self._call("GET", "/api/tasks", params={**params, "page": page}))
            except Gone:
                if page == 1:
                    raise
                break  # fewer pages than a moment ago
            tasks, total = _field(body, "tasks"), int(_field(body, "total"))
            yield tasks, total
            if not tasks:
                break
            seen, page = seen + len(tasks), page + 1

    def people(self) -> dict[int, str]:
        """Return number -> e-mail address of the people of the organisation, empty where the token may not ask."""
        try:
            found = self._call("GET", "/api/users/")
        except Away:
            return {}
        rows = found if isinstance(found, list) else []
        return {int(row["id"]): str(row["email"]) for row in rows if row.get("email")}

    def _call(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        if not self._header:
            self._exchange()
        status, content = self._send(method, path, params, body)
        if status == 401 and self._header.startswith("Bearer "):
            self._exchange()
            status, content = self._send(method, path, params, body)
        return self._checked(status, content, f"{method} {path}")

    def _exchange(self) -> None:
        """Exchange the personal access token for one that lasts some minutes."""
        status, content = self._send("POST", "/api/token/refresh/", None, {"refresh": self._token})
        found = self._checked(status, content, "POST /api/token/refresh/")
        self._header = f"Bearer {_field(found, 'access')}"

    def _send(self, method: str, path: str, params: Mapping[str, Any] | None, body: Any) -> tuple[int, bytes]:
        try:
            # a redirect would carry the token elsewhere
            reply = self.session.request(
                method, self.url + path, params=params, json=body, timeout=SECONDS, allow_redirects=False, stream=True
            )
            content = bytearray()
            for part in reply.iter_content(2**20):
                content += part
                if len(content) > MOST_BYTES:
                    raise Away(f"{self.url} answered {method} {path} with more than {MOST_BYTES // 2**20} MB.")
            return reply.status_code, bytes(content)
        except requests.RequestException as error:
            raise Away(
                f"Label Studio at {self.url} cannot be reached ({type(error).__name__}); nothing is lost: "
                "run the same command again when it is there."
            ) from None

    def _checked(self, status: int, content: bytes, what: str) -> Any:
        if status in (401, 403):
            raise Away(
                f"Label Studio at {self.url} refuses the token in {TOKEN} ({status} for {what}). A legacy token must be "
                "allowed by the organisation (Organization, API Tokens Settings); a personal access token always is."
            )
        if status == 404:
            raise Gone(f"Label Studio at {self.url} knows nothing under {what} (404).")
        if not 200 <= status < 300:
            raise Away(f"Label Studio at {self.url} answered {what} with {status}{self._why(content)}.")
        try:
            return json.loads(content) if content else None
        except (ValueError, RecursionError):
            raise Away(f"{self.url} answered {what} with no JSON; is it a Label Studio server?") from None

    def _why(self, content: bytes) -> str:
        """Return the server's own words, cut, and without the token."""
        try:
            body = json.loads(content)
            said = body.get("validation_errors") or body.get("detail") or ""
        except (ValueError, RecursionError, AttributeError):
            return ""
        text = " ".join(str(said).split())
        for secret in (self._token, self._header.partition(" ")[2]):
            text = text.replace(secret, "***") if secret else text
        text = text[:300]
        return f": {text}" if text else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Away("the server's answer has an unexpected shape; is it a Label Studio server?")
    return value


def _field(value: Any, name: str) -> Any:
    found = _mapping(value)
    if name not in found:
        raise Away(f"the server's answer lacks {name!r}; is it a Label Studio server?")
    return found[name]
