from dataclasses import replace

import numpy as np
import pytest

from builders import Blobs, ledger, parts, received
from poolwise.annotation.csv_files import CsvFiles, batch_file
from poolwise.annotation.oracle import Oracle
from poolwise.core.errors import (
    AnnotationError,
    ConfigError,
    DataChanged,
    SettingsChanged,
    UnknownSample,
    UnreadableImages,
)
from poolwise.core.types import Annotation, Task
from poolwise.jobs.answers import batch_of
from poolwise.jobs.loop.parts import Settings
from poolwise.jobs.loop.runner import run_loop
from poolwise.jobs.loop.stopping.budget import Budget
from poolwise.jobs.loop.stopping.target import Target
from poolwise.ledger import blobs as ledger_blobs
from poolwise.ledger import state as ledger_state
from poolwise.ledger.events import ModelTrained
from poolwise.query.random import Random


def test_a_simulated_run_spends_its_budget_and_measures_every_round(tmp_path):
    run = run_loop(parts(tmp_path), ledger(tmp_path))
    assert (run.status, run.stop_reason) == ("stopped", "the budget of 20 labels is spent")
    assert [round_.labelled for round_ in run.rounds] == [4, 8, 12, 16, 20]
    assert all(0 <= round_.metrics["accuracy"] <= 1 for round_ in run.rounds)
    assert len({ask.sample_id for round_ in run.rounds for ask in round_.asks}) == 20


def test_running_again_changes_nothing(tmp_path):
    book = ledger(tmp_path)
    run_loop(parts(tmp_path), book)
    events = book.events("blobs")
    run_loop(parts(tmp_path), book)
    assert book.events("blobs") == events


def test_a_larger_budget_goes_on_where_the_run_stopped(tmp_path):
    book = ledger(tmp_path)
    first = run_loop(parts(tmp_path), book)
    more = run_loop(parts(tmp_path, rules=(Budget(30),), config={**parts(tmp_path).config, "budget": 30}), book)
    assert [round_.labelled for round_ in more.rounds] == [4, 8, 12, 16, 20, 24, 28, 30]
    assert more.rounds[:5] == first.rounds


def test_strategy_and_control_begin_with_the_same_seed_set(tmp_path):
    one = run_loop(parts(tmp_path), ledger(tmp_path))
    two = run_loop(parts(tmp_path, run="control", strategy=Random(), strategy_name="random"), ledger(tmp_path))
    assert one.rounds[0].asks == two.rounds[0].asks
    assert one.rounds[0].metrics == two.rounds[0].metrics
    assert one.rounds[1].asks != two.rounds[1].asks


def test_hidden_labels_reach_nobody_but_the_oracle(tmp_path):
    built = parts(tmp_path)
    assert (built.images.manifest.labels[:90] == -1).all()
    seen = []

    class Spy(Random):
        def select(self, view, size, rng):
            seen.append((view.labelled_ids.tolist(), view.labels.tolist()))
            return super().select(view, size, rng)

    run_loop(replace(built, strategy=Spy()), ledger(tmp_path))
    truth = built.images.hidden_labels()
    seen = seen[1:]  # the first is the rehearsal, on made-up labels of ids that nobody has
    assert [len(ids) for ids, _ in seen] == [4, 8, 12, 16]
    assert all(labels == truth[ids].tolist() for ids, labels in seen)  # known because they were asked for


def test_several_rules_stop_at_the_first_that_holds(tmp_path):
    run = run_loop(parts(tmp_path, rules=(Budget(20), Target(0.0))), ledger(tmp_path))
    assert run.stop_reason == "accuracy reached the target of 0"
    assert len(run.rounds) == 1


def test_a_pool_smaller_than_the_budget_is_used_up(tmp_path):
    run = run_loop(parts(tmp_path, images=Blobs(n=40)), ledger(tmp_path))
    assert [round_.labelled for round_ in run.rounds] == [4, 8, 10]
    assert run.stop_reason == "no sample is left in the unlabelled pool"


def test_a_batch_larger_than_the_pool_is_cut_with_a_word(tmp_path):
    built = parts(tmp_path, images=Blobs(n=40), settings=Settings(seed=0, seed_size=4, query_size=50), rules=())
    assert [round_.labelled for round_ in run_loop(built, ledger(tmp_path)).rounds] == [4, 10]
    assert "query_size is 50, and 6 samples are left: all of them are asked for." in built.display.lines


def test_multi_label_runs_too(tmp_path):
    run = run_loop(parts(tmp_path, images=Blobs(task=Task.MULTILABEL)), ledger(tmp_path))
    assert run.metric == "macro_f1"
    assert all(isinstance(label, tuple) for round_ in run.rounds for label in round_.labels)


def test_unreadable_pictures_are_listed_once_and_left_out(tmp_path):
    built = parts(tmp_path, images=Blobs(broken=(3, 100)))
    run = run_loop(built, ledger(tmp_path))
    run_loop(built, ledger(tmp_path))
    assert run.unreadable == (("blobs/0003", "truncated"), ("blobs/0100", "truncated"))
    assert sum("cannot be read" in line for line in built.display.lines) == 1
    assert 3 not in {ask.sample_id for round_ in run.rounds for ask in round_.asks}


def test_too_many_unreadable_pictures_are_an_error_that_names_them(tmp_path):
    with pytest.raises(
        UnreadableImages, match="3 of 120 pictures cannot be read, more than .*\n.*blobs/0001: truncated"
    ):
        run_loop(parts(tmp_path, images=Blobs(broken=(1, 2, 3), max_unreadable=0.01)), ledger(tmp_path))


def test_an_oracle_without_labels_is_refused(tmp_path):
    images = Blobs(test=0)
    oracle = Oracle(truth=np.full(120, -1))
    with pytest.raises(ConfigError, match="annotation=csv_files"):
        run_loop(parts(tmp_path, images=images, annotator=oracle), ledger(tmp_path))


def test_other_settings_or_data_on_resume_are_refused(tmp_path):
    book = ledger(tmp_path)
    run_loop(parts(tmp_path), book)
    with pytest.raises(SettingsChanged, match="seed: was 0, now 1"):
        run_loop(parts(tmp_path, config={**parts(tmp_path).config, "seed": 1}), book)
    with pytest.raises(DataChanged, match="it had 120"):
        run_loop(parts(tmp_path, images=Blobs(n=130)), book)


# --- people ---------------------------------------------------------------------------------------------------------


def human(folder, **changes):
    return parts(folder, images=Blobs(known=0.0), annotator=CsvFiles(**changes.pop("options", {})), **changes)


def answer(built, book, count=None, text=None):
    """Fill in the labels of the open batch as a person would."""
    batch = batch_of(book.state("blobs"), built)
    rows = [f"{at},{text or 'abc'[at % 3]}" for at in batch.ids()[:count]]
    batch_file(batch).write_text("\n".join(["sample_id,label", *rows]) + "\n")
    return batch


def test_a_run_with_people_parks_takes_answers_and_parks_again(tmp_path):
    built, book = human(tmp_path), ledger(tmp_path)
    run = run_loop(built, book)
    assert run.status == "parked"
    assert "round_000.csv" in run.message
    answer(built, book)
    run = run_loop(built, book)
    assert (len(run.rounds), run.rounds[0].labelled) == (1, 4)
    assert "round_001.csv" in run.message
    assert all(ask.suggestion is not None for ask in batch_of(book.state("blobs"), built).asks)


def test_half_an_answer_is_kept_and_the_rest_awaited(tmp_path):
    built, book = human(tmp_path), ledger(tmp_path)
    run_loop(built, book)
    answer(built, book, count=3)
    assert "3 of 4 answered" in run_loop(built, book).message
    assert len(book.annotations("blobs")) == 3
    events = len(book.events("blobs"))
    run_loop(built, book)  # nothing new: nothing is written
    assert len(book.events("blobs")) == events
    answer(built, book)
    assert run_loop(built, book).rounds[0].labelled == 4
    assert len(book.annotations("blobs")) == 4


def test_partial_batches_can_be_trained_on_and_the_rest_returns_to_the_pool(tmp_path):
    built, book = human(tmp_path, options={"partial": "train"}), ledger(tmp_path)
    run_loop(built, book)
    batch = answer(built, book, count=3)
    assert run_loop(built, book).rounds[0].labelled == 3
    left = set(batch.ids()[3:])
    from poolwise.jobs.samples import pool_left

    state = replace(book.state("blobs"), rounds=book.state("blobs").rounds[:1])
    assert left <= set(pool_left(state, built.images.manifest).tolist())


def test_a_batch_file_that_was_lost_is_written_anew(tmp_path):
    built, book = human(tmp_path), ledger(tmp_path)
    run_loop(built, book)
    file = batch_file(answer(built, book, count=2))
    run_loop(built, book)
    file.unlink()
    assert "2 of 4 answered" in run_loop(built, book).message
    assert file.exists()
    answer(built, book)
    assert run_loop(built, book).rounds[0].labelled == 4


def test_a_correction_leaves_the_past_as_it_was(tmp_path):
    built, book = human(tmp_path), ledger(tmp_path)
    run_loop(built, book)
    batch = answer(built, book)
    before = run_loop(built, book).rounds[0]
    sample = batch.ids()[0]
    book.append("blobs", len(book.events("blobs")), received(Annotation(sample, None, "x", 0, "csv", "")))
    assert run_loop(built, book).rounds[0] == before
    assert book.state("blobs").annotations[sample].label is None


def test_what_shares_a_group_with_the_test_set_is_never_asked(tmp_path):
    built = human(tmp_path, settings=Settings(seed=0, seed_size=4, query_size=4, test_size=6))
    grouped = replace(built.images, test=0, n=90, grouped=True)
    built, book = replace(built, images=grouped, rules=(Budget(40),)), ledger(tmp_path)
    run_loop(built, book)
    answer(built, book)
    run_loop(built, book)
    groups = grouped.manifest.groups
    held = {groups[at] for at in book.state("blobs").holdout()}
    asked = {groups[at] for at in book.state("blobs").asked() - book.state("blobs").holdout()}
    assert held
    assert not held & asked


def test_skipped_samples_are_not_asked_again_and_cost_nothing(tmp_path):
    built, book = human(tmp_path), ledger(tmp_path)
    run_loop(built, book)
    batch = answer(built, book)
    file = batch_file(batch)
    file.write_text(file.read_text().replace(f"{batch.ids()[0]},{'abc'[batch.ids()[0] % 3]}", f"{batch.ids()[0]},skip"))
    run = run_loop(built, book)
    assert (run.rounds[0].labelled, run.rounds[0].skipped) == (3, 1)
    assert batch.ids()[0] not in batch_of(book.state("blobs"), built).ids()


def test_only_skips_ask_for_help(tmp_path):
    built, book = human(tmp_path), ledger(tmp_path)
    run_loop(built, book)
    answer(built, book, text="skip")
    with pytest.raises(AnnotationError, match="brought no label"):
        run_loop(built, book)


def test_answers_never_asked_for_change_nothing(tmp_path):
    built, book = human(tmp_path), ledger(tmp_path)
    run_loop(built, book)
    batch = answer(built, book)
    file = batch_file(batch)
    file.write_text(file.read_text() + "119,a\n")
    with pytest.raises(UnknownSample, match="119"):
        run_loop(built, book)
    assert book.annotations("blobs") == []


def test_labels_that_came_with_the_data_are_the_seed_set(tmp_path):
    built, book = parts(tmp_path, images=Blobs(known=0.2), annotator=CsvFiles()), ledger(tmp_path)
    run = run_loop(built, book)
    assert run.status == "parked"
    assert run.rounds[0].labelled == 18
    assert {row.source for row in book.annotations("blobs")} == {"given"}
    assert not set(batch_of(book.state("blobs"), built).ids()) & set(range(18))


def test_a_test_set_can_be_asked_for_and_is_never_trained_on(tmp_path):
    built = human(tmp_path, settings=Settings(seed=0, seed_size=4, query_size=4, test_size=6))
    built = replace(built, images=replace(built.images, test=0, n=90), rules=(Budget(40),))
    book = ledger(tmp_path)
    run_loop(built, book)
    answer(built, book)
    run = run_loop(built, book)
    assert run.rounds[0].labelled == 4
    assert 0 <= run.rounds[0].metrics["accuracy"] <= 1
    assert len(book.state("blobs").holdout()) == 6


def test_without_a_held_out_set_the_run_goes_on_unmeasured(tmp_path):
    run = run_loop(parts(tmp_path, images=Blobs(n=90, test=0)), ledger(tmp_path))
    assert run.status == "stopped"
    assert run.rounds[-1].metrics == {}


def test_the_tracker_is_told_after_every_round(tmp_path):
    built = parts(tmp_path)
    run_loop(built, ledger(tmp_path))
    assert [len(run.rounds) for run in built.tracker.runs] == [1, 2, 3, 4, 5]


def test_only_the_last_checkpoint_is_kept(tmp_path):
    book = ledger(tmp_path)
    run_loop(parts(tmp_path), book)
    kept = [file.name for file in (tmp_path / "blobs/blobs").glob("*.pt")]
    last = [event.fact for event in book.events("blobs") if isinstance(event.fact, ModelTrained)][-1]
    assert kept == [last.checkpoint]


def test_the_record_of_a_round_is_made_once(tmp_path, monkeypatch):
    """However many rounds there were: a round costs the same at round 200 as at round 2."""
    made, make = [], ledger_state._round_record
    monkeypatch.setattr(ledger_state, "_round_record", lambda round_: made.append(round_.round) or make(round_))
    record = run_loop(parts(tmp_path), ledger(tmp_path))
    assert made == [round_.round for round_ in record.rounds] == [0, 1, 2, 3, 4]
    made.clear()
    assert run_loop(parts(tmp_path), ledger(tmp_path)) == record
    assert made == [0, 1, 2, 3, 4], "a resumed run reads each once"


def test_what_was_predicted_of_earlier_batches_is_read_once(tmp_path, monkeypatch):
    reads, read = [], ledger_blobs.Blobs.array
    monkeypatch.setattr(
        ledger_blobs.Blobs, "array", lambda blobs, reference: reads.append(reference) or read(blobs, reference)
    )
    run_loop(parts(tmp_path), ledger(tmp_path))
    assert len(reads) == len(set(reads)) == 3
