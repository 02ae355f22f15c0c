"""The command line answers at once: heavy imports wait until they are needed."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "pytorch_lightning", "mlflow", "matplotlib", "sklearn", "faiss", "scipy", "pandas", "torchvision"}


@pytest.mark.parametrize(
    "code",
    [
        "import poolwise",
        "import poolwise.app.cli",
        "import poolwise.app.hydra_job",
        "import poolwise.core.parts, poolwise.core.types",
    ],
)
def test_nothing_heavy_is_imported_early(code):
    probe = f"{code}; import sys; print(sorted(set(sys.modules) & {HEAVY!r}))"
    assert (
        subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
