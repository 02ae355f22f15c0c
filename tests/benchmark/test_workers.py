import os
import signal
import time

import pytest

from poolwise.benchmark.workers import run_all
from poolwise.errors import ConfigError


def square(number):
    if number == 3:
        raise ConfigError("three is not squared")
    return number * number


def deadly(path):
    """Kills its process the first time, if it is called a."""
    if path.exists() or path.name != "a":
        return "lived"
    path.write_text("")
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def doomed(number):
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def threads(_):
    return os.environ["OMP_NUM_THREADS"]


def ended(tasks, work, jobs):
    found = []
    run_all(tasks, work, jobs, found.append)
    return found


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failure_stops_no_other(jobs):
    found = {each.task: (each.result, each.error) for each in ended([1, 2, 3, 4], square, jobs)}
    assert found == {1: (1, ""), 2: (4, ""), 3: (None, "three is not squared"), 4: (16, "")}


def test_a_process_that_dies_is_tried_once_more(tmp_path):
    found = ended([tmp_path / "a", tmp_path / "b", tmp_path / "c"], deadly, 2)
    assert [each.result for each in found] == ["lived"] * 3


def test_work_that_kills_its_process_is_told_and_stops_no_other():
    found = {each.task: each.result or each.error for each in ended([5, -1, 2], doomed, 2)}
    assert found == {5: 5, 2: 2, -1: "its process died, twice; was there enough memory?"}


def test_each_process_has_one_thread_and_ours_keeps_its_own():
    before = os.environ.get("OMP_NUM_THREADS")
    assert [each.result for each in ended(["x"], threads, 2)] == ["1"]
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_work_ends_with_the_keyboard():
    def stop(_):
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_all([1, 2], square, 2, stop)
    assert time.monotonic() - start < 60
