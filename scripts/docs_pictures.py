"""Make the pictures of the README and docs from a run: `python scripts/docs_pictures.py runs/digits-auto-seed0`.

Needs Chromium (Debian: apt-get install chromium).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> None:
    """Copy the curve; photograph the head of the report."""
    run = Path(sys.argv[1]).resolve()
    shutil.copy(run / "learning_curve.png", DOCS / "learning_curve.png")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("chromium is not installed")
    with tempfile.TemporaryDirectory() as home:
        shot = f"--screenshot={DOCS / 'report.png'}"
        page = f"file://{run / 'report.html'}"
        command = [browser, *QUIET, f"--user-data-dir={home}", shot, "--window-size=1000,1000", page]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
