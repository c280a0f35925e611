"""Plain JPEG files straight to Pillow's decoder: half of what opening and reading a small one takes is Python that parses tables the decoder parses again (D02).

Everything that is not plain (EXIF, colour profiles, several pictures, four colours, cut off, broken) is left to `Image.open`, which says what is wrong.
"""

import ctypes
import sys
from functools import cache
from typing import Any

LINE, TRIES = 32, 4
"""Bytes that the fast registers write at once, and how many blocks are tried for one that does not begin at a multiple of them."""
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
            with off_lines(width * 4 if mode == "RGB" else width):  # Pillow keeps colours in four bytes
                decoder.setimage(core, (0, 0, width, height))
            used, problem = decoder.decode(data)
        finally:
            decoder.cleanup()
        return Image.Image()._new(core) if used < 0 and problem >= 0 else None
    except (AttributeError, TypeError, OSError):  # a Pillow that is built otherwise: `Image.open` is there
        return None


class off_lines:  # noqa: N801 - a context manager, as `suppress`
    """Inside, the next block that the C library hands out for a row of so many bytes most likely does not begin at a multiple of 32.

    libjpeg-turbo writes the colours of a row that does past the caches (movntdq), and Pillow, which has one row for all, reads it at once: a
    picture of 128 px takes 130 to 150 us then instead of 85, and which it is stays so for as long as a process lives. Nothing depends on it but time.
    """

    def __init__(self, row: int) -> None:
        self._row, self._held = row, []

    def __enter__(self) -> None:
        calls = _blocks()
        if calls is None:
            return
        for _ in range(TRIES):
            block = calls[0](1, self._row)
            if not block or block % LINE:
                calls[1](block)  # what was given back last of this size is handed out next
                return
            self._held.append(block)

    def __exit__(self, *_: object) -> None:
        calls = _blocks()
        for block in self._held:
            calls[1](block)


@cache
def _blocks() -> tuple[Any, Any] | None:
    """The C library's own `calloc` and `free`, which Pillow uses; None elsewhere than on Linux."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.PyDLL(None)  # without giving up the interpreter: a call takes a third of a microsecond
    calloc, free = library.calloc, library.free
    calloc.restype, calloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t, ctypes.c_size_t]
    free.restype, free.argtypes = None, [ctypes.c_void_p]
    return calloc, free
