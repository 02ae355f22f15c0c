"""How long from a key press to the next picture: `python scripts/bench_annotate.py [--batch 10000] [--people 8] [--presses 200]`.

A batch of JPEGs, 224 x 224; all but one of the people are simulated, answer once a second each and load the pictures that the
page would; the last one is Chromium, in which the time from the key's event to the frame after the next picture is in the
document and decoded is taken. Needs playwright and Chromium (Debian: apt-get install chromium).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from pages import Browser, Server, poolwise

WATCH = """
window.took = [];
let pressed = 0;
document.addEventListener("keydown", (event) => { if (event.key === "1") pressed = event.timeStamp; }, true);
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) {
    if (node.tagName !== "IMG" || !pressed) continue;
    const since = pressed;
    node.decode().then(() => requestAnimationFrame(() => setTimeout(() => window.took.push(performance.now() - since), 0)));
  }
}).observe(document, {childList: true, subtree: true});
"""


def main() -> None:
    """Make the pictures, start everything, press keys, print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--batch", type=int, default=10_000)
    options.add_argument("--people", type=int, default=8)
    options.add_argument("--presses", type=int, default=200)
    options.add_argument("--pace", type=float, default=1.0, help="seconds between answers of a person")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = begun(Path(place), asked.batch)
        names = [f"p{at}" for at in range(asked.people)]
        with Server(folder, "--people", ",".join(names)) as server:
            end, answers = threading.Event(), [[] for _ in names[1:]]
            threads = [
                threading.Thread(target=labelling, args=(server, name, asked.pace, end, told))
                for name, told in zip(names[1:], answers, strict=True)
            ]
            for thread in threads:
                thread.start()
            try:
                took = pressed(server, names[0], asked.presses, asked.pace)
            finally:
                end.set()
                for thread in threads:
                    thread.join()
    round_trips = sorted(one for told in answers for one in told)
    print(json.dumps({
        "batch": asked.batch, "people": asked.people, "presses": len(took), "press_to_picture_ms": figures(took),
        "answer_round_trip_ms": figures(round_trips), "answers_of_others": len(round_trips),
    }))  # fmt: skip


def figures(values: list[float]) -> dict[str, float]:
    """Median and tails."""
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * len(ordered))], 1),
        "worst": round(ordered[-1], 1),
    }


def begun(place: Path, batch: int) -> Path:
    """A run whose first batch is that many photographs, of noise made smooth."""
    (place / "photos").mkdir()
    rng = np.random.default_rng(0)
    for at in range(batch + 10):
        small = Image.fromarray(rng.integers(0, 255, (14, 14, 3), dtype=np.uint8))
        small.resize((224, 224), Image.Resampling.BICUBIC).save(place / f"photos/{at:05d}.jpg", quality=90)
    poolwise(
        "loop", "data=image_folder", "data.root=photos", "data.classes=[a,b]", "annotation=page", f"seed_size={batch}",
        f"budget={batch}", "query=random", "tracking=none", "run_name=one", "compare_batches=false", "data.image_size=8",
        cwd=place,
    )  # fmt: skip
    return place / "runs/one"


def labelling(server: Server, name: str, pace: float, end: threading.Event, told: list[float]) -> None:
    """One simulated person: an answer and the picture that is held next, every `pace` seconds, more or less."""
    rng, me = random.Random(name), Browser(server, server.links[name])
    shown = me.take(4)
    while not end.wait(pace * rng.uniform(0.5, 1.5)):
        start = time.perf_counter()
        shown = me.answer(shown["items"][0], shown["progress"]["round"], "a", count=4)
        told.append(1000 * (time.perf_counter() - start))
        me.ask("GET", shown["items"][-1]["picture"])
    me.close()


def pressed(server: Server, name: str, presses: int, pace: float) -> list[float]:
    """Milliseconds from key press to picture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": 850})
        page.add_init_script(WATCH)
        page.goto(f"{server.address}/login#{server.links[name]}")
        page.wait_for_selector("#picture[data-sample]")
        time.sleep(2)
        for _ in range(presses):
            page.keyboard.press("1")
            time.sleep(pace)
        took = page.evaluate("window.took")
        browser.close()
    return [float(one) for one in took]


if __name__ == "__main__":
    main()
