"""A person at the page, in a real browser: labels digits with keys, takes two back, reviews label errors; the loop learns it."""

import shutil

import numpy as np
import pytest
from PIL import Image

from pages import Server, poolwise
from poolwise.annotation.web.site import MOVED
from poolwise.data.digits import read_digits
from poolwise.jobs.stored import stored_run
from poolwise.ledger.votes import Votes

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]  # fmt: skip
PATIENCE = 200_000
"""Milliseconds for the loop to train and come back."""


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder of 200 digits without labels, their true labels, and a run over them."""
    folder = tmp_path_factory.mktemp("digits")
    images, labels = read_digits()
    (folder / "photos").mkdir()
    for at in range(200):
        pixels = np.round(images[at] * (255 / 16)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"photos/{at:04d}.png")
    poolwise(
        "loop", "data=image_folder", "data.root=photos", "data.channels=1", "data.image_size=8", "annotation=page",
        'data.classes=["0","1","2","3","4","5","6","7","8","9"]', "seed_size=40", "test_size=10", "query_size=5", "budget=45",
        "audit.every=1", "audit.review=10", "audit.folds=2", "query=margin", "tracking=none", "run_name=one",
        "model.epochs=5", "model.min_steps=60", cwd=folder,
    )  # fmt: skip
    return folder / "runs/one", labels.tolist()


@pytest.fixture
def page():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 850})
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        yield page
        browser.close()
    expected = ("net::ERR_", "status of 403", "status of 503")
    left = [line for line in problems if not any(each in line for each in expected)]
    assert left == [], "but for servers that were killed, pages older than their server, and runs that were moved"


def on_screen(page):
    page.wait_for_selector("#label:not([hidden]) #picture[data-sample]", timeout=PATIENCE)
    return int(page.get_attribute("#picture", "data-sample"))


def press(page, key, at):
    """Press a key, and wait until another picture, or none, is there."""
    page.keyboard.press(key)
    gone = "at => document.querySelector('#label').hidden || document.querySelector('#picture').dataset.sample !== at"
    page.wait_for_function(gone, arg=str(at))


def label(page, count, truth, wrong=()):
    """Press the digit that is there, or the next one on purpose."""
    seen = []
    for turn in range(count):
        at = on_screen(page)
        press(page, str((truth[at] + (turn in wrong)) % 10), at)
        seen.append(at)
    return seen


def review(page, count, truth):
    """Keep a label that is right, else press the right one; what was there, by sample."""
    given = {}
    while len(given) < count:
        at = on_screen(page)
        if not page.is_visible("#pair"):
            press(page, str(truth[at]), at)
            continue
        given[at] = int(page.inner_text("#given"))
        press(page, "k" if given[at] == truth[at] else str(truth[at]), at)
    return given


def test_fifty_digits_two_undone_ten_reviewed_and_the_loop_learns_them(digits, page):
    folder, truth = digits
    with Server(folder, "--train", "--people", "ann") as server:
        page.goto(f"{server.address}/login#{server.links['ann']}")
        seen = label(page, 48, truth, wrong=(12, 20, 28, 36))
        for back in (47, 46):
            page.keyboard.press("u")
            page.wait_for_selector(f"#picture[data-sample='{seen[back]}']")
        label(page, 4, truth)
        page.wait_for_selector("#waiting:not([hidden])")
        given = review(page, 10, truth)
        page.wait_for_selector("#pair", state="hidden")
        while page.is_visible("#label"):
            label(page, 1, truth)
        page.wait_for_function(
            "() => document.querySelector('#headline').textContent === 'The run is over'", timeout=PATIENCE
        )
        page.goto("about:blank")
        server.stop()
    run = stored_run(folder)
    state = run.ledger.state("one")
    assert [round_.labelled for round_ in state.records] == [40, 45]
    assert state.stopped
    assert len(given) == 10
    assert all(state.annotations[at].label == str(truth[at]) for at in given)
    changed = [at for at in given if given[at] != truth[at]]
    assert all(state.annotations[at].round == 1 for at in given), f"{len(changed)} of them were changed"
    undone = [row for row in run.ledger.annotations("one") if row.sample_id in seen[46:48]]
    assert {row.annotator for row in undone} == {"ann"}
    assert sorted(int(row.label) for row in undone if row.round == 0) == sorted(truth[at] for at in seen[46:48])


def fresh_run(folder, classes, prefix=""):
    """A run that asks for its first 8 of 12 pictures."""
    (folder / "photos").mkdir()
    for at in range(12):
        Image.new("L", (8, 8), 20 * at).save(folder / f"photos/{prefix}{at:02d}.png")
    poolwise(
        "loop", "data=image_folder", "data.root=photos", "data.channels=1", "data.image_size=8", f"data.classes=[{classes}]",
        "annotation=page", "seed_size=8", "query=random", "tracking=none", "run_name=one", "compare_batches=false", cwd=folder,
    )  # fmt: skip
    return folder / "runs/one"


def test_enter_means_what_was_typed_and_what_has_the_focus(tmp_path, page):
    folder = fresh_run(tmp_path, "pineapple,apple,b,c,d,e,f,g,h,i,j,Apple")
    with Server(folder) as server:
        page.goto(server.address)
        for typed in ("apple", "Apple", "pin"):
            at = on_screen(page)
            page.keyboard.type(f"/{typed}")
            press(page, "Enter", at)
        at = on_screen(page)
        page.keyboard.type("/")
        page.keyboard.press("Enter")
        assert on_screen(page) == at, "nothing was typed"
        page.focus(".class[data-name=f]")
        press(page, "Enter", at)
        page.focus("nav a[href='/figures']")
        page.keyboard.press("Enter")
        page.wait_for_url("**/figures")
        page.wait_for_selector("#people table")
        page.goto("about:blank")
        server.stop()
    votes = Votes(stored_run(folder).ledger, "one").all()
    assert [vote.label for vote in votes] == ["apple", "Apple", "pineapple", "f"]


def test_what_is_pressed_while_the_server_is_down_arrives_when_it_is_back_once(tmp_path, page):
    with Server(fresh_run(tmp_path, "dark,bright")) as server:
        page.goto(server.address)
        first = on_screen(page)
        press(page, "1", first)
        second = on_screen(page)
        server.kill()
        page.keyboard.press("2")
        page.wait_for_function("() => document.querySelector('#saved').textContent.startsWith('Not saved yet')")
        assert on_screen(page) == second, "the page does not move on before the answer is kept"
        server.start()
        page.wait_for_selector(f"#picture:not([data-sample='{second}'])", timeout=PATIENCE)
        third = on_screen(page)
        server.kill()
        page.keyboard.press("1")
        page.wait_for_function("() => document.querySelector('#saved').textContent.startsWith('Not saved yet')")
        server.start()
        page.reload()
        page.wait_for_function("() => document.querySelector('#count').textContent.startsWith('3 of 8')")
        page.goto("about:blank")
        server.stop()
    votes = Votes(stored_run(tmp_path / "runs/one").ledger, "one").all()
    assert [(vote.sample_id, vote.label) for vote in votes] == [(first, "dark"), (second, "bright"), (third, "dark")]


def test_the_page_of_a_run_that_was_moved_says_so_and_sends_the_answer_when_it_is_back(tmp_path, page):
    folder = fresh_run(tmp_path, "dark,bright")
    elsewhere = tmp_path / "elsewhere"
    shown = "text => document.querySelector('#trouble:not([hidden])')?.textContent === text"
    with Server(folder, log=tmp_path / "log") as server:
        page.goto(server.address)
        first = on_screen(page)
        press(page, "1", first)
        second = on_screen(page)
        folder.rename(elsewhere)
        page.keyboard.press("2")
        page.wait_for_function(shown, arg=MOVED)
        assert page.inner_text("#saved").startswith("Not saved yet")
        assert on_screen(page) == second
        elsewhere.rename(folder)
        page.wait_for_selector(f"#picture:not([data-sample='{second}'])", timeout=PATIENCE)
        assert not page.is_visible("#trouble")
        assert page.inner_text("#saved") == ""
        page.goto("about:blank")
        server.stop()
    votes = Votes(stored_run(folder).ledger, "one").all()
    assert [(vote.sample_id, vote.label) for vote in votes] == [(first, "dark"), (second, "bright")]


def test_what_is_not_saved_is_not_sent_to_a_run_of_the_same_name_with_other_pictures(tmp_path, page):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    folder = fresh_run(tmp_path / "one", "dark,bright")
    with Server(folder, log=tmp_path / "log") as server:
        page.goto(server.address)
        at = on_screen(page)
        shutil.rmtree(folder)
        page.keyboard.press("2")
        page.wait_for_function("text => document.querySelector('#trouble').textContent === text", arg=MOVED)
        assert on_screen(page) == at
        csrf = page.get_attribute("meta[name=csrf]", "content")
        server.kill()
        shutil.copytree(fresh_run(tmp_path / "other", "dark,bright", prefix="x"), folder)
        server.start()
        page.wait_for_selector(f"meta[name=csrf]:not([content='{csrf}'])", state="attached", timeout=PATIENCE)
        on_screen(page)
        assert page.inner_text("#count").startswith("0 of 8")
        page.goto("about:blank")
        server.stop()
    assert Votes(stored_run(folder).ledger, "one").all() == []
