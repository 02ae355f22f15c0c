"""Reviews of an audit on the page: keep, change, remove; near-copies; what is said is what the labels become."""

import csv

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from poolwise.annotation.web.batch_session import BatchSession
from poolwise.annotation.web.forms import Submission
from poolwise.annotation.web.page import Page
from poolwise.annotation.web.pictures import Pictures
from poolwise.annotation.web.serializers import item
from poolwise.annotation.web.site import Site
from poolwise.app import commands
from poolwise.app.annotated import AnnotatedRun, go_on, shown_parts, take_votes
from poolwise.app.run import run_job
from poolwise.core.parts import conf_dir
from poolwise.core.voting import Verdict
from poolwise.jobs.stored import stored_run

WRONG = (3, 20)


@pytest.fixture(params=["page", "csv_files"])
def review(request, tmp_path, monkeypatch):
    """An audit of 40 pictures, dark and bright, two labels wrong, one picture there twice; it waits for its review."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = ["path,label,split"]
    for at in range(40):
        pixels = rng.integers(0, 80, (20, 20, 3)) + (150 if at % 2 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{at:02d}.png")
        said = at % 2 if at not in WRONG else 1 - at % 2
        lines.append(f"{at:02d}.png,{('dark', 'bright')[said]},{'test' if at >= 30 else 'pool'}")
    (tmp_path / "31.png").write_bytes((tmp_path / "05.png").read_bytes())
    (tmp_path / "items.csv").write_text("\n".join(lines) + "\n")
    words = [
        "data=manifest", "data.path=items.csv", "data.image_size=20", "tracking=none", "folds=3", "budget=4", "jobs=0",
        "verbose=false", "model.epochs=3", "model.min_steps=30", f"annotation={request.param}",
    ]  # fmt: skip
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("audit", words), resolve=True)
    assert run_job("audit", config, name="one", method="auto", command="poolwise audit").status == "parked"
    run = stored_run(tmp_path / "runs/one")
    return AnnotatedRun(run, shown_parts(run), Page())


def say(run, at, label, verdict=Verdict.LABEL):
    session = BatchSession(run.view().batch, run.store)
    session.answer("ann", "tab", [Submission(f"key-{at:05d}", at, verdict, (label,) if label else ())], 0)


def written(run, tmp_path):
    commands.labels(run.stored.folder, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as source:
        return {row["path"][-6:-4]: row["label"] for row in csv.DictReader(source)}


def test_doubted_labels_are_kept_changed_and_removed(review, tmp_path):
    asked = [ask.sample_id for ask in review.view().batch.asks]
    assert set(WRONG) < set(asked)
    kept, gone = (at for at in asked if at not in WRONG)
    say(review, WRONG[0], "bright"), say(review, WRONG[1], None, Verdict.CANNOT_TELL)
    say(review, kept, ("dark", "bright")[kept % 2]), say(review, gone, None, Verdict.REMOVE)
    go_on(review.stored, review.parts, review.page, print)
    state = review.stored.ledger.state("one")
    assert state.stopped == "4 labels reviewed, 2 changed"
    found = written(review, tmp_path)
    assert found["03"] == "bright", "changed"
    assert found["20"] == "bright", "wrong, but nobody could tell"
    assert found[f"{kept:02d}"] == ("dark", "bright")[kept % 2]
    assert f"{gone:02d}" not in found, "removed"


def test_a_doubted_label_is_shown_with_its_neighbours(review):
    site = Site(review, Pictures(review.images))
    site.refresh()
    shown = item(site, site.session.asks[WRONG[0]])
    assert (shown.review, shown.given, shown.suggestion) == (True, ["dark"], ["bright"])
    assert len(shown.neighbours) >= 3
    assert {near.label for near in shown.neighbours} <= {"dark", "bright"}
    assert "png" not in str(shown), "browsers get no path"


def test_of_two_copies_the_one_that_is_not_kept_leaves_the_labels(review, tmp_path):
    site = Site(review, Pictures(review.images))
    (group,) = site.groups.values()
    assert [(path[-6:-4], label, split) for _, path, label, split in group.members] == [
        ("05", "bright", "pool"), ("31", "bright", "test"),
    ]  # fmt: skip
    (first, *_), (second, *_) = group.members
    site.copies_session.answer(
        "ann", "tab", [Submission("keep-1", first, Verdict.KEEP), Submission("keep-2", second, Verdict.REMOVE)], 0
    )
    assert take_votes(review.stored, review.parts, review.page) == 1
    found = written(review, tmp_path)
    assert "31" not in found
    assert found["05"] == "bright"
    assert take_votes(review.stored, review.parts, review.page) == 0


def test_a_review_that_was_taken_back_is_waited_for(review):
    session = BatchSession(review.view().batch, review.store)
    for ask in session.batch.asks:
        say(review, ask.sample_id, "dark")
    take_votes(review.stored, review.parts, review.page)
    session = BatchSession(review.view().batch, review.store)
    last = session.undo("ann", "tab", "undo-one").sample_id
    go_on(review.stored, review.parts, review.page, lambda line: None)
    if review.parts.annotator.source != "page":
        return  # files know of no votes
    assert review.view().batch is not None
    session.answer("ann", "tab", [Submission("again-it", last, Verdict.LABEL, ("bright",))], 0)
    go_on(review.stored, review.parts, review.page, lambda line: None)
    assert review.view().batch is None
