import os
import time

import pytest

from labour import deadly, dies_late, doomed, square, threads
from poolwise.core.parallel import HERE, run_all


def until(true, seconds=30):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    assert true()


def ended(tasks, work, jobs):
    found = []
    run_all(tasks, work, jobs, found.append)
    return found


@pytest.mark.parametrize("jobs", [HERE, 1, 2])
def test_a_failure_stops_no_other(jobs):
    found = {each.task: (each.result, each.error) for each in ended([1, 2, 3, 4], square, jobs)}
    assert found == {1: (1, ""), 2: (4, ""), 3: (None, "three is not squared"), 4: (16, "")}


def test_a_process_that_dies_is_tried_once_more(tmp_path):
    found = ended([tmp_path / "a", tmp_path / "b", tmp_path / "c"], deadly, 2)
    assert [each.result for each in found] == ["lived"] * 3


def test_work_that_kills_its_process_is_told_and_stops_no_other():
    found = {each.task: each.result or each.error for each in ended([5, -1, 2], doomed, 2)}
    assert found == {5: 5, 2: 2, -1: "its process died, twice; was there enough memory?"}


def test_a_process_that_dies_while_another_result_is_taken_loses_no_work(tmp_path):
    found = []

    def on_end(each):
        found.append(each)
        if len(found) == 1:
            (tmp_path / "word").write_text("")
            until((tmp_path / "dying").exists)
            time.sleep(1)  # until the pool knows: the next piece of work is handed to a broken one

    names = ["first", "late", "third", "fourth"]
    run_all([(tmp_path, name) for name in names], dies_late, 2, on_end)
    assert {each.task[1]: each.result for each in found} == {name: name for name in names}


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_process_has_one_thread_whatever_their_number_and_ours_keeps_its_own(jobs, monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "2")
    process, told, taken = ended(["x"], threads, jobs)[0].result
    assert (process != os.getpid(), told, set(taken)) == (True, "1", {1})
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_work_ends_with_the_keyboard():
    def stop(_):
        raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_all([1, 2], square, 2, stop)
    assert time.monotonic() - start < 60
