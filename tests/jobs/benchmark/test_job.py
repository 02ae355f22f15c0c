from dataclasses import replace

import pytest

from builders import Told, ledger
from poolwise.annotation.csv_files import CsvFiles
from poolwise.core.errors import ConfigError
from poolwise.jobs.benchmark.cell import pool_accuracy, run_cell, stored_cell
from poolwise.jobs.benchmark.job import benchmark_job


def run(bench, **changes):
    return benchmark_job(bench.plan(**changes), bench.work, bench.display)


def test_a_benchmark_runs_every_cell_and_leaves_tables_and_a_page(bench):
    outcome = run(bench)
    assert len(outcome.results) == 4
    assert len(bench.table()) == 4 * 5
    assert {row["strategy"] for row in bench.table("summary.csv")} == {"random", "margin"}
    assert len(bench.table("pairs.csv")) == 1
    assert outcome.report.is_file()
    assert (bench.folder / "curves/blobs-low.png").read_bytes()[:4] == b"\x89PNG"


def test_strategies_share_their_starting_set_and_seeds_do_not(bench):
    run(bench)
    starts = {}
    for task in bench.plan().tasks:
        state = ledger(task.folder).state(task.cell.name)
        starts[task.cell.strategy, task.cell.seed] = [ask.sample_id for ask in state.rounds[0].asks]
    assert starts["random", 0] == starts["margin", 0] != starts["random", 1]
    first = {(row["strategy"], row["seed"]): row["score"] for row in bench.table() if row["round"] == "0"}
    assert first["random", "1"] == first["margin", "1"]


def test_stopped_after_the_first_cell_it_goes_on_to_the_same_results(bench, tmp_path):
    unbroken = replace(bench, folder=tmp_path / "unbroken", ran=[])
    run(unbroken)
    bench.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        run(bench)
    assert len(bench.table()) == 5  # what had ended is on the disk
    bench.stop_after = 1000
    run(bench)
    assert len(bench.ran) == 4  # the finished cell was not run again
    assert bench.table() == unbroken.table()


def test_a_finished_benchmark_runs_nothing_and_says_so(bench):
    run(bench)
    run(bench)
    assert len(bench.ran) == 4
    assert "4 of 4 cells were finished before." in bench.display.lines


def test_more_seeds_and_strategies_keep_what_is_there(bench):
    run(bench, names=("random",), seeds=(0,))
    run(bench)
    assert len(bench.ran) == 4


def test_a_failing_cell_is_told_and_stops_no_other(bench):
    bench.broken = "blobs-low-margin-seed0"
    outcome = run(bench)
    assert len(outcome.results) == 3
    assert outcome.failures[0][0] == bench.broken
    assert "ValueError: no luck" in outcome.failures[0][1]
    assert "no luck" in outcome.report.read_text()
    bench.broken = ""
    assert not run(bench).failures


def test_cells_say_how_far_it_is(bench):
    run(bench)
    lines = [line for line in bench.display.lines if " of 4: " in line]
    assert lines[0].startswith("1 of 4: blobs-low-random-seed0: accuracy ")
    assert "20 labels; about" in lines[0]
    assert lines[-1].endswith("in all")


def test_other_settings_under_one_name_are_refused_at_once(bench):
    run(bench, width=1)
    with pytest.raises(
        ConfigError, match=r"width: was 1, now 2\nGive the new ones a benchmark of their own with name="
    ):
        run(bench, width=2)
    assert len(bench.ran) == 4


def test_the_pool_accuracy_counts_answers_and_predictions(bench):
    task = bench.plan().tasks[0]
    built, book = bench.parts(task), ledger(task.folder)
    found = run_cell(task.cell, built, book)
    truth, seen = built.images.hidden_labels(), {}

    class Spy:
        simulated, source = True, "oracle"

        def share_right(self, ids, labels):
            seen.update(zip(ids.tolist(), labels.tolist(), strict=True))
            return float((labels == truth[ids]).mean())

    assert pool_accuracy(replace(built, annotator=Spy()), book) == found.pool_accuracy
    assert sorted(seen) == list(range(90))
    answered = book.state(task.cell.name).annotations
    assert all(seen[at] == truth[at] for at in answered)
    assert 0.3 < found.pool_accuracy <= 1


def test_a_cell_is_told_to_its_tracker_as_it_ends(bench):
    task, tracker = bench.plan().tasks[0], Told()
    run_cell(task.cell, bench.parts(task, tracker=tracker), ledger(task.folder))
    assert tracker.runs[-1].status == "stopped"
    assert stored_cell(task.folder).told


def test_a_cell_whose_tracker_was_away_is_tried_again(bench):
    class Away(Told):
        def sync(self, run, **more):
            return False

    task = bench.plan().tasks[0]
    run_cell(task.cell, bench.parts(task, tracker=Away()), ledger(task.folder))
    run(bench)
    assert task.cell in bench.ran
    assert stored_cell(task.folder).told


def test_people_cannot_take_part(bench):
    task = bench.plan().tasks[0]
    with pytest.raises(ConfigError, match="a benchmark is simulated"):
        run_cell(task.cell, bench.parts(task, annotator=CsvFiles()), ledger(task.folder))


def test_a_cell_file_that_is_damaged_is_no_result(tmp_path):
    assert stored_cell(tmp_path) is None
    (tmp_path / "cell.json").write_text("{")
    assert stored_cell(tmp_path) is None
