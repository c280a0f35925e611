"""Plain JPEG files take a shorter way to Pillow's decoder and give what `Image.open` gives; all others take the usual one (D02)."""

import io

import numpy as np
import pytest
from PIL import Image

from phasewise.kinds.images import decode, jpeg


def _saved(mode="RGB", side=(45, 61), **options):
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 255, (7, 9, 3), dtype=np.uint8)).resize(side, Image.Resampling.BICUBIC).convert(mode)
    held = io.BytesIO()
    rough.save(held, "JPEG", **options)
    return held.getvalue()


def _both(data, monkeypatch, size=32):
    short = decode.decode_bytes(data, ".jpg", size, 3)
    with monkeypatch.context() as m:
        m.setattr(jpeg, "header", lambda data: None)
        usual = decode.decode_bytes(data, ".jpg", size, 3)
    return short, usual


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"mode": "L"}, {"subsampling": 0, "quality": 95}, {"optimize": True, "comment": b"a picture"}, {"side": (400, 300)}])
def test_the_short_way_gives_the_same_pixels_and_facts(options, monkeypatch):
    data = _saved(**options)
    assert decode._quick(data, 32) is None if "side" in options else decode._quick(data, 32) is not None
    (a, short), (b, usual) = _both(data, monkeypatch)
    assert np.array_equal(a, b) and short == usual and not short.error


def test_files_that_are_not_plain_take_the_usual_way():
    exif = Image.Exif()
    exif[0x0112] = 6
    for data in (_saved(exif=exif), _saved(mode="CMYK"), _saved(icc_profile=b"profile"), b"", b"\xff\xd8\xff", b"GIF89a" + bytes(40), _saved()[:60], b"\xff\xd8\xff\xff" + _saved()[3:]):
        assert jpeg.header(data) is None
    assert decode.decode_bytes(_saved(exif=exif), ".jpg", 32, 3)[1].turned


def test_broken_ones_are_told_as_before(monkeypatch):
    whole = _saved()
    scan = whole.index(b"\xff\xda")
    frame = whole.index(b"\xff\xc0")
    wide = whole[: frame + 5] + b"\xff\xff\xff\xff" + whole[frame + 9 :]
    none = whole[: frame + 5] + b"\x00\x00" + whole[frame + 7 :]
    for data in (whole[: scan + 40], whole[:-200], whole[: scan + 12], wide, none, whole[: frame + 4] + b"\x0c" + whole[frame + 5 :]):
        (a, short), (b, usual) = _both(data, monkeypatch)
        assert short == usual and (np.array_equal(a, b) if a is not None else b is None)
    assert "far too many pixels" in decode.decode_bytes(wide, ".jpg", 32, 3)[1].error and decode.decode_bytes(whole[:-200], ".jpg", 32, 3)[1].error


def test_any_changed_byte_of_the_header_is_read_as_before(monkeypatch):
    whole = _saved(side=(20, 20))
    rng = np.random.default_rng(1)
    for place in range(2, whole.index(b"\xff\xda") + 14):
        data = whole[:place] + bytes([int(rng.integers(256))]) + whole[place + 1 :]
        (a, short), (b, usual) = _both(data, monkeypatch, 16)
        assert bool(short.error) == bool(usual.error) or usual.error.startswith("broken"), place
        assert a is None or b is None or np.array_equal(a, b), place


@pytest.mark.parametrize(("offered", "held"), [([80], []), ([64, 96, 112], [64, 96]), ([32, 64, 96, 128, 16], [32, 64, 96, 128]), ([None], [])])
def test_rows_are_placed_off_the_lines_and_every_block_is_given_back(offered, held, monkeypatch):
    asked, given = [], []
    monkeypatch.setattr(jpeg, "_blocks", lambda: (lambda count, size: asked.append(count * size) or offered[len(asked) - 1], given.append))
    with jpeg.off_lines(512):
        assert given == ([] if len(held) == 4 else [offered[len(held)]])
    assert given[len(given) - len(held) :] == held and len(given) == len(asked) and set(asked) == {512}


def test_where_the_c_library_is_not_to_be_had_pictures_are_read_all_the_same(monkeypatch):
    usual = decode.decode_bytes(_saved(), ".jpg", 32, 3)
    monkeypatch.setattr(jpeg, "_blocks", lambda: None)
    other = decode.decode_bytes(_saved(), ".jpg", 32, 3)
    assert np.array_equal(usual[0], other[0]) and usual[1] == other[1]
