"""What a reader should know before believing an extrapolation. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from poolwise.core.types import Labels
from poolwise.jobs.samplesize.cells import Splits
from poolwise.jobs.samplesize.measured import per_class
from poolwise.jobs.samplesize.settings import SampleSizeConfig
from poolwise.metric.curve.design import Cell
from poolwise.metric.curve.fit import FEWEST, CurveFit

ENOUGH = 100
"""Test labels of a class from which on its recall is fine enough."""


def few_sizes(planned: Sequence[Cell]) -> list[str]:
    """Return what to say before anything is trained, where there is too little to extrapolate from."""
    sizes = sorted({cell.size for cell in planned})
    if len(sizes) >= FEWEST:
        return []
    named = " and ".join(f"{size:,}" for size in sizes)
    return [
        f"{named} labels alone can be measured, not extrapolated: there will be no forecast. Stop now and give "
        f"{FEWEST} sizes or more, five at best (sizes=[...] or shares=[...]), if you want one."
    ]


def caveats(settings: SampleSizeConfig, common: Splits, planned: Sequence[Cell], fit: CurveFit, held: str) -> list[str]:
    """Return sentences on the experiment itself; what is doubtful about the curve is in the warnings of its fit."""
    messages = [held] if held else []
    messages += _of_subsets(settings, len(common.train), planned)
    messages.append(_of_test(len(common.test), float(fit.scores[-1])))
    messages += _of_rarest(common.manifest.classes, common.test.labels)
    if common.leaks:
        messages.append(f"{common.leaks} samples in one group with a test sample are left out of training.")
    if common.unread:
        messages.append(f"{common.unread} pictures cannot be read and are left out.")
    messages.append(
        "The forecast is for more labels drawn like these, for this model and this training: other pictures, a larger model or "
        "labels chosen by a strategy have curves of their own."
    )
    return messages


def _of_subsets(settings: SampleSizeConfig, available: int, planned: Sequence[Cell]) -> list[str]:
    if settings.subsets == "nested":
        return [
            "Subsets are nested: a repeat's sizes hold one another, so its points go together and the interval may be too narrow."
        ]
    sizes = sorted({cell.size for cell in planned})
    messages = []
    if settings.subsets == "disjoint":
        shared = [size for size in sizes if size * sum(cell.size == size for cell in planned) > available]
        if shared:
            named = ", ".join(f"{size:,}" for size in shared)
            messages.append(
                f"There are {available:,} labels, too few for repeats without a sample in common at {named}: there trainings "
                "scatter less than on other labels."
            )
    else:
        messages.append("Repeats are drawn independently and share samples: they scatter less than on other labels.")
    if sizes[-1] == available:
        messages.append(
            "At the largest size every repeat learns all labels: what scatters there is the training alone."
        )
    return messages


def _of_rarest(classes: Sequence[str], test: Labels) -> list[str]:
    counts = per_class(test, len(classes))
    rare = int(counts.argmin())
    if not counts[rare]:
        return [f"The test set has no sample of class {classes[rare]}: nothing is known of its recall."]
    if counts[rare] >= ENOUGH:
        return []
    step = f"{100 / counts[rare]:.1f} points"
    return [f"Class {classes[rare]} has {counts[rare]} test labels: its recall moves in steps of {step}."]


def _of_test(tested: int, share: float) -> str:
    error = 100 * math.sqrt(max(share * (1 - share), 0.0) / tested) if 0 <= share <= 1 else math.nan
    text = f"{tested:,} test labels measure all sizes; their own error"
    about = f" (about {error:.1f} points at the largest size)" if math.isfinite(error) else ""
    return f"{text}{about} is shared by all points and in no interval here."
