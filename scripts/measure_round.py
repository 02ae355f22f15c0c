"""Measure how much of the code one round of the loop passes through: files of ours entered, and changes from file to file.

python scripts/measure_round.py [SETTING=VALUE ...]

Runs `poolwise loop budget=60` on digits in a folder of its own and looks at its last round, from the choice of the batch to the
end of the measurement.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

SOURCE = Path(__file__).resolve().parents[1] / "src/poolwise"
FIRST, LAST = ("jobs/loop/select.py", "select"), ("jobs/loop/steps.py", "measure")
"""File and name of the functions at the two ends of a round."""


class Walk:
    """A profiler that follows one thread through the package and forgets all but the last round."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.changes = 0
        self.running = False
        self.last = ""

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Note a call of a function of ours, or its return."""
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(str(SOURCE)):
            return
        file = Path(code.co_filename).relative_to(SOURCE).as_posix()
        if event == "call" and (file, code.co_name) == FIRST:
            self.__init__()
            self.running = True
        if self.running and event == "call":
            self.calls[file] += 1
            self.changes += file != self.last
            self.last = file
        if event == "return" and (file, code.co_name) == LAST:
            self.running = False


def walk(settings: list[str]) -> Walk:
    """Return the walk through the last round of a loop."""
    from poolwise.app.cli import main

    before, found = Path.cwd(), Walk()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.argv = ["poolwise", "loop", "budget=60", "control=false", "tracking=none", *settings]
        sys.setprofile(found)
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                raise
        finally:
            sys.setprofile(None)
            os.chdir(before)
    return found


if __name__ == "__main__":
    seen = walk(sys.argv[1:])
    for name, calls in sorted(seen.calls.items()):
        print(f"{calls:6d}  {name}")
    print(f"files entered   {len(seen.calls)}\nchanges of file {seen.changes}")
