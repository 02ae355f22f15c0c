"""Pictures go out small, freshly encoded, without anything that was in the file beside them."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poolwise.annotation.web import pictures
from poolwise.annotation.web.pictures import Pictures
from poolwise.core.interfaces import ImageSource


@dataclass(frozen=True)
class One(ImageSource):
    path: Path

    def file(self, sample_id):
        return self.path

    def read(self, ids):
        return np.full((len(ids), 1, 8, 8), 77, dtype=np.uint8)


def shown(path, side=160):
    found = Pictures(One(path)).get(0, side)
    return Image.open(io.BytesIO(found.content)), found


def test_a_photo_is_made_small_upright_and_loses_what_it_told_of_itself(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a secret place"
    Image.new("RGB", (1200, 600), "red").save(tmp_path / "a.jpg", exif=exif)
    picture, found = shown(tmp_path / "a.jpg")
    assert picture.size == (80, 160)
    assert not picture.getexif()
    assert b"secret" not in found.content


def test_tiny_pictures_are_sent_pixel_by_pixel(tmp_path):
    Image.new("L", (8, 8), 3).save(tmp_path / "a.png")
    picture, found = shown(tmp_path / "a.png")
    assert (picture.size, picture.getpixel((0, 0)), found.kind) == ((8, 8), 3, "image/png")


def test_transparent_parts_are_white(tmp_path):
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "a.png")
    assert shown(tmp_path / "a.png")[0].getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("limit", ["MOST_PIXELS", "MOST_BYTES"])
def test_what_is_too_large_is_shown_as_the_model_sees_it(tmp_path, monkeypatch, limit):
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    monkeypatch.setattr(pictures, limit, 50)
    assert shown(tmp_path / "a.png")[0].getpixel((0, 0)) == 77


def test_large_pictures_are_decoded_one_at_a_time(tmp_path, monkeypatch):
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    monkeypatch.setattr(pictures, "LARGE", 50)
    at_work, most = [], []

    def slowly(file, side, decode=pictures.opened):
        at_work.append(side)
        most.append(len(at_work))
        time.sleep(0.02)
        at_work.pop()
        return decode(file, side)

    monkeypatch.setattr(pictures, "opened", slowly)
    shelf = Pictures(One(tmp_path / "a.png"))
    with ThreadPoolExecutor(4) as threads:
        assert len(list(threads.map(shelf.get, range(4), [160] * 4))) == 4
    assert most == [1] * 4


def test_what_is_no_picture_is_shown_as_the_model_sees_it(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"<svg onload=alert(1)>")
    assert shown(tmp_path / "a.jpg")[0].size == (8, 8)
    Image.fromarray(np.full((9, 9), 60_000, dtype=np.uint16)).save(tmp_path / "b.png")
    assert shown(tmp_path / "b.png")[0].size == (8, 8)


def test_what_was_encoded_is_kept_until_there_is_no_room(tmp_path):
    Image.new("RGB", (200, 200)).save(tmp_path / "a.png")
    kept = Pictures(One(tmp_path / "a.png"), cache_bytes=1)
    first = kept.get(0, 160)
    assert kept.get(0, 160) is first
    kept.get(1, 160)
    assert kept.get(0, 160) is not first


@dataclass(frozen=True)
class Part(One):
    def file(self, sample_id):
        return None

    def place(self, sample_id):
        return f"{self.path}#xywh=300,0,200,100"


def test_a_part_of_a_picture_is_shown_as_large_as_it_is(tmp_path):
    whole = Image.new("RGB", (600, 400), "red")
    whole.paste("blue", (300, 0, 500, 100))
    whole.save(tmp_path / "a.png")
    found = Pictures(Part(tmp_path / "a.png")).get(0, 1024)
    picture = Image.open(io.BytesIO(found.content))
    assert picture.size == (200, 100)
    red, _, blue = picture.getpixel((5, 5))
    assert blue > 200 > 60 > red
