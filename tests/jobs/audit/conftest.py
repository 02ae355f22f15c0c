"""An audit of small stand-ins: three classes of grey squares, some labels changed."""

import numpy as np
import pytest

from builders import MeansLearner, Mislabelled, Quiet, Told, ledger
from poolwise.annotation.csv_files import CsvFiles
from poolwise.jobs.audit.job import audit_job
from poolwise.jobs.audit.parts import AuditParts
from poolwise.jobs.audit.settings import AuditConfig
from poolwise.jobs.trainings.fits import fit_and_score
from poolwise.quality.duplicates.find import find_duplicates
from poolwise.quality.label_error.find import find_label_errors


@pytest.fixture
def audit(tmp_path):
    """Builds the parts; keywords change them, `images` and `settings` among them."""

    def build(**change):
        images = change.pop("images", Mislabelled())
        asked = {"budget": 6, "jobs": 0, **change.pop("settings", {})}
        folder = change.pop("folder", tmp_path / "audit")
        learner = change.pop("learner", MeansLearner())
        basis = {
            "run": "audit",
            "folder": folder,
            "cache": tmp_path / "fits",
            "settings": AuditConfig(**{"folds": 4, **asked}),
            "config": {"seed": 0},
            "method": "auto",
            "images": images,
            "members": {"model": {"model": "means"}},
            "work": lambda fit: fit_and_score(fit, images, learner),
            "embed": lambda ids: images.read(ids).reshape(len(ids), -1).astype(np.float32) - 128,
            "duplicates": lambda ids, points: find_duplicates(np.random.default_rng(0).normal(size=(len(ids), 8))),
            "find": lambda labels, probs, embeddings, groups, margins: find_label_errors(
                labels, probs, embeddings=embeddings, groups=groups
            ),
            "annotator": CsvFiles(),
            "tracker": Told(),
            "display": Quiet(),
        }
        return AuditParts(**{**basis, **change})

    return build


@pytest.fixture
def run(audit, tmp_path):
    """Runs an audit as far as it goes; returns its record and its ledger's state."""

    def go(parts=None):
        parts, book = parts or audit(), ledger(tmp_path)
        record = audit_job(parts, book)
        return record, book.state("audit")

    return go
