"""One round of the loop passes through few files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/measure_round.py"


@pytest.mark.slow
def test_a_round_enters_at_most_forty_files():
    settings = ["model.epochs=1", "model.min_steps=10"]
    done = subprocess.run([sys.executable, SCRIPT, *settings], capture_output=True, text=True, timeout=300, check=True)
    files = int(re.search(r"files entered +([0-9]+)", done.stdout)[1])
    assert 20 < files <= 40, done.stdout
