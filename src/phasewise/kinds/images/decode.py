"""One picture file to one uint8 array and a line of facts; hostile files are findings, never crashes (D02).

Allowed formats only, bombs refused by declared size before decoding, EXIF turned, 16 bit scaled, alpha put on white.
"""

import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
ORIENTATION = 0x0112
MAX_PIXELS = 50_000_000
MAX_BYTES = 256 * 1024**2
TOGETHER = 16
_HOMES = {"JPEG": (".jpg", ".jpeg", ".jfif"), "PNG": (".png",), "WEBP": (".webp",), "BMP": (".bmp",), "GIF": (".gif",), "TIFF": (".tif", ".tiff"), "PPM": (".ppm", ".pgm")}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one file; `error` is empty for a readable picture."""

    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    turned: bool = False
    exif: bool = False
    taken: str = ""
    """Day the camera wrote into the file, as 2008-05-30."""
    frames: int = 1
    wrong_extension: bool = False
    sha256: str = ""
    phash: int = 0
    phash_mirrored: int = 0
    bright: float = 0.0
    low: float = 0.0
    high: float = 0.0
    contrast: float = 0.0
    sharpness: float = 0.0
    saturation: float = 0.0
    border: float = 0.0
    error: str = ""


_BASIS = np.cos(np.pi * (2 * np.arange(32)[None] + 1) * np.arange(8)[:, None] / 64)
_MIRROR = np.where(np.arange(8) % 2, -1.0, 1.0)


def measured(colours: np.ndarray, luma: np.ndarray, grey: np.ndarray) -> list[dict[str, float | int]]:
    """Statistics of fitted pictures for many at once: thinned colours (n, h, w, channels) uint8, whole grey forms (n, size, size), and grey forms for hashes (n, 32, 32).

    Whole-array operations let other threads decode meanwhile. Levels are counted on a grid of at least 64 x 64 pixels and edges on every
    few rows: facts of 4,000 pixels differ from those of all by less than pictures of one scene do, and cost a tenth of decoding.
    """
    n, side = len(luma), luma.shape[1]
    step = _step(side)
    every = step * step
    above, here, below = luma[:, :-2:every], luma[:, 1:-1:every], luma[:, 2::every]
    inner = above[:, :, 1:-1].astype(np.int16) + below[:, :, 1:-1]
    inner += here[:, :, :-2]
    inner += here[:, :, 2:]
    inner -= 4 * here[:, :, 1:-1].astype(np.int16)
    flat = inner.reshape(n, -1).astype(np.float32)
    width = flat.shape[1]
    squares = np.matmul(flat[:, None, :], flat[:, :, None])[:, 0, 0]  # a third of what einsum takes for it
    sharp = np.log1p(np.maximum(squares / width - (flat @ np.ones(width, np.float32) / width) ** 2, 0)) if width else np.zeros(n)
    thin = luma[:, ::step, ::step].reshape(n, -1)
    pixels, levels = thin.shape[1], np.arange(256.0)
    counts = np.bincount((thin + (np.arange(n, dtype=np.intp) * 256)[:, None]).ravel(), minlength=256 * n).reshape(n, 256)
    mean = counts @ levels / pixels
    spread = np.sqrt(np.maximum(counts @ levels**2 / pixels - mean**2, 0.0))
    total = np.cumsum(counts, 1)
    low, high = (total < 0.05 * pixels).sum(1), (total < 0.99 * pixels).sum(1)
    saturation = np.zeros(n)
    if colours.shape[3] == 3:
        r, g, b = (colours[..., c] for c in range(3))  # a reduction over the last axis of three costs ten times this
        top = np.maximum(np.maximum(r, g), b)
        saturation = ((top - np.minimum(np.minimum(r, g), b)) / np.maximum(top, 1).astype(np.float32)).mean((1, 2))
    edge = sum(strip.sum(1, dtype=np.int64) for strip in (luma[:, 0], luma[:, -1], luma[:, :, 0], luma[:, :, -1])) / (4 * side)
    plain, mirrored = _phashes(grey)
    return [
        {
            "phash": int(plain[i]), "phash_mirrored": int(mirrored[i]), "bright": float(mean[i]), "low": float(low[i]), "high": float(high[i]), "contrast": float(spread[i]),
            "sharpness": float(sharp[i]), "saturation": float(saturation[i]), "border": float(edge[i]),
        }
        for i in range(n)
    ]


def _step(side: int) -> int:
    return max(1, side // 64)


def _thinning(side: int) -> int:
    """Every which row and column of the colours is looked at."""
    return 2 * _step(side)


def _phashes(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """64-bit DCT hashes of grey arrays (n, 32, 32), and those of their mirror images: signs of the 8x8 lowest frequencies against their median.

    Mirroring left-right turns the sign of every odd horizontal frequency.
    """
    low = _BASIS @ grey.astype(np.float64) @ _BASIS.T
    return _signs(low), _signs(low * _MIRROR)


def _signs(low: np.ndarray) -> np.ndarray:
    flat = low.reshape(len(low), 64)
    return np.packbits(flat > np.sort(flat[:, 1:], axis=1)[:, 31:32], axis=1).view(">u8")[:, 0]


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
    if resize == "squash":
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    elif resize == "pad":
        image = ImageOps.pad(image, (size, size), Image.Resampling.BILINEAR)
    elif image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return image


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


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture before it is measured: its fitted array, what is known of its file, and the bytes of some rows in colour, of its grey form and, where `_blocks` cannot make it, of that at 32x32.

    Without an array, `base` holds the error. Bytes are joined for many pictures at half the cost of stacked arrays.
    """

    base: dict[str, Any]
    array: np.ndarray | None = None
    rows: bytes = b""
    luma: bytes = b""
    grey: bytes = b""


def decode(path: Path, size: int, channels: int, resize: str = "crop", *, facts: bool = True, white: int = 0) -> tuple[np.ndarray | None, Facts]:
    """The array (size, size, channels) uint8 and the facts; a file that cannot be read gives None and `facts.error`."""
    return finished([_opened(path, size, channels, resize, facts, white)])[0]


def decode_many(paths: Sequence[Path], size: int, channels: int, resize: str = "crop", *, white: int = 0) -> list[tuple[np.ndarray | None, Facts]]:
    """As `decode`, for many files: measured together."""
    return finished([_opened(p, size, channels, resize, True, white) for p in paths])


def decode_bytes(data: bytes, suffix: str, size: int, channels: int, resize: str = "crop", *, facts: bool = True, white: int = 0) -> tuple[np.ndarray | None, Facts]:
    """As `decode`, from the file's bytes and its extension."""
    return finished([_picture(data, suffix, size, channels, resize, facts, white)])[0]


def finished(pictures: Sequence[Picture]) -> list[tuple[np.ndarray | None, Facts]]:
    """Arrays with their facts; the ones that have a grey form are measured in one go."""
    told = [p for p in pictures if p.luma]
    found = iter([f for i in range(0, len(told), TOGETHER) for f in measured(*_joined(told[i : i + TOGETHER]))])
    return [(p.array, Facts(**p.base, **(next(found) if p.luma else {}))) for p in pictures]


def _joined(pictures: Sequence[Picture]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `measured` takes, of pictures of one shape."""
    n, first = len(pictures), pictures[0].array
    assert first is not None
    side, step, channels = first.shape[0], _thinning(first.shape[0]), first.shape[2]
    rows, luma, grey = (np.frombuffer(b"".join([getattr(p, name) for p in pictures]), np.uint8) for name in ("rows", "luma", "grey"))
    luma = luma.reshape(n, side, side)
    return rows.reshape(n, -(-side // step), side, channels)[:, :, ::step], luma, grey.reshape(n, 32, 32) if len(grey) else _blocks(luma)


def _blocks(luma: np.ndarray) -> np.ndarray:
    """Means of the 32x32 blocks of grey forms whose side is a multiple of 32, rounded as Pillow's `reduce` rounds them."""
    step = luma.shape[1] // 32
    if step == 1:
        return luma
    down = luma[:, ::step].astype(np.uint32 if step > 16 else np.uint16)  # a block of 16 x 16 pixels fits into 16 bits
    for k in range(1, step):
        down += luma[:, k::step]
    total = down[:, :, ::step].copy()
    for k in range(1, step):
        total += down[:, :, k::step]
    return ((total + np.array(step * step // 2, total.dtype)) // np.array(step * step, total.dtype)).astype(np.uint8)


def _opened(path: Path, size: int, channels: int, resize: str, facts: bool, white: int) -> Picture:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))  # half the time of a `Path` that is asked for its size and read
        try:
            length = os.fstat(handle).st_size
            if length == 0:
                return Picture(base={"error": "empty file"})
            if length > MAX_BYTES:
                return Picture(base={"error": "file over 256 MiB"})
            data = _whole(handle, length)
        finally:
            os.close(handle)
    except OSError as problem:
        return Picture(base={"error": f"cannot be read: {type(problem).__name__}"})
    return _picture(data, path.suffix, size, channels, resize, facts, white)


def _whole(handle: int, length: int) -> bytes:
    """The bytes of an open file: one read is enough for a plain file on a local disk, a network disk may give less at a time."""
    data = os.read(handle, length)
    while len(data) < length and (more := os.read(handle, length - len(data))):
        data += more
    return data


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
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                return Picture(base={"width": width, "height": height, "error": f"{width}x{height} px is over the limit of {MAX_PIXELS // 1_000_000} million"})
            exif = image.getexif()
            base = {
                "width": width, "height": height, "mode": image.mode, "format": image.format or "", "frames": getattr(image, "n_frames", 1),
                "turned": exif.get(ORIENTATION, 1) not in (0, 1), "exif": len(exif) > 0, "taken": _taken(exif), "sha256": hashlib.sha256(data).hexdigest() if facts else "",
                "wrong_extension": suffix.lower() not in _HOMES.get(image.format or "", ()),
            }
            if image.format == "JPEG" and min(width, height) > 4 * size:
                image.draft("RGB" if channels == 3 else "L", (2 * size, 2 * size))
            image.load()
            small = _fitted(_plain(image, base["turned"], white), size, channels, resize)
        array = _array(small)
        if not facts:
            return Picture(base=base, array=array)
        shade = small if small.mode == "L" else small.convert("L")
        grey = b"" if size % 32 == 0 else shade.resize((32, 32), Image.Resampling.BOX, reducing_gap=1.0).tobytes()
    except Image.DecompressionBombError:
        return Picture(base={"error": "declares far too many pixels (decompression bomb)"})
    except Image.UnidentifiedImageError:
        return Picture(base={"error": "not a picture in an allowed format"})
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError, KeyError, TypeError, ZeroDivisionError) as problem:
        return Picture(base={"error": f"broken: {type(problem).__name__}"})
    return Picture(base=base, array=array, rows=array[:: _thinning(size)].tobytes(), luma=shade.tobytes(), grey=grey)
