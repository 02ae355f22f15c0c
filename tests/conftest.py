"""Settings that must stand before torch is imported."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; see poolwise.cli
