"""People label while the server is killed again and again: nothing they were thanked for is lost, nothing is there twice."""

import random
import threading
import time
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from pages import Browser, Server, poolwise
from poolwise.core.voting import Verdict
from poolwise.jobs.stored import stored_run
from poolwise.ledger.votes import Votes

CLASSES = "abcd"


def begin(folder, samples, redundancy):
    """A run whose first batch is `samples` pictures."""
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for at in range(samples + 8):
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / f"photos/{at:05d}.png")
    poolwise(
        "loop", "data=image_folder", "data.root=photos", "data.channels=1", "data.image_size=8", "data.classes=[a,b,c,d]",
        "annotation=page", f"annotation.redundancy={redundancy}", f"seed_size={samples}", f"budget={samples}", "query=random",
        "tracking=none", "run_name=one", "model.epochs=1", "model.min_steps=4", "compare_batches=false", cwd=folder,
    )  # fmt: skip
    return folder / "runs/one"


def label(server, name, told, seed):
    """One person until the batch is full: now and then sends an answer twice, or takes one back."""
    rng, me = random.Random(seed), Browser(server, server.links[name])
    shown = me.take()
    while not shown["progress"]["full"]:
        if not shown["items"]:
            time.sleep(0.05)
            shown = me.take()
            continue
        item, round_ = shown["items"][0], shown["progress"]["round"]
        key, word = f"{name}-{len(told):08d}-{rng.getrandbits(32):08x}", rng.choice(CLASSES)
        for _ in range(2 if rng.random() < 0.1 else 1):
            shown = me.answer(item, round_, word, key=key)
        told.append((name, key, item["id"], word))
        if rng.random() < 0.02:
            undone = me.until("/api/undo", {"tab": me.tab, "key": f"undo-{key}"})
            if undone["item"]:
                told.append((name, f"undo-{key}", undone["item"]["id"], None))
            shown = me.take()
    me.close()


def work(folder, samples, redundancy, kills, people=8):
    """Label it all while the server is killed; what everybody was thanked for."""
    names = [f"p{at}" for at in range(people)]
    told = {name: [] for name in names}
    with Server(folder, "--people", ",".join(names)) as server:
        threads = [
            threading.Thread(target=label, args=(server, name, told[name], at), daemon=True)
            for at, name in enumerate(names)
        ]
        for thread in threads:
            thread.start()
        step = samples * redundancy // (kills + 1)
        for at in range(1, kills + 1):
            while sum(map(len, told.values())) < at * step and any(thread.is_alive() for thread in threads):
                time.sleep(0.01)
            server.kill()
            server.start()
        for thread in threads:
            thread.join(300)
            assert not thread.is_alive()
        server.stop()
    return [row for rows in told.values() for row in rows]


@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    ("samples", "redundancy", "kills"),
    [(60, 1, 1), pytest.param(1000, 1, 10, marks=pytest.mark.slow), pytest.param(1000, 3, 10, marks=pytest.mark.slow)],
)
def test_nothing_is_lost_and_nothing_doubled(tmp_path, samples, redundancy, kills):
    folder = begin(tmp_path, samples, redundancy)
    told = work(folder, samples, redundancy, kills)
    run = stored_run(folder)
    votes = Votes(run.ledger, "one").all()
    kept = {(vote.person, vote.key): (vote.sample_id, vote.label) for vote in votes}
    assert len(kept) == len(votes) == len(told), "every answer that was acknowledged, once"
    for name, key, sample_id, word in told:
        assert kept[name, key][0] == sample_id
        assert word is None or kept[name, key][1] == word
    standing = {}
    for vote in votes:
        standing[vote.sample_id, vote.person] = vote.verdict is not Verdict.UNDO
    each = Counter(sample_id for (sample_id, _), stands in standing.items() if stands)
    assert len(each) == samples
    assert set(each.values()) == {redundancy}, "as many people a sample as were asked for"
    assert len(run.ledger.annotations("one")) == samples, "the loop has one label for each"
