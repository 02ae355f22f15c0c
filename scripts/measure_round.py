"""Measure how much of the code one round of the loop passes through: files of ours entered, and changes from file to file.

python scripts/measure_round.py [SETTING=VALUE ...]

Runs `poolwise loop budget=60` on digits in a folder of its own, and follows its last round from the choice of the batch to the
end of the measurement.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

SOURCE = Path(__file__).resolve().parents[1] / "src/poolwise"
ROUND = 2


class Done(BaseException):
    """Ends the loop once the round is measured."""


@dataclass
class Walk:
    """A profiler that notes which files of ours the functions that are called lie in."""

    calls: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    last: str = ""

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Note a call of a function of ours."""
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(str(SOURCE)):
            self.calls[name] += 1
            self.changes += name != self.last
            self.last = name


def walk(settings: list[str]) -> Walk:
    """Return the walk through one round of a loop."""
    from poolwise.app.cli import main
    from poolwise.jobs.loop import runner, steps

    found, select, measure = Walk(), runner.select, steps.measure

    def selected(state: Any, *arguments: Any) -> Any:
        if len(state.rounds) == ROUND:
            sys.setprofile(found)
        return select(state, *arguments)

    def measured(state: Any, *arguments: Any) -> Any:
        fact = measure(state, *arguments)
        if len(state.rounds) == ROUND + 1:
            sys.setprofile(None)
            raise Done
        return fact

    runner.select, steps.measure = selected, measured
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.argv = ["poolwise", "loop", "budget=60", "control=false", "tracking=none", *settings]
        try:
            main()
        except Done:
            return found
        finally:
            os.chdir(before)
    raise RuntimeError(f"round {ROUND} was not measured")


if __name__ == "__main__":
    seen = walk(sys.argv[1:])
    for name, calls in sorted(seen.calls.items()):
        print(f"{calls:6d}  {Path(name).relative_to(SOURCE).as_posix()}")
    print(f"files entered   {len(seen.calls)}\nchanges of file {seen.changes}")
