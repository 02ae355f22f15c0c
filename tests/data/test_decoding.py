import os
import struct

import numpy as np
import pytest
from PIL import Image

from poolwise.core.errors import UnreadableImages
from poolwise.data.decoding import Form, Resize, attempt, decode, extensions, fault

GREY = Form(4, 1, Resize.STRETCH)
RGB = Form(4, 3, Resize.STRETCH)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
@pytest.mark.parametrize("form", [GREY, RGB], ids=["grey", "rgb"])
def test_every_mode_becomes_bytes_of_one_shape(tmp_path, mode, form):
    white = Image.new("L", (9, 5), 255)
    if mode == "LAB":
        image = Image.frombytes("LAB", (9, 5), bytes([255, 0, 0]) * 45)  # L = 100, a = b = 0
    elif mode in {"I;16", "I"}:
        image = Image.fromarray(np.full((5, 9), 65535, dtype=np.uint16 if mode == "I;16" else np.int32))
    else:
        image = white.convert(mode)
    image.save(tmp_path / "x.tif")
    pixels = decode(tmp_path / "x.tif", form)
    assert pixels.shape == form.shape
    assert pixels.dtype == np.uint8
    assert (pixels >= 253).all()


def test_transparent_parts_lie_over_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0] * 256)
    palette.save(tmp_path / "clear.gif", transparency=0)
    assert (decode(tmp_path / "clear.png", RGB) == 255).all()
    assert (decode(tmp_path / "clear.gif", GREY) == 255).all()


def test_grey_and_alpha_are_mixed_by_hand(tmp_path):
    Image.new("LA", (4, 4), (100, 51)).save(tmp_path / "x.png")
    assert abs(int(decode(tmp_path / "x.png", GREY)[0, 0, 0]) - (100 * 0.2 + 255 * 0.8)) <= 1


def test_a_camera_held_sideways_is_turned_upright(tmp_path):
    lying = Image.new("L", (4, 4), 0)
    lying.paste(255, (0, 0, 2, 4))  # left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: left becomes top
    lying.save(tmp_path / "x.png", exif=exif)
    assert decode(tmp_path / "x.png", GREY)[0].tolist() == [[255] * 4] * 2 + [[0] * 4] * 2


def test_crop_pad_and_stretch_differ_as_they_say(tmp_path):
    wide = Image.new("L", (8, 4), 255)
    wide.paste(0, (0, 0, 2, 4))
    wide.paste(0, (6, 0, 8, 4))  # white in the middle 4 x 4 only
    wide.save(tmp_path / "x.png")
    assert (decode(tmp_path / "x.png", Form(4, 1, Resize.CROP)) == 255).all()
    padded = decode(tmp_path / "x.png", Form(8, 1, Resize.PAD))[0]
    assert padded[:2].max() == padded[6:].max() == 0
    assert (padded[2:6, 2:6] == 255).all()
    assert decode(tmp_path / "x.png", Form(8, 1, Resize.STRETCH))[0, 0].tolist() == [0, 0, 255, 255, 255, 255, 0, 0]


@pytest.mark.parametrize("resize", list(Resize))
@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000)])
def test_very_long_pictures_are_read(tmp_path, size, resize):
    Image.new("L", size, 7).save(tmp_path / "x.png")
    assert decode(tmp_path / "x.png", Form(4, 1, resize)).shape == (1, 4, 4)


def test_a_large_jpeg_looks_the_same_as_when_read_whole(tmp_path):
    ramp = np.linspace(0, 255, 1024, dtype=np.uint8)
    Image.fromarray(np.stack([ramp] * 512)).save(tmp_path / "x.jpg", quality=95)
    Image.fromarray(np.stack([ramp] * 512)).save(tmp_path / "x.png")
    form = Form(32, 1, Resize.CROP)
    difference = decode(tmp_path / "x.jpg", form).astype(int) - decode(tmp_path / "x.png", form)
    assert np.abs(difference).max() <= 2


def broken(tmp_path):
    good = tmp_path / "good.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(good)
    files = {name: tmp_path / name for name in ("cut.jpg", "text.png", "empty.png", "folder.png", "gone.png")}
    files["cut.jpg"].write_bytes(good.read_bytes()[:-2000])
    files["text.png"].write_text("no picture")
    files["empty.png"].touch()
    files["folder.png"].mkdir()
    return files


def test_every_kind_of_damage_is_a_reason_and_not_a_crash(tmp_path):
    for name, file in broken(tmp_path).items():
        assert isinstance(attempt(file, RGB), str), name
        assert fault(file), name
        with pytest.raises(UnreadableImages, match=name):
            decode(file, RGB)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert fault(tmp_path / "pipe.png") == "it is not a file"


def test_a_picture_of_too_many_pixels_is_a_reason(tmp_path, monkeypatch):
    Image.new("L", (100, 100)).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "too many pixels" in fault(tmp_path / "x.png")


def test_postscript_never_reaches_ghostscript_whatever_its_name(tmp_path):
    (tmp_path / "x.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\n")
    assert "not a picture" in fault(tmp_path / "x.png")
    assert ".eps" not in extensions()
    assert {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".gif", ".bmp", ".webp", ".ppm"} <= extensions()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_damaged_note_on_orientation_does_no_harm(tmp_path):
    Image.new("L", (4, 4), 9).save(tmp_path / "x.jpg", exif=b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 65535))
    assert decode(tmp_path / "x.jpg", GREY).max() <= 12


def test_pixels_that_are_no_numbers_are_a_reason(tmp_path):
    Image.fromarray(np.full((4, 4), np.nan, dtype=np.float32)).save(tmp_path / "x.tif")
    assert "not all numbers" in attempt(tmp_path / "x.tif", GREY)
