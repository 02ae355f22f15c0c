"""A run's folder may come from anywhere: no command runs its programs, or writes where it says."""

import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from poolwise.app.cli import main
from poolwise.jobs import trust

TINY = ("model.epochs=1", "model.min_steps=4", "tracking=none", "verbose=false")
LOOP = (
    "loop", "run_name=run", "data=image_folder", "data.root=photos", "data.classes=[dark,bright]", "data.image_size=8",
    "seed_size=4", "query_size=4", "budget=8", "test_size=6", *TINY,
)  # fmt: skip
SYNTHETIC = ("data=synthetic", "data.n=90", "data.size=8", "data.classes=3", "jobs=0")
SOME = (*SYNTHETIC, "embeddings=none", "folds=2", "label_error=odds")
COMMANDS = {
    "loop": (*LOOP, "annotation=csv_files", "annotation.annotator=ann"),
    "page": (*LOOP, "annotation=page"),
    "audit": ("audit", "run_name=run", *SOME, "budget=4", *TINY),
    "compare": ("compare", "run_name=run", *SOME, "arms=[raw,pruned]", "seeds=[0]", *TINY),
    "samplesize": ("samplesize", "run_name=run", *SYNTHETIC, "steps=4", "repeats=[1]", "shares=[0.3,0.6,1.0]", *TINY),
}
"""A small run of each job; it is the command that began it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a run of each job, made once: <job>/photos, <job>/runs/run."""
    top = tmp_path_factory.mktemp("made")
    before = Path.cwd()
    try:
        for job, words in COMMANDS.items():
            (top / job / "photos").mkdir(parents=True)
            os.chdir(top / job)
            for at in range(30):
                pixels = np.random.default_rng(at).integers(0, 80, (9, 11, 3)) + (150 if at % 2 else 0)
                Image.fromarray(pixels.astype(np.uint8)).save(f"photos/{at:02d}.png")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(sys, "argv", ["poolwise"])
                main(words)
            assert Path("runs/run").is_dir()
    finally:
        os.chdir(before)
    return top


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """Copies the runs to a machine that has never seen them; `here(job)` is the folder of one."""
    monkeypatch.setenv(trust.STATE, str(tmp_path / "state"))
    monkeypatch.delenv(trust.TRUST, raising=False)
    monkeypatch.setattr(sys, "argv", ["poolwise"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)

    def copied(job):
        shutil.copytree(made / job, tmp_path / "home")
        monkeypatch.chdir(tmp_path / "home")
        return tmp_path / "home" / "runs" / "run"

    return copied


@pytest.fixture
def outside(tmp_path):
    """A folder that nobody may write to, with modules that leave a mark when they are imported."""
    folder = tmp_path / "outside"
    (folder / "poolwise").mkdir(parents=True)
    for name in ("poolwise/__init__.py", "poolwise/__main__.py", "multiprocessing.py", "torch.py", "hostile.py"):
        (folder / name).write_text(
            f"from pathlib import Path; Path({str(tmp_path / 'MARK')!r}).touch()\nclass Part: ...\n"
        )
    (folder / "victim.txt").write_text("keep me")
    return folder


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rewritten(value, change, key=""):
    """The same settings with every leaf changed by `change(key, value)`."""
    if isinstance(value, dict):
        return {name: rewritten(item, change, name) for name, item in value.items()}
    if isinstance(value, list) and value:
        return [rewritten(item, change, key) for item in value]
    return change(key, value)


def tamper(folder, change, **body):
    """Change the settings that a folder holds, wherever it holds them."""
    for name in ("config.yaml", "job.yaml"):
        file = folder / name
        if file.is_file():
            content = yaml.safe_load(file.read_text())
            whole = name == "job.yaml"
            content = {**content, **body, "config": change(content["config"])} if whole else change(content)
            file.write_text(yaml.safe_dump(content))
    if (folder / "ledger.db").is_file():
        with sqlite3.connect(folder / "ledger.db") as database:
            database.execute("DROP TRIGGER poolwise_events_no_update")
            rows = database.execute("SELECT run, body FROM poolwise_events WHERE seq = 0").fetchall()
            for run, text in rows:
                content = json.loads(text)
                content |= {**body, "config": change(content["config"])}
                database.execute(
                    "UPDATE poolwise_events SET body = ? WHERE run = ? AND seq = 0", (json.dumps(content), run)
                )
        database.close()


def commands_on(job, folder):
    """Every command that takes such a run, as it is typed."""
    batch = folder / "batches" / "round_000.csv"
    every = [
        ["report", folder],
        ["track", folder],
        ["labels", folder],
        ["status", "--runs", folder.parent],
        COMMANDS[job],
    ]
    every += [["annotate", folder, "--collect"], ["annotate", folder, "--port", "0", "--no-browser"]]
    if batch.is_file():
        every += [["ingest", batch]]
    return [[str(word) for word in words] for words in every]


def ends_in_a_sentence(words, capsys):
    """Whether a command ended well, or with one message; anything else is a defect and raises."""
    status = 0
    try:
        main(words)
    except SystemExit as ended:
        status = ended.code
    out, err = capsys.readouterr()
    assert status in (0, 1), err
    assert (status == 1) == (err.startswith("error: ") or "\nerror: " in err), err
    return out + err


def popen(mark):
    return {"_target_": "subprocess.Popen", "args": ["touch", str(mark)]}


@pytest.mark.parametrize("job", COMMANDS)
def test_a_part_that_is_a_program_is_not_run_by_any_command(here, outside, tmp_path, capsys, job):
    folder, mark = here(job), tmp_path / "MARK"

    def change(config):
        groups = {name: popen(mark) for name, value in config.items() if isinstance(value, dict) and value}
        return {**config, **groups, "candidates": popen(mark), "trusted": ["subprocess"]}

    tamper(folder, change)
    for words in commands_on(job, folder):
        ends_in_a_sentence(words, capsys)
        assert not mark.exists(), words


@pytest.mark.parametrize("job", COMMANDS)
def test_a_package_that_the_folder_trusts_and_brings_along_is_not_imported(here, outside, tmp_path, capsys, job):
    folder = here(job)

    def leaf(key, value):
        return "hostile.Part" if key == "_target_" else value

    tamper(folder, lambda config: {**rewritten(config, leaf), "trusted": ["hostile"]}, cwd=str(outside))
    for words in commands_on(job, folder):
        ends_in_a_sentence(words, capsys)
        assert not (tmp_path / "MARK").exists(), words
    assert "hostile" not in sys.modules


@pytest.mark.parametrize("job", COMMANDS)
def test_nothing_is_written_where_a_stored_path_leads(here, outside, tmp_path, capsys, job):
    folder = here(job)

    def leaf(key, value):
        return str(outside / key) if isinstance(value, str) and key not in ("_target_", "url") else value

    def change(config):
        tracking = {
            "_target_": "poolwise.report.tracking.mlflow.MLflowTracker", "home": str(outside), "artifacts": str(outside),
        }  # fmt: skip
        ledger = {"url": f"sqlite:///{outside}/ledger.db"}
        return {**rewritten(config, leaf), "tracking": tracking, "ledger": ledger, "trainer": {"logger": True}}

    tamper(folder, change, cwd=str(outside))
    before = contents(outside)
    for words in commands_on(job, folder):
        ends_in_a_sentence(words, capsys)
        assert contents(outside) == before, words
    assert not (tmp_path / "MARK").exists()


@pytest.mark.parametrize("job", COMMANDS)
def test_no_link_leads_a_command_out_of_the_folder(here, outside, capsys, job):
    folder = here(job)
    for name in ("loop.log", "audit.log", "compare.log", "samplesize.log", "annotate.log", ".lock", "results.csv"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(outside / "victim.txt")
    before = contents(outside)
    for words in commands_on(job, folder):
        said = ends_in_a_sentence(words, capsys)
        assert "leads out of it" in said or "is no run folder" in said or words[0] == "status"
        assert contents(outside) == before, words


def test_settings_that_somebody_guessed_do_not_open_links(here, outside, tmp_path, capsys):
    folder = here("loop")
    trust.remember(tmp_path / "home" / "runs" / "own", yaml.safe_load((folder / "config.yaml").read_text()))
    (folder / "loop.log").unlink()
    (folder / "loop.log").symlink_to(outside / "victim.txt")
    assert "leads out of it" in ends_in_a_sentence(["annotate", str(folder), "--collect"], capsys)


def test_a_link_in_a_folder_of_ones_own_is_followed(here, outside, capsys):
    folder = here("loop")
    assert "leads out" not in ends_in_a_sentence(list(COMMANDS["loop"]), capsys)
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to(outside / "victim.txt")
    assert "leads out" not in ends_in_a_sentence(["labels", str(folder)], capsys)


def test_a_nested_part_of_another_kind_is_refused_before_it_is_built(here, capsys):
    folder = here("loop")
    nested = {"_target_": "poolwise.report.tracking.none.NoTracker"}
    tamper(
        folder, lambda config: {**config, "data": {"_target_": "poolwise.data.variants.Redundant", "source": nested}}
    )
    assert "data.source: NoTracker is no ImageSource" in ends_in_a_sentence(["labels", str(folder)], capsys)


def test_a_home_of_nobody_is_told_in_a_sentence(here, capsys):
    folder = here("loop")
    tamper(folder, lambda config: {**config, "data": {**config["data"], "root": "~nobody-of-that-name/photos"}})
    assert "the name of nobody" in ends_in_a_sentence(["labels", str(folder)], capsys)


@pytest.mark.parametrize("option", [{"strategy": "ddp"}, {"devices": 2}, {"logger": True}])
def test_a_strangers_trainer_begins_no_processes_and_writes_nothing(here, capsys, option):
    folder = here("loop")
    tamper(folder, lambda config: {**config, "trainer": {**config["trainer"], **option}})
    assert "an option of Lightning's Trainer" in ends_in_a_sentence(["track", str(folder)], capsys)


def test_a_job_of_an_unknown_kind_is_told_in_a_sentence(here, capsys):
    folder = here("samplesize")
    tamper(folder, lambda config: config, job="nonsense")
    assert "is damaged" in ends_in_a_sentence(["report", str(folder)], capsys)


@pytest.mark.parametrize("name", ["batches/round_000/unlabelled", "control/blobs/deep", "audits/one/two"])
def test_a_link_far_down_is_found_too(here, outside, capsys, name):
    folder = here("loop")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).symlink_to(outside)
    assert "leads out of it" in ends_in_a_sentence(["labels", str(folder)], capsys)


@pytest.mark.parametrize("name", ["mlflow.db", "mlartifacts"])
def test_a_link_beside_the_folder_does_not_lead_the_tracker_away(here, outside, capsys, name):
    folder = here("loop")
    mlflow = {"_target_": "poolwise.report.tracking.mlflow.MLflowTracker", "home": str(folder.parent)}
    tamper(folder, lambda config: {**config, "tracking": mlflow})
    (folder.parent / name).symlink_to(outside / "victim.txt")
    before = contents(outside)
    assert "writes to" in ends_in_a_sentence(["track", str(folder)], capsys)
    assert contents(outside) == before


def test_a_ledger_cannot_name_a_file_elsewhere_to_be_removed(here, outside, capsys):
    folder = here("loop")
    (folder / "batches" / "round_000.csv").unlink()
    with sqlite3.connect(folder / "ledger.db") as database:
        body = {
            "checkpoint": f"../../../../outside/{'victim.txt'}",
            "fit": {},
            "labelled": 4,
            "labels_digest": "",
            "seconds": {},
        }
        database.execute("DROP TRIGGER poolwise_events_no_update")
        database.execute(
            "UPDATE poolwise_events SET kind = 'ModelTrained', body = ? WHERE seq = 2", (json.dumps(body),)
        )
    database.close()
    before = contents(outside)
    for words in commands_on("loop", folder):
        ends_in_a_sentence(words, capsys)
        assert contents(outside) == before


@pytest.mark.parametrize("body", ["[]", "{}", '{"config": []}', '{"config": {}, "cwd": 3}', "nonsense"])
def test_a_ledger_that_poolwise_did_not_write_is_told_in_a_sentence(here, capsys, body):
    folder = here("loop")
    with sqlite3.connect(folder / "ledger.db") as database:
        database.execute("DROP TRIGGER poolwise_events_no_update")
        database.execute("UPDATE poolwise_events SET body = ? WHERE seq = 0", (body,))
    database.close()
    for words in commands_on("loop", folder):
        assert "damaged" in ends_in_a_sentence(words, capsys), words


def test_a_person_who_trusts_the_folder_goes_on_and_is_asked_once(here, tmp_path, monkeypatch, capsys):
    folder = here("loop")
    own = tmp_path / "home" / "own_parts.py"
    own.write_text(
        "from dataclasses import dataclass\nfrom poolwise.report.tracking.none import NoTracker\n"
        "@dataclass(frozen=True)\nclass Mine(NoTracker):\n    pass\n"
    )
    tamper(
        folder, lambda config: {**config, "tracking": {"_target_": "own_parts.Mine"}, "trusted": ["own_parts"]},
        cwd=str(tmp_path / "home"),
    )  # fmt: skip
    words = ["track", str(folder)]
    assert "trusted (trusts own_parts)" in ends_in_a_sentence(words, capsys)
    assert "knows all" in ends_in_a_sentence([*words, "--trust"], capsys)
    monkeypatch.delenv(trust.TRUST)
    assert "knows all" in ends_in_a_sentence(words, capsys)


def test_a_folder_is_trusted_by_the_environment(here, monkeypatch, capsys):
    folder = here("loop")
    tamper(folder, lambda config: {**config, "cache": "/", "tracking": {**config["tracking"]}, "trusted": ["nobody"]})
    assert "not given on this machine" in ends_in_a_sentence(["track", str(folder)], capsys)
    monkeypatch.setenv(trust.TRUST, str(folder.parent))
    assert "not given on this machine" not in ends_in_a_sentence(["track", str(folder)], capsys)


def test_a_run_of_another_machine_with_harmless_settings_needs_no_trust(here, capsys):
    folder = here("loop")
    for words in (["report", str(folder)], ["track", str(folder)], ["labels", str(folder)]):
        ends_in_a_sentence(words, capsys)
    assert (folder / "labels.csv").is_file()


def deeper(folder):
    yield folder / "page" / ".lock"
    yield folder / "control" / "blobs" / "x.npy"
    yield folder / "batches" / "round_000" / "unlabelled"


@pytest.mark.parametrize("at", range(3))
def test_no_link_deeper_in_the_folder_leads_out_of_it(here, outside, capsys, at):
    folder = here("page")
    link = list(deeper(folder))[at]
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(outside / "made.txt")
    before = contents(outside)
    for words in commands_on("page", folder):
        assert "leads out of it" in ends_in_a_sentence(words, capsys), words
        assert contents(outside) == before, words


def test_status_follows_no_link_of_an_interrupted_job(here, outside, capsys):
    folder = here("samplesize")
    job = yaml.safe_load((folder / "job.yaml").read_text())
    (folder / "job.yaml").write_text(yaml.safe_dump({**job, "note": ""}))
    (folder / ".lock").unlink(missing_ok=True)
    (folder / ".lock").symlink_to(outside / "made.txt")
    before = contents(outside)
    assert "leads out of it" in ends_in_a_sentence(["status", "--runs", str(folder.parent)], capsys)
    assert contents(outside) == before


@pytest.mark.parametrize("where", ["config.yaml", "first event", "options"])
def test_no_database_elsewhere_is_opened_as_the_ledger(here, outside, capsys, where):
    folder, other = here("page"), outside / "other.db"
    other.touch()
    back = "/.." * (len(other.parts)) + "/runs/run/ledger.db"
    url = f"sqlite:///file:{other}?uri=true&x={back}" if where == "options" else f"sqlite:///{other}"
    kept = (folder / "config.yaml").read_text()
    tamper(folder, lambda config: {**config, "ledger": {"url": url}})
    if where == "first event":
        (folder / "config.yaml").write_text(kept)
    before = contents(outside)
    for words in commands_on("page", folder)[:-3] + commands_on("page", folder)[-2:]:
        ends_in_a_sentence(words, capsys)
        assert contents(outside) == before, words


@pytest.mark.parametrize(
    "content", ["a: &a\n  b: *a\n", "2020-01-01: 3\n", "ledger: {url: 'sqlite:///~nobody-of-that-name/x'}\n"]
)
def test_settings_that_are_none_are_told_in_a_sentence(here, capsys, content):
    folder = here("page")
    (folder / "config.yaml").write_text(content)
    for words in commands_on("page", folder)[:4]:
        assert "Traceback" not in ends_in_a_sentence(words, capsys)


@pytest.mark.parametrize(
    "change",
    [
        {"annotation": "x"},
        {"data": None},
        {"runs": "~nobody-of-that-name/x"},
        {"cache": "a\0b"},
        {"tracking": {"_target_": "poolwise.report.tracking.mlflow.MLflowTracker", "uri": "file:/x"}},
    ],
)
def test_settings_of_another_form_are_told_in_a_sentence(here, capsys, change):
    folder = here("page")
    tamper(folder, lambda config: {**config, **change})
    for words in commands_on("page", folder)[:3]:
        ends_in_a_sentence(words, capsys)
    assert ends_in_a_sentence(["track", str(folder)], capsys).count("error: ") == 1


@pytest.mark.parametrize("address", ["http://evil.example\\@localhost/", "http://localhost@evil.example/"])
def test_an_address_that_clients_read_otherwise_is_not_this_machine(address):
    assert not trust._is_loopback(address)
