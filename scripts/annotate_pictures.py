"""Make the pictures of docs/annotate.md: `POOLWISE_DATA=folder python scripts/annotate_pictures.py`.

Fashion-MNIST (MIT licence) must lie in that folder. A run of people and an audit are begun in a temporary folder, a simulated
person answers the first batch, and each page is photographed. Needs playwright and Chromium (Debian: apt-get install chromium).
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from poolwise.data.torchvision_sets import FASHION, SetName, TorchvisionSet

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from pages import Browser, Server, poolwise  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
COUNT = 500
COPIES = 3
WIDE = {"width": 1200, "height": 780}
PHONE = {"width": 390, "height": 780}


def main() -> None:
    """Begin, answer, photograph."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        place = Path(name)
        truth = photos(place)
        folder, audited = loop(place), audit(place)
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        with Server(folder, "--people", "ann,ben") as server:
            answered(server, truth)
            server.stop()
        print(poolwise("annotate", str(folder), "--collect", cwd=place))
        with Server(folder) as server:
            server.links = {"ann": renewed(server)}
            photographed(browser, server)
        with Server(audited) as server:
            page = browser.new_page(viewport=WIDE)
            shoot(page, server.address, "annotate_review.png")
            shoot(page, f"{server.address}/copies", "annotate_copies.png")
        browser.close()


def photos(place: Path) -> list[str]:
    """A folder of pictures without labels, and a table of them in which one label in twenty-five is wrong."""
    source = TorchvisionSet(name=SetName.FASHION_MNIST, root=None, limit=COUNT, hide_labels=False)
    pool = np.flatnonzero(source.manifest.splits == "pool")
    pixels, labels = source.read(pool)[:, 0], source.manifest.labels[pool]
    rng, lines = np.random.default_rng(0), ["path,label"]
    (place / "photos").mkdir()
    for at in range(COUNT):
        Image.fromarray(pixels[at]).save(place / f"photos/{at:04d}.png")
        said = (labels[at] + rng.integers(1, 10)) % 10 if at % 25 == 7 else labels[at]
        lines.append(f"photos/{at:04d}.png,{FASHION[said]}")
    for at in range(COPIES):
        Image.fromarray(pixels[at]).save(place / f"copy{at}.png")
        lines.append(f"copy{at}.png,{FASHION[labels[at]]}")
    (place / "items.csv").write_text("\n".join(lines) + "\n")
    return [FASHION[label] for label in labels]


def loop(place: Path) -> Path:
    """A run that waits for the first batch."""
    poolwise(
        "loop", "data=image_folder", "data.root=photos", "data.channels=1", "data.image_size=28", "annotation=page",
        f"data.classes={list(FASHION)}", "seed_size=60", "query_size=60", "test_size=60", "budget=400", "tracking=none",
        "query=cluster_margin", "run_name=wardrobe", cwd=place,
    )  # fmt: skip
    return place / "runs/wardrobe"


def audit(place: Path) -> Path:
    """An audit that waits for its review."""
    poolwise(
        "audit", "data=manifest", "data.path=items.csv", "data.channels=1", "data.image_size=28", "annotation=page", "budget=20",
        "jobs=0", "folds=3", "tracking=none", "run_name=wardrobe-labels", cwd=place,
    )  # fmt: skip
    return place / "runs/wardrobe-labels"


def answered(server: Server, truth: list[str]) -> None:
    """Two people answer a batch."""
    threads = [
        threading.Thread(target=label, args=(Browser(server, server.links[name]), truth)) for name in ("ann", "ben")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def label(me: Browser, truth: list[str]) -> None:
    """One person until nothing is left for them."""
    shown = me.take()
    while shown["items"]:
        item = shown["items"][0]
        shown = me.answer(item, shown["progress"]["round"], truth[item["id"]])
    me.close()


def renewed(server: Server) -> str:
    """A new link for ann: the old one's server is gone."""
    server.stop()
    server.options = ("--renew", "ann")
    return server.start().links["ann"]


def photographed(browser: Any, server: Server) -> None:
    """One by one, on a phone in the dark, the grid, the figures."""
    page = browser.new_page(viewport=WIDE)
    page.goto(f"{server.address}/login#{server.links['ann']}")
    page.wait_for_selector("#picture[data-sample]")
    shoot(page, server.address, "annotate.png")
    cookies = page.context.cookies()
    dark = browser.new_context(viewport=PHONE, color_scheme="dark", has_touch=True, device_scale_factor=2)
    dark.add_cookies(cookies)
    shoot(dark.new_page(), server.address, "annotate_phone.png")
    page.goto(f"{server.address}/grid")
    page.wait_for_selector(".tile")
    page.click(".tile >> nth=3")
    page.wait_for_timeout(700)
    page.screenshot(path=PICTURES / "annotate_grid.png")
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    shoot(page, f"{server.address}/figures", "annotate_figures.png")


def shoot(page: Any, address: str, name: str) -> None:
    """One page, when its pictures are there."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)
    page.screenshot(path=PICTURES / name)


if __name__ == "__main__":
    main()
