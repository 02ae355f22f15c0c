"""A real process, killed by SIGKILL at random moments, ends as one that was never killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

COMMAND = [
    sys.executable, "-m", "poolwise", "loop", "data=synthetic", "tracking=none", "seed=1", "run_name=one", "verbose=false",
    "query=badge", "seed_size=10", "query_size=10", "budget=40", "control=false", "model.epochs=2", "model.min_steps=20",
]  # fmt: skip


def start(folder, **options):
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        COMMAND, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options
    )


def outcome(folder):
    """What the run came to, less the clock."""
    summary = json.loads((folder / "runs/one/summary.json").read_text())
    return [
        (round_["round"], round_["labelled"], round_["labels_digest"], round_["metrics"])
        for round_ in summary["runs"][0]["rounds"]
    ]


def finish(folder):
    process = start(folder)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return outcome(folder)


def kill_some_time_in(folder, wait):
    """Start, let it get past its imports to real work, and end it without warning."""
    process = start(folder)
    ledger = folder / "runs/one/ledger.db"
    begun = time.monotonic()
    while not ledger.exists() and process.poll() is None and time.monotonic() - begun < 120:
        time.sleep(0.05)
    time.sleep(wait)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return alive


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_killed_at_random_moments_the_run_ends_the_same(tmp_path, kills):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir(), broken.mkdir()
    expected = finish(whole)
    rng = random.Random(kills)
    alive = [kill_some_time_in(broken, rng.uniform(0.1, 1.5) if at == 0 else rng.uniform(1, 5)) for at in range(kills)]
    assert alive[0], "the first kill must hit a run at work"
    assert finish(broken) == expected
    assert [labelled for _, labelled, _, _ in expected] == [10, 20, 30, 40]
