import csv
from dataclasses import replace

import numpy as np
import pytest

from builders import Blobs, MeansLearner, ledger, parts
from poolwise.annotation.csv_files import CsvFiles, batch_file
from poolwise.annotation.oracle import Oracle
from poolwise.jobs.answers import batch_of
from poolwise.jobs.loop.auditor import LoopAuditor
from poolwise.jobs.loop.parts import Settings
from poolwise.jobs.loop.runner import run_loop
from poolwise.jobs.trainings.fits import fit_and_score


@pytest.fixture
def audited(audit):
    """Builds a loop of blobs that audits its labels after every round."""

    def build(tmp_path, review=0, noise=0.2, **change):
        images = Blobs()

        def parts_of(mine, folder):
            made = audit(images=mine.images, folder=folder, settings={"budget": 4, "folds": 3})
            return replace(made, work=lambda fit: fit_and_score(fit, mine.images, MeansLearner()))

        settings = Settings(seed=0, seed_size=12, query_size=4, audit_every=1)
        oracle = Oracle(noise_rate=noise).knowing(images)
        return parts(tmp_path, settings=settings, auditor=LoopAuditor(review, parts_of), annotator=oracle, **change)

    return build


def test_every_round_has_an_audit_and_its_files(audited, tmp_path):
    built = audited(tmp_path)
    run = run_loop(built, ledger(tmp_path))
    assert [round_.round for round_ in run.rounds] == [0, 1, 2]
    assert all({"count", "judged", "precision_in_review"} <= set(round_.audit) for round_ in run.rounds)
    assert [round_.audit["judged"] for round_ in run.rounds] == [12, 16, 20]
    assert (built.folder / "audits/round_002/label_issues.csv").is_file()
    assert (built.folder / "audits/round_002/report.html").is_file()


def test_an_audit_changes_nothing_that_is_learnt(audited, tmp_path):
    with_audit = run_loop(audited(tmp_path), ledger(tmp_path))
    apart = tmp_path / "apart"
    apart.mkdir()
    plain = audited(apart)
    without = run_loop(replace(plain, auditor=None, settings=replace(plain.settings, audit_every=0)), ledger(apart))
    assert [round_.labels_digest for round_ in with_audit.rounds] == [round_.labels_digest for round_ in without.rounds]


def test_doubted_labels_are_asked_again_beside_the_batch_and_corrected(audited, tmp_path):
    book = ledger(tmp_path)
    run = run_loop(audited(tmp_path, review=3), book)
    state = book.state("blobs")
    assert [len(round_.asks) for round_ in state.rounds] == [12, 4, 4]
    assert [len(round_.reviews) for round_ in state.rounds] == [0, 3, 3]
    asked = [ask.sample_id for round_ in state.rounds for ask in round_.reviews]
    assert len(set(asked)) == 6
    assert set(asked) <= {ask.sample_id for round_ in state.rounds for ask in round_.asks}
    assert [round_.labelled for round_ in run.rounds] == [12, 16, 20]
    assert sum(round_.audit.get("changed_in_review", 0) for round_ in run.rounds) >= 1


def test_people_are_asked_again_in_the_same_file_and_may_confirm(audited, tmp_path):
    built = replace(audited(tmp_path, review=2), annotator=CsvFiles(), images=Blobs(hide_labels=False, known=0.3))
    book = ledger(tmp_path)
    parked = run_loop(built, book)
    state = book.state("blobs")
    assert parked.status == "parked"
    file = batch_file(batch_of(state, built))
    with file.open(newline="") as source:
        rows = list(csv.DictReader(source))
    assert [row["review"] for row in rows].count("True") == len(state.rounds[-1].reviews) == 2
    with file.open("w", newline="") as target:
        writer = csv.DictWriter(target, rows[0])
        writer.writeheader()
        writer.writerows({**row, "label": "abc"[int(row["sample_id"]) % 3]} for row in rows)
    run_loop(built, book)
    confirmed = book.state("blobs")
    doubted = [ask.sample_id for ask in state.rounds[-1].reviews]
    assert [confirmed.annotations[at].round for at in doubted] == [1, 1]
    assert confirmed.rounds[1].closed.reviewed == tuple("abc"[at % 3] for at in doubted)


def test_too_few_labels_are_said_and_the_loop_goes_on(audited, tmp_path):
    built = audited(tmp_path)
    run = run_loop(replace(built, settings=replace(built.settings, seed_size=2)), ledger(tmp_path))
    assert run.status == "stopped"
    assert run.rounds[0].audit == {}
    assert "count" in run.rounds[-1].audit


def test_the_same_seed_gives_the_same_audits(audited, tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    one, two = (run_loop(audited(folder, review=2), ledger(folder)) for folder in folders)
    assert [round_.audit for round_ in one.rounds] == [round_.audit for round_ in two.rounds]
    assert np.isfinite([value for round_ in one.rounds for value in round_.audit.values()]).all()
