"""Settings that must stand before torch is imported."""

import os
import tempfile

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; see poolwise.app.cli
# What poolwise remembers of the person who runs the tests stays as it was.
_STATE = tempfile.TemporaryDirectory(prefix="poolwise-state-")
os.environ["POOLWISE_STATE"] = _STATE.name

from poolwise.jobs.table import register  # noqa: E402 (the environment comes first)

register()
