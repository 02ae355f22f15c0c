"""The page of a real run: what is said there reaches the loop, whoever collects it."""

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from poolwise.annotation.web import page
from poolwise.annotation.web.batch_session import BatchSession
from poolwise.annotation.web.forms import Submission
from poolwise.annotation.web.page import Page
from poolwise.annotation.web.pictures import Pictures
from poolwise.annotation.web.site import MOVED, Site
from poolwise.annotation.web.vote_aggregation import aggregate
from poolwise.app.annotate import Serving, admitted, annotate, bound, waiting_run
from poolwise.app.annotated import AnnotatedRun, go_on, shown_parts, take_votes
from poolwise.app.commands import AnswersFile, take_answers
from poolwise.app.run import run_job
from poolwise.app.terminal import Terminal
from poolwise.core.errors import ConfigError, LedgerError, LedgerMoved, RunBusy
from poolwise.core.parts import conf_dir
from poolwise.core.voting import Verdict
from poolwise.jobs.answers import batch_of
from poolwise.jobs.stored import stored_run
from poolwise.ledger.votes import Votes


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with 30 unlabelled pictures of two kinds, dark and bright."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for at in range(30):
        pixels = rng.integers(0, 80, (9, 11, 3)) + (150 if at % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"photos/{at:02d}.png")
    return tmp_path


def begin(*more, name="one"):
    words = [
        "data=image_folder", "data.root=photos", "data.classes=[dark,bright]", "data.image_size=8", "annotation=page",
        "seed_size=4", "query_size=4", "budget=8", "test_size=6", "tracking=none",
        "model.epochs=1", "model.min_steps=4", "verbose=false", *more,
    ]  # fmt: skip
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("loop", words), resolve=True)
    return run_job("loop", config, name=name, method="clustered", command="poolwise loop")


def shown(folder, **more):
    run = stored_run(folder)
    parts = shown_parts(run)
    return AnnotatedRun(run, parts, Page(**more))


def session_of(run):
    return BatchSession(run.view().batch, run.store, redundancy=run.page.redundancy)


def right(at, key="", **more):
    return Submission(key or f"key-{at:05d}", at, Verdict.LABEL, ("bright" if at % 2 else "dark",), **more)


def label_all(run, person="ann", tail=""):
    session = session_of(run)
    for ask in session.batch.asks:
        session.answer(person, "tab", [right(ask.sample_id, f"key-{ask.sample_id:05d}{tail}", seconds=2.0)], 0)
    return session


def test_a_run_parks_with_the_command_that_opens_the_page(here):
    assert "open the page with: poolwise annotate runs/one" in begin().message
    assert waiting_run(here / "runs") == here / "runs/one"


def test_what_was_said_on_the_page_is_what_the_loop_learns(here):
    begin()
    run = shown(here / "runs/one")
    session = label_all(run)
    (
        session.undo("ann", "tab", "undo-1"),
        session.answer("ann", "tab", [right(session.batch.asks[-1].sample_id, "again")], 0),
    )
    record = begin()
    rows = run.stored.ledger.annotations("one")
    assert len(rows) == 10
    assert {(row.annotator, row.source) for row in rows} == {("ann", "page")}
    assert all(row.label == ("bright" if row.sample_id % 2 else "dark") for row in rows)
    assert record.rounds[0].labelled == 4
    assert record.rounds[0].pool["seconds_per_answer"] == 2.0
    assert run.view().batch.round == 1
    assert run.view().scores


def test_a_correction_after_the_batch_was_closed_is_taken_with_the_next(here):
    begin()
    run = shown(here / "runs/one")
    old = label_all(run)
    begin()
    first = old.batch.asks[0].sample_id
    wrong = ("dark" if first % 2 else "bright",)
    BatchSession(run.batch(0), run.store).answer("ann", "tab", [Submission("late-one", first, Verdict.LABEL, wrong)], 0)
    begin(), begin()
    rows = [row for row in run.stored.ledger.annotations("one") if row.sample_id == first]
    assert [row.label for row in rows][1:] == [wrong[0]], "once, however often the loop looks"


@pytest.mark.parametrize("partial", ["wait", "train"])
def test_an_answer_that_was_taken_back_after_the_loop_had_it_is_waited_for(here, partial):
    begin(f"annotation.partial={partial}")
    run = shown(here / "runs/one")
    session = label_all(run)
    assert take_votes(run.stored, run.parts, run.page) == 10
    last = session.undo("ann", "tab", "undo-one").sample_id
    record = begin(f"annotation.partial={partial}")
    assert (record.status, record.rounds) == ("parked", ())
    session.answer("ann", "tab", [right(last, "again-it")], 0)
    assert begin(f"annotation.partial={partial}").rounds[0].labelled == 4


def test_three_people_are_asked_and_their_consensus_is_learnt(here):
    begin("annotation.redundancy=3")
    run = shown(here / "runs/one", redundancy=3)
    label_all(run, "ann"), label_all(run, "ben")
    assert begin("annotation.redundancy=3").status == "parked"
    assert not run.stored.ledger.annotations("one")
    label_all(run, "cem")
    assert begin("annotation.redundancy=3").rounds[0].labelled == 4
    assert {row.annotator for row in run.stored.ledger.annotations("one")} == {"ann, ben, cem"}


def test_a_run_of_csv_files_can_be_labelled_on_the_page_too(here):
    begin("annotation=csv_files")
    run = shown(here / "runs/one")
    label_all(run)
    assert take_votes(run.stored, run.parts, run.page) == 10
    assert take_votes(run.stored, run.parts, run.page) == 0
    assert begin("annotation=csv_files").rounds[0].labelled == 4


def test_a_label_passes_the_vote_aggregation_once_whoever_takes_it(here, monkeypatch):
    counted = []
    monkeypatch.setattr(page, "aggregate", lambda *given: counted.append(1) or aggregate(*given))
    begin("budget=12")
    run = shown(here / "runs/one")
    assert counted == [], "there is no vote yet"
    label_all(run)
    run.batch_is_full()
    assert (len(counted), len(run.stored.ledger.annotations("one"))) == (1, 10), "the server takes the votes"
    go_on(run.stored, run.parts, run.page, print)
    assert run.view().batch.round == 1
    assert len(counted) == 1, "and the loop, which goes on, finds the labels in the ledger"
    label_all(run)
    begin("budget=12")
    assert (len(counted), run.view().batch.round) == (2, 2), "the loop alone takes them as well"


def test_a_server_that_ends_ends_its_worker_and_the_run_goes_on_from_there(here):
    begin()
    run = shown(here / "runs/one", train=True)
    label_all(run)
    run.batch_is_full()
    run.close()
    assert run._worker.exitcode
    assert begin().rounds[0].labelled == 4


def test_a_full_batch_goes_on_in_a_process_of_its_own(here):
    begin()
    run = shown(here / "runs/one", train=True)
    label_all(run)
    run.batch_is_full()
    run._worker.join(200)
    assert run._worker.exitcode == 0, (here / "runs/one/annotate.log").read_text()
    view = run.view()
    assert view.batch.round == 1
    assert view.batch.asks[0].probability is not None
    assert not view.since


def test_a_loop_that_fails_is_told_of_on_the_page(here):
    begin()
    run = shown(here / "runs/one", train=True)
    label_all(run)
    take_votes(run.stored, run.parts, run.page)
    (here / "photos/99.png").write_bytes((here / "photos/00.png").read_bytes())
    run.batch_is_full()
    run._worker.join(200)
    assert run._worker.exitcode == 1
    assert "ended with an error" in run.view().stage
    assert "the data of run 'one' changed" in run.view().stage
    (here / "photos/99.png").unlink()
    begin()
    assert run.view().batch.round == 1, "somebody mended it and went on"


def test_only_a_run_of_people_has_a_page(here):
    with pytest.raises(ConfigError, match="no config"):
        annotate(here / "photos", Serving())
    with pytest.raises(ConfigError, match="no run in runs waits for people"):
        annotate(None, Serving())
    words = ["data=synthetic", "tracking=none", "budget=20", "control=false", "model.epochs=1", "verbose=false"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("loop", words), resolve=True)
    run_job("loop", config, name="two", method="random", command="poolwise loop")
    with pytest.raises(ConfigError, match="run 'two' is simulated"):
        annotate(here / "runs/two", Serving())


def test_a_second_server_of_one_run_is_refused(here):
    begin()
    run = stored_run(here / "runs/one")
    with (
        run.ledger.lock("one/page", run.folder / "page"),
        pytest.raises(RunBusy, match="another server shows run 'one'"),
    ):
        annotate(here / "runs/one", Serving())


def test_nobody_is_let_in_from_the_network_without_a_token(here):
    begin()
    store = Votes(stored_run(here / "runs/one").ledger, "one")
    with pytest.raises(ConfigError, match="nobody has a token; add --people"):
        admitted(store, Serving(host="0.0.0.0"))
    people, links = admitted(store, Serving(host="0.0.0.0", people=("ann", "ben")))
    assert people.by_token(links["ann"]) == "ann"
    assert people.by_token("x") is None
    assert set(links) == {"ann", "ben"}
    assert links["ann"] not in str(store.people()), "the ledger keeps a hash"


def test_a_link_is_made_once_and_renewed_on_demand(here):
    begin()
    store = Votes(stored_run(here / "runs/one").ledger, "one")
    _, first = admitted(store, Serving(people=("ann",)))
    again, none = admitted(store, Serving(people=("ann",)))
    assert none == {}
    assert again.by_token(first["ann"]) == "ann"
    renewed, second = admitted(store, Serving(renew=("ann",)))
    assert renewed.by_token(first["ann"]) is None
    assert renewed.by_token(second["ann"]) == "ann"
    with pytest.raises(ConfigError, match="who has no link yet"):
        admitted(store, Serving(renew=("zoe",)))


def test_a_port_that_is_taken_is_told_of():
    with bound("127.0.0.1", 0) as taken, pytest.raises(ConfigError, match="cannot be served at 127.0.0.1, port"):
        bound("127.0.0.1", taken.getsockname()[1])
    assert isinstance(taken, socket.socket)


def removed(folder):
    shutil.rmtree(folder)


def renamed(folder):
    folder.rename(folder.parent.with_name("elsewhere"))


def begun_anew(folder):
    shutil.rmtree(folder)
    begin()


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("harm", [removed, renamed, begun_anew])
def test_the_server_of_a_run_that_is_gone_takes_nothing_and_leaves_the_new_one_alone(here, harm):
    begin()
    folder = here / "runs/one"
    old = shown(folder, train=True)
    site = Site(old, Pictures(old.images))
    site.refresh()
    session = session_of(old)
    session.answer("ann", "tab", [right(session.batch.asks[0].sample_id)], 4)
    harm(folder)
    before = files(here / "runs")
    at = session.batch.asks[1].sample_id
    works = (
        lambda: session.answer("ann", "tab", [right(at)], 4), old.view, old.version, old.batch_is_full, old.copies,
        lambda: take_votes(old.stored, old.parts, old.page), lambda: old.batch(0), lambda: shown_parts(old.stored),
    )  # fmt: skip
    for work in works:
        with pytest.raises(LedgerMoved):
            work()
    site.tick()
    assert site.trouble == MOVED
    old.stored.ledger.close()
    assert files(here / "runs") == before


def test_answers_from_a_file_are_not_taken_by_a_run_that_is_gone(here):
    begin("annotation=csv_files")
    run = stored_run(here / "runs/one")
    (arm, *_) = run.build(Terminal())
    file = shutil.copy(next((here / "runs/one/batches").glob("*.csv")), here / "round_000.csv")
    begun_anew(here / "runs/one")
    before = files(here / "runs")
    with pytest.raises(LedgerMoved):
        take_answers(run, arm, AnswersFile(Path(file)))
    run.ledger.close()
    assert files(here / "runs") == before


def test_a_run_without_its_ledger_is_told_of_and_gets_no_empty_one(here):
    begin()
    run = stored_run(here / "runs/one")
    (arm, *_) = run.build(Terminal())
    batch = batch_of(run.ledger.state("one"), arm)
    run.ledger.close()
    (here / "runs/one/ledger.db").unlink()
    for work in (lambda: stored_run(here / "runs/one"), lambda: arm.annotator.collect(batch)):
        with pytest.raises(LedgerError, match=r"ledger.db is missing; put it back"):
            work()
    assert not (here / "runs/one/ledger.db").exists()
