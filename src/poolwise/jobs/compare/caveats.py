"""What a reader should know before believing a comparison. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from poolwise.core.types import is_known
from poolwise.jobs.compare.arms import Case
from poolwise.jobs.compare.measured import lost
from poolwise.jobs.compare.parts import CompareParts
from poolwise.jobs.compare.settings import SEEDOO
from poolwise.jobs.compare.splits import Splits

ENOUGH = 5
"""Seeds from which on an interval is worth something."""


def caveats(parts: CompareParts, common: Splits, cases: Sequence[Case], notes: Sequence[str]) -> list[str]:
    """Return sentences, those that matter most first."""
    settings, messages = parts.settings, list(notes)
    if len(settings.seeds) < ENOUGH:
        messages.append(
            f"{len(settings.seeds)} seeds are few: an interval over fewer than {ENOUGH} is wide or accidental."
        )
    if not any((~case.pruned.keep).any() for case in cases):
        messages.append("Nothing was flagged with any seed: pruned and raw are the same trainings.")
    if settings.preset == SEEDOO:
        messages.append(
            "A validation set cleaned by the same rule as the training set proves nothing by itself: it has lost the samples "
            "that the rule finds hard, whether their labels are wrong or not. The answer goes by the "
            + ("raw" if cases[0].corrected is None else "corrected")
            + " test set."
        )
    messages += _of_truth(common) + _of_leaks(parts, common)
    gone = lost(cases, parts.audit.images.manifest.classes)
    if gone:
        messages.append(f"Pruning leaves no training sample of {', '.join(gone[:5])} with at least one seed.")
    if common.unread:
        messages.append(f"{common.unread} pictures cannot be read and are left out.")
    messages.append(
        "Arms of one seed begin with the same weights; one that has fewer samples sees fewer of them in an epoch. On removed "
        "samples raw, relabelled, reviewed and truth are measured on what they have learnt, the others are not."
    )
    return messages


def _of_truth(common: Splits) -> list[str]:
    checked = 0 if common.truth is None else int(is_known(common.truth[common.test.ids]).sum())
    if not checked:
        return [
            "No true labels of test samples are known: if the test set has errors like the training set, a model that learnt "
            "these errors may look better on it. A column of checked test labels (truth=NAME) settles it."
        ]
    if checked < len(common.test):
        return [
            f"Of {len(common.test)} test labels {checked} were checked; in the corrected test set the others stand as given."
        ]
    return []


def _of_leaks(parts: CompareParts, common: Splits) -> list[str]:
    if not common.leaks:
        return []
    what = "are left out of training in all arms" if parts.settings.drop_leaks else "stay in training in all arms"
    return [
        f"{common.leaks} training samples are near-copies of {common.leaking} test samples or in one group with them; "
        f"they {what}."
    ]
