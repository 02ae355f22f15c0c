"""Several pieces of work at once, each in a process with one thread; one that fails stops no other.

Not joblib's pool: where a process of it dies, all results that are not taken yet are lost, and no task is named.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from poolwise.core.errors import PoolwiseError

Task = TypeVar("Task")
Result = TypeVar("Result")

INTERRUPTED = 130
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "PYTHONSAFEPATH"), "1"
)
"""What libraries read as they are loaded; one that is loaded already does not look again, so work gets new processes. The
last is for Python: a new process does not look for its first modules in the current folder, which may be somebody else's."""

HERE = 0
"""Jobs: no other process, but this one with the threads that it has."""


@dataclass(frozen=True)
class Ended(Generic[Task, Result]):
    """A task with its result, or with the error that ended it."""

    task: Task
    result: Result | None
    error: str


def run_all(
    tasks: Sequence[Task], work: Callable[[Task], Result], jobs: int, on_end: Callable[[Ended[Task, Result]], None]
) -> None:
    """Do all tasks, `jobs` at a time; `on_end` is called in this process as each ends, in no order.

    Args:
        tasks: what to do; they travel to other processes.
        work: does one; a function at the top of a module, unless it stays `HERE`.
        jobs: processes at once, each with one thread, 1 as well: results must not depend on their number. Or `HERE`.
        on_end: takes what came of a task.
    """
    if jobs == HERE:
        for task in tasks:
            on_end(_attempt(task, work))
        return
    waiting = list(tasks)
    while waiting:
        waiting, suspects = _one_pool(waiting, work, jobs, on_end)
        for task in suspects:  # one after the other: which of them killed its process is seen then
            for culprit in _one_pool([task], work, 1, on_end)[1]:
                on_end(Ended(culprit, None, "its process died, twice; was there enough memory?"))


def _one_pool(
    waiting: Sequence[Task],
    work: Callable[[Task], Result],
    jobs: int,
    on_end: Callable[[Ended[Task, Result]], None],
) -> tuple[list[Task], list[Task]]:
    """Work until all is done or a process dies; return what is then left, and what was at work when it died."""
    queue = list(waiting)
    suspects: list[Task] = []
    broken = False
    with environment(**ONE_THREAD):
        pool = ProcessPoolExecutor(min(jobs, len(queue)), mp_context=get_context("spawn"), initializer=_begin)
        running: dict[Future[Ended[Task, Result]], Task] = {}
        try:
            while running or (queue and not broken):
                while queue and not broken and len(running) < jobs:
                    try:
                        running[pool.submit(_attempt, queue[0], work)] = queue[0]
                    except BrokenProcessPool:  # a process died while `on_end` was at work
                        broken = True
                    else:
                        queue.pop(0)
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    task = running.pop(future)
                    try:
                        ended = future.result()
                    except BrokenProcessPool:
                        suspects.append(task)
                        broken = True
                    else:
                        on_end(ended)
        except BaseException:  # Ctrl-C: what is at work is kept up to its last finished step
            _end(pool)
            raise
        pool.shutdown()
    return queue, suspects


def _attempt(task: Task, work: Callable[[Task], Result]) -> Ended[Task, Result]:
    try:
        return Ended(task, work(task), "")
    except PoolwiseError as error:
        return Ended(task, None, str(error))
    except Exception as error:
        import traceback

        place = traceback.extract_tb(error.__traceback__)[-1]
        return Ended(task, None, f"{type(error).__name__}: {error} ({place.filename}, line {place.lineno})")


def _begin() -> None:
    """Set up a new process: no word at Ctrl-C, and no life after the process that began it."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(INTERRUPTED)


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for the processes that begin meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _end(pool: ProcessPoolExecutor) -> None:
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
