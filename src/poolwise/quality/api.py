"""The public functions on label errors, duplicates and several annotators."""

from poolwise.quality.consensus.consensus import Consensus, consensus, relabel_scores
from poolwise.quality.duplicates.copy_threshold import CopyThreshold, calibrate_threshold
from poolwise.quality.duplicates.find import Duplicates, find_duplicates
from poolwise.quality.label_error.find import find_label_errors
from poolwise.quality.label_error.methods import class_findings, compare_detectors

__all__ = [
    "Consensus",
    "CopyThreshold",
    "Duplicates",
    "calibrate_threshold",
    "class_findings",
    "compare_detectors",
    "consensus",
    "find_duplicates",
    "find_label_errors",
    "relabel_scores",
]
