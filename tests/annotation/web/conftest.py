"""A server over a real ledger and a batch of blobs; no loop behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builders import Blobs, ledger
from poolwise.annotation.web.app import application
from poolwise.annotation.web.batch_session import BatchSession
from poolwise.annotation.web.page import Page
from poolwise.annotation.web.people import People, hash_of
from poolwise.annotation.web.pictures import Pictures
from poolwise.annotation.web.site import CopyGroup, Site, View
from poolwise.core.types import Ask, Batch, Task
from poolwise.ledger.votes import Votes


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shelf:
    """A run with one open batch."""

    store: Votes
    batches: list
    images: object
    page: Page = field(default_factory=Page)
    name: str = "one"
    filled: list = field(default_factory=list)
    groups: tuple = ()
    at: int = 0

    def version(self):
        return self.at

    def view(self):
        batch = self.batches[self.at] if self.at < len(self.batches) else None
        return View(batch, next_command="poolwise loop", over="" if batch else "budget")

    def batch(self, round):
        return self.batches[round] if round < len(self.batches) else None

    def copies(self):
        return self.groups

    def batch_is_full(self):
        self.filled.append(self.at)


def asks(ids, **more):
    return tuple(Ask(at, f"blobs/{at:04d}", "abc"[at % 3], 0.5 + at / 1000, reason="why", **more) for at in ids)


def batch(ids=range(6), round=0, task=Task.MULTICLASS, **more):
    return Batch(round, asks(ids, **more), ("a", "b", "c"), task, Path())


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path):
    opened = ledger(tmp_path)
    yield Votes(opened, "one")
    opened.close()


@pytest.fixture
def session(store, clock):
    return BatchSession(batch(), store, clock=clock)


@pytest.fixture
def shelf(store):
    groups = (CopyGroup(3, ((10, "blobs/0010", "b", "pool"), (11, "blobs/0011", "", "test"))),)
    return Shelf(store, [batch(), batch(range(6, 9), round=1)], Blobs(), groups=groups)


@pytest.fixture
def site(shelf, clock):
    site = Site(shelf, Pictures(shelf.images), clock=clock)
    site.refresh()
    return site


def client_of(site, people, hosts=None):
    from starlette.testclient import TestClient

    return TestClient(application(site, people, hosts), base_url="http://127.0.0.1:8765", follow_redirects=False)


class Person:
    """Somebody at the page: knows what a browser knows."""

    def __init__(self, site, people, name):
        self.http = client_of(site, people)
        self.csrf = {"x-poolwise-csrf": people.csrf(name)}
        self.tab, self.sent = f"tab-of-{name}", 0

    def post(self, path, body, **more):
        return self.http.post(path, json=body, headers={**self.csrf, **more})

    def take(self, count=1):
        return self.post("/api/take", {"tab": self.tab, "count": count}).json()

    def answer(self, sample_id, label, *, round=0, key=None, count=1, **more):
        self.sent += 1
        said = {"said": "label", "labels": [label]} if label else {"said": "cannot tell"}
        one = {"key": key or f"{self.tab}-{self.sent}", "sample_id": sample_id, **said, **more}
        return self.post("/api/answer", {"tab": self.tab, "count": count, "round": round, "answers": [one]})


@pytest.fixture
def ann(site):
    """The one person of a server without logins."""
    return Person(site, People({}, "ann", "a key"), "ann")


@pytest.fixture
def team(site):
    """Two people with tokens, logged in."""
    people = People({name: hash_of(f"token of {name}") for name in ("ann", "ben")})
    found = {}
    for name in people.tokens:
        found[name] = Person(site, people, name)
        found[name].http.post("/login", data={"token": f"token of {name}"})
    return found
