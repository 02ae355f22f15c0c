"""Work for the processes of a benchmark: they import it by name, so it lies where every process finds it."""

import os
import signal
import time

from poolwise.core.errors import ConfigError


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


def dies_late(task):
    """The one called late waits for a word, then kills its process, the first time."""
    folder, name = task
    if name == "late" and not (folder / "dying").exists():
        while not (folder / "word").exists():
            time.sleep(0.01)
        (folder / "dying").write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def threads(_):
    """Whose process, what it was told, and how many threads its libraries took."""
    import numpy  # noqa: F401
    from threadpoolctl import threadpool_info

    return os.getpid(), os.environ["OMP_NUM_THREADS"], [each["num_threads"] for each in threadpool_info()]
