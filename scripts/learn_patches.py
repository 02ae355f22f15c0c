"""Learn a dictionary of patches from the pool of a data set, without labels: the backbone of `model=patches`.

    python scripts/learn_patches.py patches.pt data=cifar10_sheets
    python scripts/learn_patches.py digits.pt data=digits size=3 filters=100
    poolwise loop data=cifar10_sheets model=patches model.backbone.weights_file=patches.pt

Further settings: filters=300 size=6 width=256 seed=0 pictures=10000, and any of the data set's own as data.key=value.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import numpy as np
import torch
from omegaconf import OmegaConf

from poolwise.core.files import write_bytes
from poolwise.core.parts import build_part, conf_dir
from poolwise.core.types import Split
from poolwise.model.patches import learn_patches

DEFAULTS = {"filters": 300, "size": 6, "width": 256, "seed": 0, "pictures": 10_000}


def main(out: str, *settings: str) -> None:
    """Learn from the pictures of the pool alone and write the file."""
    said = OmegaConf.from_dotlist([item for item in settings if not item.startswith("data=")])
    name = next((item.removeprefix("data=") for item in settings if item.startswith("data=")), "digits")
    unknown = set(said) - set(DEFAULTS) - {"data"}
    if unknown:
        sys.exit(f"unknown settings: {', '.join(sorted(unknown))}; there are data, data.*, {', '.join(DEFAULTS)}.")
    known = sorted(file.stem for file in (conf_dir() / "data").glob("*.yaml"))
    if name not in known:
        sys.exit(f"there is no data={name}; there are {', '.join(known)}.")
    node = OmegaConf.merge(OmegaConf.load(conf_dir() / "data" / f"{name}.yaml"), said.get("data", {}))
    options = {key: int(said.get(key, value)) for key, value in DEFAULTS.items()}
    images = build_part(node, where="data")
    pool = images.manifest.ids(Split.POOL)
    some = np.sort(np.random.default_rng(options["seed"]).permutation(pool)[: options.pop("pictures")])
    began = time.perf_counter()
    state = learn_patches(images.read(some), options.pop("seed"), **options)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(Path(out), buffer.getvalue())
    print(
        f"{out}: {len(some)} pictures of {name}, {len(state['components'])} wide, {time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-") or "=" in sys.argv[1]:
        sys.exit(__doc__)
    main(*sys.argv[1:])
