"""A run's folder is removed, moved or begun anew while its loop is at work: the loop ends, and leaves what is there alone."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builders import MeansLearner, ledger, parts
from poolwise.annotation.csv_files import CsvFiles
from poolwise.core.errors import LedgerMoved
from poolwise.jobs.loop.job import loop_job


def removed(folder):
    shutil.rmtree(folder)


def renamed(folder):
    folder.rename(folder.with_name("elsewhere"))


def begun_anew(folder):
    shutil.rmtree(folder)
    run = parts(folder.parent, annotator=CsvFiles())
    book = ledger(folder)
    loop_job([run], book)
    book.close()


def ledger_removed(folder):
    (folder / "ledger.db").unlink()


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclass
class Harmed:
    """Does harm to the run's folder, once, before it does what it is asked for."""

    real: object
    name: str
    harm: object
    folder: Path
    before: dict | None = None

    def __getattr__(self, asked):
        if asked != self.name:
            return getattr(self.real, asked)

        def work(*arguments, **options):
            if self.before is None:
                self.harm(self.folder)
                self.before = files(self.folder.parent)
            return getattr(self.real, asked)(*arguments, **options)

        return work


@pytest.mark.parametrize("harm", [removed, renamed, begun_anew, ledger_removed])
@pytest.mark.parametrize("where", ["learner", "display"])
def test_the_loop_ends_and_changes_nothing_at_its_path(tmp_path, harm, where):
    folder = tmp_path / "blobs"
    run = parts(tmp_path)
    real, name = {"learner": (MeansLearner(), "fit"), "display": (run.display, "round_done")}[where]
    mean = Harmed(real, name, harm, folder)
    book = ledger(folder)
    with pytest.raises(LedgerMoved, match="ledger.db was removed, moved or replaced"):
        loop_job([replace(run, **{where: mean})], book)
    book.close()
    assert mean.before is not None
    assert files(tmp_path) == mean.before


def test_a_run_that_was_put_back_goes_on_where_it_was(tmp_path):
    folder = tmp_path / "blobs"
    book = ledger(folder)
    with pytest.raises(LedgerMoved):
        loop_job([replace(parts(tmp_path), learner=Harmed(MeansLearner(), "fit", renamed, folder))], book)
    (tmp_path / "elsewhere").rename(folder)
    (record,) = loop_job([parts(tmp_path)], book)
    book.close()
    assert (record.status, record.rounds[-1].labelled) == ("stopped", 20)
