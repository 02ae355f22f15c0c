"""Make the pictures of the README and docs from runs: `python scripts/docs_pictures.py runs/digits-auto-seed0 runs/AUDIT`.

One or more runs, known by their files: of `poolwise loop`,
`poolwise audit data=mnist data.limit=2000 plant.share=0.03 plant.shape=confusion budget=60`, `poolwise samplesize target=0.99`.

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
    """Copy the curve; photograph the heads of the reports."""
    for run in (Path(name).resolve() for name in sys.argv[1:]):
        if (run / "samplesize.json").is_file():
            photograph(run, DOCS / "pictures/sample_size.png", 1020)
        elif (run / "label_issues.csv").is_file():
            photograph(run, DOCS / "pictures/audit.png", 1230)
        else:
            shutil.copy(run / "learning_curve.png", DOCS / "learning_curve.png")
            photograph(run, DOCS / "report.png", 1000)


def photograph(run: Path, picture: Path, height: int) -> None:
    """The head of a run's report as it looks in a browser."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("chromium is not installed")
    with tempfile.TemporaryDirectory() as home:
        shot = f"--screenshot={picture}"
        page = f"file://{run / 'report.html'}"
        command = [browser, *QUIET, f"--user-data-dir={home}", shot, f"--window-size=1000,{height}", page]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
