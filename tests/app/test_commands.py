"""The commands that people use between rounds, on a small run with real files."""

import csv
import json
import os

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from annotation.label_studio_fake import LEGACY, Fake
from poolwise.app import commands
from poolwise.app.run import run_job
from poolwise.app.status import status
from poolwise.core.errors import AnnotationError, ConfigError, DataChanged, FormatError, SettingsChanged, UnknownSample
from poolwise.core.parts import conf_dir
from poolwise.data.formats import coco, cvat, jsonl, label_studio
from poolwise.data.formats.record import Record
from poolwise.jobs.stored import stored_run


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
        "data=image_folder", "data.root=photos", "data.classes=[dark,bright]", "data.image_size=8", "annotation=csv_files",
        "annotation.annotator=ann", "seed_size=4", "query_size=4", "budget=8", "test_size=6", "tracking=none",
        "model.epochs=1", "model.min_steps=4", "verbose=false", *more,
    ]  # fmt: skip
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("loop", words), resolve=True)
    return run_job("loop", config, name=name, method="clustered", command="poolwise loop")


def fill(file, count=None):
    with file.open(newline="") as source:
        rows = list(csv.DictReader(source))
    for row in rows[:count]:
        row["label"] = "bright" if int(row["path"][-6:-4]) % 2 else "dark"
    with file.open("w", newline="") as target:
        writer = csv.DictWriter(target, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return file


def table(file):
    with file.open(newline="") as source:
        return list(csv.DictReader(source))


def test_ingest_takes_answers_and_goes_on_from_any_folder(here, monkeypatch):
    assert begin().status == "parked"
    file = fill(here / "runs/one/batches/round_000.csv")
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    commands.ingest(file, None)
    run = stored_run(here / "runs/one")
    assert len(run.ledger.annotations("one")) == 10
    assert {(row.annotator, row.source) for row in run.ledger.annotations("one")} == {("ann", "csv")}
    assert (here / "runs/one/batches/round_001.csv").is_file()
    assert os.listdir(here / "elsewhere") == []


def test_ingest_refuses_before_anything_is_recorded(here):
    begin()
    file = fill(here / "runs/one/batches/round_000.csv")
    (here / "photos/99.png").write_bytes((here / "photos/00.png").read_bytes())
    with pytest.raises(DataChanged, match="it had 30 samples, now 31"):
        commands.ingest(file, None)
    assert stored_run(here / "runs/one").ledger.annotations("one") == []
    with pytest.raises(AnnotationError, match="--run FOLDER"):
        commands.ingest(here / "photos/00.png", None)


def test_the_labels_gathered_are_a_manifest_for_a_new_run(here):
    begin()
    fill(here / "runs/one/batches/round_000.csv")
    begin()
    commands.labels(here / "runs/one", here / "labels.csv")
    rows = table(here / "labels.csv")
    assert (len(rows), sum(row["split"] == "test" for row in rows)) == (30, 6)
    assert all(row["label"] in ("", "bright" if int(row["path"][-6:-4]) % 2 else "dark") for row in rows)
    new = begin("data=manifest", "data.path=labels.csv", "~data.root", "test_size=0", name="two")
    assert (new.status, new.rounds[0].labelled, new.data["test"]) == ("parked", 4, 6)


def test_labels_keep_their_pictures_when_the_data_changed(here):
    begin()
    fill(here / "runs/one/batches/round_000.csv")
    begin()
    (here / "photos/00a.png").write_bytes((here / "photos/01.png").read_bytes())
    commands.labels(here / "runs/one", here / "labels.csv")
    rows = table(here / "labels.csv")
    assert len(rows) == 10
    assert all(row["label"] == ("bright" if int(row["path"][-6:-4]) % 2 else "dark") for row in rows)
    with pytest.raises(DataChanged):
        commands.report(here / "runs/one")


def test_a_copied_run_is_reported_where_it_lies(here):
    begin()
    (here / "runs/one").rename(here / "moved")
    (here / "moved").rename(here / "one")
    (here / "one/report.html").unlink()
    commands.report(here / "one")
    assert (here / "one/report.html").is_file()
    assert not (here / "runs/one").exists()


def test_status_shows_every_run_and_survives_a_broken_one(here, capsys):
    begin()
    (here / "runs/broken").mkdir()
    (here / "runs/broken/config.yaml").write_text("{ bad: [yaml")
    status(here / "runs")
    out = capsys.readouterr().out
    assert "one  parked" in out
    assert "round_000.csv" in out
    assert "broken/config.yaml cannot be read" in out


def test_status_tells_a_run_at_work_from_an_interrupted_one(here, capsys, monkeypatch):
    def cut(*_, **__):
        status(here / "runs")
        raise KeyboardInterrupt

    monkeypatch.setattr("poolwise.model.learner.LightningLearner.fit", cut)
    begin()
    fill(here / "runs/one/batches/round_000.csv")
    with pytest.raises(KeyboardInterrupt):
        begin()
    assert "one  running" in capsys.readouterr().out
    status(here / "runs")
    assert "one  interrupted" in (out := capsys.readouterr().out)
    assert "`poolwise loop` goes on with it" in out


def test_a_refused_command_changes_no_file(here):
    begin()
    before = (here / "runs/one/config.yaml").read_text()
    with pytest.raises(SettingsChanged, match="seed_size"):
        begin("seed_size=5")
    with pytest.raises(SettingsChanged, match="ledger"):
        begin("ledger.url=sqlite:///other.db")
    assert (here / "runs/one/config.yaml").read_text() == before
    assert not (here / "other.db").exists()
    (here / "runs/one/config.yaml").write_text("{ bad: [yaml")
    with pytest.raises(ConfigError, match=r"config.yaml .* restore it from a copy"):
        begin()


def test_tracking_again_when_nobody_listens_says_so(here):
    begin()
    commands.track(here / "runs/one")
    begin("tracking=mlflow", "tracking.uri=http://127.0.0.1:9")
    with pytest.raises(
        ConfigError, match=r"127\.0\.0\.1:9 cannot be reached \(nobody listens there\); nothing is lost"
    ):
        commands.track(here / "runs/one")


def test_tracking_again_says_the_trackers_own_reason(here):
    (here / "notes.txt").write_text("no database, but long enough to be taken for one")
    begin("tracking=mlflow", f"tracking.uri=sqlite:///{here}/notes.txt")
    with pytest.raises(ConfigError, match=r"notes\.txt cannot be told \(.*file is not a database\); nothing is lost"):
        commands.track(here / "runs/one")


def named(path):
    return "bright" if int(path.removesuffix(".png")[-2:]) % 2 else "dark"


@pytest.mark.parametrize("kind", ["jsonl", "coco", "cvat", "label_studio_files", "image_folder"])
def test_a_run_takes_its_answers_in_another_format(here, kind):
    assert begin(f"annotation={kind}", "~annotation.annotator").status == "parked"
    asks = stored_run(here / "runs/one").ledger.state("one").rounds[0].asks
    file = next(iter((here / "runs/one/batches").glob("round_000.*")), here / "runs/one/batches/round_000")
    if kind == "image_folder":
        for ask in asks:
            name = f"sample_{ask.sample_id:07d}.png"
            (file / "unlabelled" / name).rename(file / named(ask.path) / name)
    elif kind in ("coco", "cvat"):
        write = {"coco": coco, "cvat": cvat}[kind].write
        records = [Record(f"sample_{ask.sample_id:07d}.png", (named(ask.path),)) for ask in asks]
        file = here / ("export.json" if kind == "coco" else "annotations.xml")
        file.write_text(write(records, ["dark", "bright"]))
    elif kind == "jsonl":
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("".join(json.dumps({**row, "label": named(row["path"])}) + "\n" for row in rows))
    else:
        file = here / "runs/one/batches/round_000.label_studio.json"
        tasks = [{**each, "label": named(each["path"])} for each in (t["data"] for t in json.loads(file.read_text()))]
        file.write_text(json.dumps(tasks))
    commands.ingest(file, here / "runs/one")
    run = stored_run(here / "runs/one")
    assert {run.ledger.state("one").annotations[ask.sample_id].label == named(ask.path) for ask in asks} == {True}
    assert {row.source for row in run.ledger.annotations("one")} == {kind.removesuffix("_files")}
    assert len(run.ledger.state("one").rounds) == 2


def test_an_export_answers_the_last_round_unless_told_otherwise(here):
    begin()
    rows = table(fill(here / "runs/one/batches/round_000.csv"))
    begin()
    (here / "late.jsonl").write_text(json.dumps({"sample_id": int(rows[0]["sample_id"]), "label": "dark"}) + "\n")
    with pytest.raises(UnknownSample, match="round 1 did not ask"):
        commands.ingest(here / "late.jsonl", here / "runs/one")
    commands.ingest(here / "late.jsonl", here / "runs/one", 0)
    with pytest.raises(AnnotationError, match="--round"):
        commands.ingest(here / "late.jsonl", here / "runs/one", 7)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "coco", "cvat", "label_studio", "image_folder"])
def test_all_labels_go_out_in_any_format(here, kind):
    begin()
    fill(here / "runs/one/batches/round_000.csv")
    begin()
    commands.labels(here / "runs/one", here / "out", kind)
    out = here / "out"
    if kind == "image_folder":
        found = {file.relative_to(out).parts[:2] for file in out.rglob("*.png")}
        assert found == {(split, name) for split in ("pool", "test") for name in ("dark", "bright")} | {
            ("pool", "unlabelled")
        }
        with pytest.raises(FormatError, match="there already"):
            commands.labels(here / "runs/one", out, kind)
        return
    rows = {
        "csv": lambda text: [(row["path"], row["label"] or None) for row in csv.DictReader(text.splitlines())],
        "jsonl": lambda text: [(row.path, row.names and row.names[0]) for row in jsonl.read(text.encode(), "x")],
        "coco": lambda text: [(r.path, r.names and r.names[0]) for r in coco.read(text.encode(), "x").pictures()],
        "cvat": lambda text: [(row.path, row.names and row.names[0]) for row in cvat.read(text.encode(), "x")[0]],
        "label_studio": lambda text: [(r.path, r.names and r.names[0]) for r in label_studio.read(text.encode(), "x")],
    }[kind](out.read_text())
    assert (len(rows), sum(label is not None for _, label in rows)) == (30, 10)
    assert all(label in (None, named(path)) for path, label in rows)


def test_boxes_of_a_coco_file_are_labelled_as_crops_and_go_out_with_their_boxes(here):
    boxes = [(0, 0, 5, 9), (5, 0, 6, 9)]
    crops = [Record(f"{at:02d}.png", box=box) for at in range(30) for box in boxes]
    (here / "boxes.json").write_text(coco.write(crops, ["dark", "bright"]))
    words = ["data=coco", "data.path=boxes.json", "data.crops=true", "data.classes=[dark,bright]"]
    begin(*words)
    file = here / "runs/one/batches/round_000.csv"
    rows = table(file)
    asks = {str(ask.sample_id): ask.path for ask in stored_run(here / "runs/one").ledger.state("one").rounds[0].asks}
    with Image.open(rows[0]["path"]) as picture:
        assert picture.height > 100  # a person sees 5 or 6 x 9 pixels enlarged, not what a model sees
    file.write_text("sample_id,label\n" + "".join(f"{at},{named(asks[at].split('#')[0])}\n" for at in asks))
    assert begin(*words).rounds[0].labelled == 4
    for kind in ("coco", "csv"):
        commands.labels(here / "runs/one", here / f"out.{kind}", kind)
    found = coco.read((here / "out.coco").read_bytes(), "x").crops()
    assert (len(found), {row.box for row in found}, sum(row.names is not None for row in found)) == (60, set(boxes), 10)
    again = begin(*words[:1], "data.path=out.coco", *words[2:], "test_size=0", name="two")
    assert (again.data["given"], again.data["pool"]) == (4, 54)
    from_table = begin("data=manifest", "data.path=out.csv", "~data.root", "test_size=0", name="three")
    assert (from_table.data["given"], from_table.data["pool"]) == (4, 54)


def test_a_run_asks_label_studio_and_keeps_no_token(here, monkeypatch):
    fake = Fake()
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", LEGACY)
    words = ["annotation=label_studio", "~annotation.annotator", f"annotation.url={fake.url}"]
    assert "/projects/1/" in begin(*words).message
    assert "0 of 10 answered" in begin(*words).message
    for task in list(fake.tasks.values()):
        value = {"from_name": "label", "value": {"choices": [named(task["data"]["path"])]}}
        fake.annotate(task["id"], {"result": [value]})
    assert begin(*words).rounds[0].labelled == 4
    assert len(fake.tasks) == 14
    fake.close()
    rows = stored_run(here / "runs/one").ledger.annotations("one")
    assert {(row.annotator, row.source) for row in rows} == {("admin@example.com", "label_studio")}
    assert len(rows) == 10
    assert not [file for file in here.rglob("*") if file.is_file() and LEGACY.encode() in file.read_bytes()]
    with pytest.raises(AnnotationError, match="cannot be reached"):
        begin(*words)
