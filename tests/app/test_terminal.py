"""What a person sees of long work: a bar on a terminal, a line now and then in a log."""

import io

import pytest
from rich.console import Console

import poolwise.app.terminal
from poolwise.app.terminal import Terminal


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [100.0]
    monkeypatch.setattr(poolwise.app.terminal.time, "monotonic", lambda: now[0])
    return now


def lines(clock, steps, **options):
    console = Console(file=io.StringIO(), force_terminal=False)
    terminal = Terminal(console=console, **options)
    for seconds, done in steps:
        clock[0] += seconds
        terminal.progress("models trained", done, 20)
    return console.file.getvalue().splitlines()


def test_without_a_terminal_a_line_is_told_every_half_minute(clock):
    steps = [(0, 0), (20, 1), (20, 2), (20, 3), (20, 4), (5, 20)]
    assert lines(clock, steps) == ["  models trained: 2 of 20", "  models trained: 4 of 20"]


def test_short_work_and_quiet_ones_tell_nothing(clock):
    assert lines(clock, [(0, 0), (10, 10), (10, 20)]) == []
    assert lines(clock, [(0, 0), (60, 10)], verbose=False) == []
