"""One picture file to one uint8 array and a line of facts; hostile files are findings, never crashes (D02).

Allowed formats only, bombs refused by declared size before decoding, EXIF turned, 16 bit scaled, alpha put on white.
"""

import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from phasewise.kinds.images import jpeg
from phasewise.kinds.images.facts import UNMEASURED, UNREADABLE, Facts, joined, measured

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
ORIENTATION = 0x0112
MAX_PIXELS = 50_000_000
MAX_BYTES = 256 * 1024**2
TOGETHER = 16
_HOMES = {"JPEG": (".jpg", ".jpeg", ".jfif"), "PNG": (".png",), "WEBP": (".webp",), "BMP": (".bmp",), "GIF": (".gif",), "TIFF": (".tif", ".tiff"), "PPM": (".ppm", ".pgm")}


def fit(image: "object", size: int, channels: int, resize: str) -> np.ndarray:
    """Resize to `size` by `size`: `crop` (short side, then centre), `pad` or `squash`; returns (size, size, channels)."""
    return _array(_fitted(image, size, channels, resize))


def _array(image: Any) -> np.ndarray:
    width, height = image.size  # of mode L or RGB; asking numpy for the array would copy the bytes once more
    return np.frombuffer(image.tobytes(), np.uint8).reshape(height, width, -1)


def _fitted(image: Any, size: int, channels: int, resize: str) -> Any:
    from PIL import Image, ImageOps

    mode = "RGB" if channels == 3 else "L"
    if image.mode != mode:
        image = image.convert(mode)
    way, share, name = ways(resize)
    chosen = Image.Resampling[name.upper()]
    if way == "squash":
        image = image.resize((size, size), chosen)
    elif way == "pad":
        image = ImageOps.pad(image, (size, size), chosen)
    elif image.size != (size, size) or share < 1:
        image = ImageOps.fit(image, (size, size), chosen, bleed=(1 - share) / 2)
    return image


@cache
def ways(resize: str) -> tuple[str, float, str]:
    """`crop`, `pad` or `squash`, the share of the centre that is looked at, and the filter; `crop-s875-bicubic` is the form that pretrained weights ask for."""
    way, *rest = resize.split("-")
    return way, int(rest[0][1:]) / 1000 if rest else 1.0, rest[1] if rest else "bilinear"


def _plain(image: "object", turned: bool, white: int = 0) -> "object":
    """EXIF turned, deep grey scaled to 8 bit, transparency on white; modes left are L and RGB. `white` is the level of deep grey that becomes 255; 0 for what the file could hold."""
    from PIL import Image, ImageOps

    if turned:  # without a tag to obey, turning would only copy every pixel
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float32)
        top = float(white) or (65535.0 if image.mode.startswith("I;16") or values.max() > 255 else 255.0)
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


@dataclass(kw_only=True, slots=True)
class Picture:
    """A decoded picture before it is measured: its fitted array, what is known of its file (the fields before `phash`), and the bytes of its grey form and, where `facts.blocks` cannot make it, of that at 32x32.

    Without an array, `error` says why.
    """

    base: list[Any] = field(default_factory=lambda: list(UNREADABLE))
    error: str = ""
    array: np.ndarray | None = None
    luma: bytes = b""
    grey: bytes = b""


def decode(path: Path, size: int, channels: int, resize: str = "crop", *, facts: bool = True, white: int = 0) -> tuple[np.ndarray | None, Facts]:
    """The array (size, size, channels) uint8 and the facts; a file that cannot be read gives None and `facts.error`."""
    return finished([_opened(os.fspath(path), size, channels, resize, facts, white)])[0]


def decode_bytes(data: bytes, suffix: str, size: int, channels: int, resize: str = "crop", *, facts: bool = True, white: int = 0) -> tuple[np.ndarray | None, Facts]:
    """As `decode`, from the file's bytes and its extension."""
    return finished([_picture(data, suffix, size, channels, resize, facts, white)])[0]


def decode_many(paths: Sequence[str], size: int, channels: int, resize: str = "crop", *, white: int = 0) -> tuple[list[np.ndarray | None], list[list[Any]]]:
    """Arrays of many files, measured together, and their facts as values in the order of the fields."""
    pictures = [_opened(p, size, channels, resize, True, white) for p in paths]
    return [p.array for p in pictures], _told(pictures)


def finished(pictures: Sequence[Picture]) -> list[tuple[np.ndarray | None, Facts]]:
    """Arrays with their facts; the ones that have a grey form are measured in one go."""
    return [(p.array, Facts.of(told)) for p, told in zip(pictures, _told(pictures), strict=True)]


def _told(pictures: Sequence[Picture]) -> list[list[Any]]:
    seen = [p for p in pictures if p.luma]
    found = iter([f for i in range(0, len(seen), TOGETHER) for f in measured(*_joined(seen[i : i + TOGETHER]))])
    return [[*p.base, *(next(found) if p.luma else UNMEASURED), p.error] for p in pictures]


def _joined(pictures: Sequence[Picture]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return joined([p.array for p in pictures if p.array is not None], [p.luma for p in pictures], [p.grey for p in pictures])


def _opened(path: str, size: int, channels: int, resize: str, facts: bool, white: int) -> Picture:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))  # half the time of a `Path` that is asked for its size and read
        try:
            length = os.fstat(handle).st_size
            if length == 0:
                return Picture(error="empty file")
            if length > MAX_BYTES:
                return Picture(error="file over 256 MiB")
            data = _whole(handle, length)
        finally:
            os.close(handle)
    except OSError as problem:
        return Picture(error=f"cannot be read: {type(problem).__name__}")
    return _picture(data, os.path.splitext(path)[1], size, channels, resize, facts, white)


def _whole(handle: int, length: int) -> bytes:
    """The bytes of an open file: one read is enough for a plain file on a local disk, a network disk may give less at a time."""
    data = os.read(handle, length)
    while len(data) < length and (more := os.read(handle, length - len(data))):
        data += more
    return data


def _tags(image: Any) -> tuple[bool, bool, str]:
    """Whether a picture is to be turned, whether it has EXIF, and the day it was taken; a JPEG without either block of tags is not asked, which costs as much as reading it."""
    if image.format == "JPEG" and not ("exif" in image.info or "xmp" in image.info):
        return False, False, ""
    exif = image.getexif()
    return exif.get(ORIENTATION, 1) not in (0, 1), len(exif) > 0, _taken(exif)


def _taken(exif: Any) -> str:
    """The day in EXIF's 2008:05:30 15:56:01, original before changed; empty where there is none or it is no date."""
    if not len(exif):
        return ""
    try:
        text = str(exif.get_ifd(0x8769).get(0x9003) or exif.get(0x0132) or "")[:10].replace(":", "-")
        return date.fromisoformat(text).isoformat()
    except Exception:  # noqa: BLE001 - a broken tag is no broken picture
        return ""


def _picture(data: bytes, suffix: str, size: int, channels: int, resize: str, facts: bool, white: int) -> Picture:
    from PIL import Image

    try:
        found = _quick(data, size) or _loaded(data, size, channels, white)
        if isinstance(found, Picture):
            return found
        image, base = found
        small = _fitted(image, size, channels, resize)
        base += [suffix.lower() not in _HOMES.get(base[3], ()), hashlib.sha256(data).hexdigest() if facts else ""]
        array = _array(small)
        if not facts:
            return Picture(base=base, array=array)
        shade = small if small.mode == "L" else small.convert("L")
        grey = b"" if size % 32 == 0 else shade.resize((32, 32), Image.Resampling.BOX, reducing_gap=1.0).tobytes()
    except Image.DecompressionBombError:
        return Picture(error="declares far too many pixels (decompression bomb)")
    except Image.UnidentifiedImageError:
        return Picture(error="not a picture in an allowed format")
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError, KeyError, TypeError, ZeroDivisionError) as problem:
        return Picture(error=f"broken: {type(problem).__name__}")
    return Picture(base=base, array=array, luma=shade.tobytes(), grey=grey)


def _quick(data: bytes, size: int) -> tuple[Any, list[Any]] | None:
    """A plain JPEG and what is known of its file up to `frames`; None for what `_loaded` has to read, large ones among them, which it decodes at a part of their size."""
    head = jpeg.header(data)
    if head is None or min(head[:2]) > 4 * size or head[0] * head[1] > MAX_PIXELS:
        return None
    image = jpeg.pixels(data, *head)
    return None if image is None else (image, [*head, "JPEG", False, False, "", 1])


def _loaded(data: bytes, size: int, channels: int, white: int) -> tuple[Any, list[Any]] | Picture:
    """Any picture, upright and of mode L or RGB, and what is known of its file up to `frames`; a `Picture` that says so for one of too many pixels."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            return Picture(base=[width, height, *UNREADABLE[2:]], error=f"{width}x{height} px is over the limit of {MAX_PIXELS // 1_000_000} million")
        form = image.format or ""
        turned, tagged, taken = _tags(image)
        base = [width, height, image.mode, form, turned, tagged, taken, getattr(image, "n_frames", 1)]
        if form == "JPEG" and min(width, height) > 4 * size:
            image.draft("RGB" if channels == 3 else "L", (2 * size, 2 * size))
        with jpeg.off_lines(4 * image.width):
            image.load()
        return _plain(image, turned, white), base
