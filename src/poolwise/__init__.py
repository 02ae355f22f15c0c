"""poolwise: which pictures to label next, which labels are wrong, how many more are needed.

The functions for people who bring their own arrays, imported when first used:

    select(strategy, *, size, ...)              which rows of a pool to label next
    curation_report(embeddings, chosen, ...)    how a batch compares with random ones of its size
    embed(images, backbone)                     what a pretrained network sees in pictures
    find_label_errors(labels, probs, ...)       which labels are likely wrong, and how many
    compare_detectors(labels, probs, ...)       which detector finds errors planted in these very labels
    class_findings(labels, probs)               which classes overlap, and whose labels are least to be trusted
    find_duplicates(embeddings, ...)            which rows are one thing, and which leak from split to split
    calibrate_threshold(images, embed)          from which cosine on, learnt from planted copies
    consensus(votes, probs)                     what several annotators say together
    relabel_scores(votes, probs)                whom to ask again, and what to ask first
    fit_learning_curve(sizes, scores)           what more labels will bring, and how many a target needs
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = {
    "Duplicates": "quality",
    "calibrate_threshold": "quality",
    "class_findings": "quality",
    "compare_detectors": "quality",
    "consensus": "quality",
    "curation_report": "query",
    "embed": "model",
    "find_duplicates": "quality",
    "find_label_errors": "quality",
    "fit_learning_curve": "metric",
    "relabel_scores": "quality",
    "select": "query",
}
__all__ = ["__version__", *_ROOMS]


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for, so that `import poolwise` costs nothing."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'poolwise' has no attribute {name!r}")
    value = getattr(import_module(f"poolwise.{_ROOMS[name]}.api"), name)
    globals()[name] = value
    return value
