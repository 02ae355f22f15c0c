"""A run's folder is removed, moved or begun anew under an open page: real servers, a real loop, people who go on answering."""

import json
import shutil
import threading
import time
import uuid

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from pages import Browser, Server
from poolwise.annotation.web.site import MOVED
from poolwise.app.run import run_job
from poolwise.core.parts import conf_dir
from poolwise.jobs.stored import stored_run
from poolwise.ledger.votes import Votes

SETTINGS = [
    "data=image_folder", "data.root=photos", "data.channels=1", "data.image_size=8", "data.classes=[a,b]",
    "annotation=page", "seed_size=60", "budget=60", "query=random", "tracking=none", "run_name=one", "model.epochs=1",
    "compare_batches=false", "verbose=false",
]  # fmt: skip


def loop():
    """What `poolwise loop` does with these settings, less the seconds in which it is loaded."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = OmegaConf.to_container(compose("loop", SETTINGS), resolve=True)
    return run_job("loop", config, name="one", method="random", command="poolwise loop")


@pytest.fixture
def begun(tmp_path_factory, monkeypatch):
    """A folder with pictures and a run that waits for 60 answers."""
    folder = tmp_path_factory.mktemp("begun")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for at in range(64):
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / f"photos/{at:02d}.png")
    with monkeypatch.context() as there:
        there.chdir(folder)
        loop()
    return folder


def say(browser, item, key=None):
    """Answer once: status, and what the server says."""
    one = {"key": key or uuid.uuid4().hex, "sample_id": item["id"], "said": "label", "labels": ["a"]}
    body = {"tab": browser.tab, "count": 4, "round": 0, "answers": [one]}
    try:
        status, _, text = browser.ask("POST", "/api/answer", json.dumps(body))
    except OSError:  # the server closes a connection that was idle for seconds
        status, _, text = browser.ask("POST", "/api/answer", json.dumps(body))
    return status, json.loads(text), one["key"]


class Labelling(threading.Thread):
    """Somebody who answers as fast as the server thanks them, until it does not."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.browser, self.thanked, self.refused = Browser(server), [], None
        self.shown = self.browser.take(4)

    def run(self):
        while self.refused is None and self.shown["items"]:
            status, self.shown, key = say(self.browser, self.shown["items"][0])
            if status == 200:
                self.thanked.append(key)
                time.sleep(0.02)
            else:
                self.refused = status, self.shown["detail"], key

    def until_refused(self, harm):
        """Harm the run while this person is at work; asserts that they are told."""
        item = self.shown["items"][-1]
        self.start()
        while len(self.thanked) < 3:
            time.sleep(0.01)
        harm()
        self.join(30)
        assert self.refused is not None, f"thanked for all of {len(self.thanked)} answers"
        assert self.refused[:2] == (503, MOVED)
        assert say(self.browser, item)[:2] == (503, {"detail": MOVED}), "again and again"


def votes_in(folder):
    run = stored_run(folder)
    try:
        return [vote.key for vote in Votes(run.ledger, "one").all()]
    finally:
        run.ledger.close()


def told(server, text, patience=20):
    """Wait until the terminal of a server shows a text."""
    begun = time.monotonic()
    while text not in server.log.read_text():
        assert time.monotonic() - begun < patience, server.log.read_text()
        time.sleep(0.1)


def test_renamed_and_put_back(begun, tmp_path):
    run = begun / "runs/one"
    elsewhere = tmp_path / "elsewhere/one"
    elsewhere.parent.mkdir()
    with Server(run, log=tmp_path / "log") as server:
        person = Labelling(server)
        person.until_refused(lambda: run.rename(elsewhere))
        told(server, "was removed, moved or replaced")
        assert not run.exists()
        assert set(person.thanked) <= set(votes_in(elsewhere)), "what was acknowledged is where the folder is now"
        elsewhere.rename(run)
        person.shown = person.browser.take(4)
        status, _, key = say(person.browser, person.shown["items"][0], person.refused[2])
        assert status == 200
        told(server, "answers are recorded again")
        person.browser.close()
        server.stop()
    found = votes_in(run)
    assert sorted({*person.thanked, key}) == sorted(found), "each once"


def test_removed_and_then_begun_anew_by_the_same_command(begun, tmp_path, monkeypatch):
    run = begun / "runs/one"
    with Server(run, log=tmp_path / "log") as old:
        person = Labelling(old)
        person.until_refused(lambda: shutil.rmtree(run))
        told(old, f"{run}/ledger.db was removed, moved or replaced")
        time.sleep(1.5)  # the server looks after the run once a second
        assert not run.exists(), "nothing is made anew at the path"
        monkeypatch.chdir(begun)
        loop()
        assert say(person.browser, {"id": 0})[:2] == (503, {"detail": MOVED})
        assert votes_in(run) == []
        with Server(run, log=tmp_path / "new log") as new:
            other = Browser(new)
            item = other.take(1)["items"][0]
            status, shown, first = say(other, item)
            assert status == 200
            assert say(person.browser, item)[0] == 503
            person.browser.close()
            old.stop(status=1)
            status, shown, second = say(other, shown["items"][0])
            assert status == 200
            assert (shown["progress"]["done"], shown["progress"]["trouble"]) == (2, "")
            other.close()
            new.stop()
    assert "error: " in old.log.read_text()
    assert votes_in(run) == [first, second], "what the new server thanked for, and nothing of the old one"
    assert len(stored_run(run).ledger.annotations("one")) == 2, "and the loop has it"
