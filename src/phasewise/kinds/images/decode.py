"""One picture file to one uint8 array and a line of facts; hostile files are findings, never crashes (D02).

Allowed formats only, bombs refused by declared size before decoding, EXIF turned, 16 bit scaled, alpha put on white.
"""

import hashlib
import io
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
"""Pictures measured in one go: more of them leave the processor's cache and cost twice as much."""
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
    sharp = np.log1p(np.maximum(np.einsum("ij,ij->i", flat, flat) / flat.shape[1] - flat.mean(1) ** 2, 0)) if flat.shape[1] else np.zeros(n)
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
    out = np.asarray(image, dtype=np.uint8)
    return out if out.ndim == 3 else out[:, :, None]


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


def _plain(image: "object") -> "object":
    """EXIF turned, 16 bit scaled to 8, transparency on white; modes left are L and RGB."""
    from PIL import Image, ImageOps

    if image.getexif().get(ORIENTATION, 1) not in (0, 1):  # without a tag to obey, turning would only copy every pixel
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float32)
        top = 65535.0 if image.mode.startswith("I;16") or values.max() > 255 else 255.0
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture before it is measured: its fitted array (thinned, and in grey besides), what is known of its file, its 32x32 grey form; without an array, `base` holds the error."""

    base: dict[str, Any]
    array: np.ndarray | None = None
    thin: np.ndarray | None = None
    luma: np.ndarray | None = None
    grey: np.ndarray | None = None


def decode(path: Path, size: int, channels: int, resize: str = "crop", *, facts: bool = True) -> tuple[np.ndarray | None, Facts]:
    """The array (size, size, channels) uint8 and the facts; a file that cannot be read gives None and `facts.error`."""
    return finished([_opened(path, size, channels, resize, facts)])[0]


def decode_many(paths: Sequence[Path], size: int, channels: int, resize: str = "crop") -> list[tuple[np.ndarray | None, Facts]]:
    """As `decode`, for many files: measured together."""
    return finished([_opened(p, size, channels, resize, True) for p in paths])


def decode_bytes(data: bytes, suffix: str, size: int, channels: int, resize: str = "crop", *, facts: bool = True) -> tuple[np.ndarray | None, Facts]:
    """As `decode`, from the file's bytes and its extension."""
    return finished([_picture(data, suffix, size, channels, resize, facts)])[0]


def finished(pictures: Sequence[Picture]) -> list[tuple[np.ndarray | None, Facts]]:
    """Arrays with their facts; the ones that have a grey form are measured in one go."""
    told = [p for p in pictures if p.array is not None and p.grey is not None]
    parts = [told[i : i + TOGETHER] for i in range(0, len(told), TOGETHER)]
    found = iter([f for part in parts for f in measured(*(np.stack([getattr(p, name) for p in part]) for name in ("thin", "luma", "grey")))])
    return [(p.array, Facts(**p.base, **(next(found) if p.array is not None and p.grey is not None else {}))) for p in pictures]


def _opened(path: Path, size: int, channels: int, resize: str, facts: bool) -> Picture:
    try:
        length = path.stat().st_size
        if length == 0:
            return Picture(base={"error": "empty file"})
        if length > MAX_BYTES:
            return Picture(base={"error": "file over 256 MiB"})
        data = path.read_bytes()
    except OSError as problem:
        return Picture(base={"error": f"cannot be read: {type(problem).__name__}"})
    return _picture(data, path.suffix, size, channels, resize, facts)


def _taken(exif: Any) -> str:
    """The day in EXIF's 2008:05:30 15:56:01, original before changed; empty where there is none or it is no date."""
    if not len(exif):
        return ""
    try:
        text = str(exif.get_ifd(0x8769).get(0x9003) or exif.get(0x0132) or "")[:10].replace(":", "-")
        return date.fromisoformat(text).isoformat()
    except Exception:  # noqa: BLE001 - a broken tag is no broken picture
        return ""


def _picture(data: bytes, suffix: str, size: int, channels: int, resize: str, facts: bool) -> Picture:
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
            small = _fitted(_plain(image), size, channels, resize)
        array = _array(small)
        if not facts:
            return Picture(base=base, array=array)
        shade = small if small.mode == "L" else small.convert("L")
        grey = np.asarray(shade.resize((32, 32), Image.Resampling.BOX, reducing_gap=1.0))
    except Image.DecompressionBombError:
        return Picture(base={"error": "declares far too many pixels (decompression bomb)"})
    except Image.UnidentifiedImageError:
        return Picture(base={"error": "not a picture in an allowed format"})
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError, KeyError, TypeError, ZeroDivisionError) as problem:
        return Picture(base={"error": f"broken: {type(problem).__name__}"})
    step = _step(size) * 2
    return Picture(base=base, array=array, thin=array[::step, ::step], luma=np.asarray(shade), grey=grey)
