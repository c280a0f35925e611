"""Plain JPEG files straight to Pillow's decoder: half of what opening and reading a small one takes is Python that parses tables the decoder parses again (D02).

Everything that is not plain (EXIF, colour profiles, several pictures, four colours, cut off, broken) is left to `Image.open`, which says what is wrong.
"""

from typing import Any

_PASSED = frozenset((0xC4, 0xDB, 0xDD, 0xE0, 0xFE))
"""Segments that change nothing about how the pixels are read here: Huffman and quantisation tables, restarts, JFIF, comment."""
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
"""Baseline, extended and progressive frames with Huffman codes."""
_MODES = {1: "L", 3: "RGB"}


def header(data: bytes) -> tuple[int, int, str] | None:
    """Width, height and mode of a plain JPEG, from its markers up to the first scan (ITU T.81, B.1); None for any other file."""
    if data[:3] != b"\xff\xd8\xff":
        return None
    place, found = 2, None
    while place + 10 < len(data):
        if data[place] != 0xFF:
            return None
        kind = data[place + 1]
        if kind in _FRAMES:
            mode = _MODES.get(data[place + 9])
            if found or mode is None or data[place + 4] != 8:
                return None
            found = data[place + 7] << 8 | data[place + 8], data[place + 5] << 8 | data[place + 6], mode
        elif kind == 0xDA:
            return found if found and found[0] and found[1] else None
        elif kind not in _PASSED:
            return None
        place += 2 + (data[place + 2] << 8 | data[place + 3])
    return None


def pixels(data: bytes, width: int, height: int, mode: str) -> Any:
    """The decoded picture of a plain JPEG as a Pillow image, the same bytes as `Image.open` gives; None where the decoder did not come to a clean end."""
    from PIL import Image

    try:
        core = Image.core.new(mode, (width, height))
        decoder = Image._getdecoder(mode, "jpeg", (mode, ""))
        try:
            decoder.setimage(core, (0, 0, width, height))
            used, problem = decoder.decode(data)
        finally:
            decoder.cleanup()
        return Image.Image()._new(core) if used < 0 and problem >= 0 else None
    except (AttributeError, TypeError, OSError):  # a Pillow that is built otherwise: `Image.open` is there
        return None
