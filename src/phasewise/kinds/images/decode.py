"""One picture file to one uint8 array and a line of facts; hostile files are findings, never crashes (D02).

Allowed formats only, bombs refused by declared size before decoding, EXIF turned, 16 bit scaled, alpha put on white.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
ORIENTATION = 0x0112
MAX_PIXELS = 50_000_000
MAX_BYTES = 256 * 1024**2
_HOMES = {"JPEG": (".jpg", ".jpeg", ".jfif"), "PNG": (".png",), "WEBP": (".webp",), "BMP": (".bmp",), "GIF": (".gif",), "TIFF": (".tif", ".tiff"), "PPM": (".ppm", ".pgm")}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one file; `error` is empty for a readable picture."""

    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    turned: bool = False
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


def _phashes(grey: np.ndarray) -> tuple[int, int]:
    """64-bit DCT hash of a 32x32 grey array, and that of its mirror image: signs of the 8x8 lowest frequencies against their median.

    Mirroring left-right turns the sign of every odd horizontal frequency.
    """
    low = _BASIS @ grey @ _BASIS.T
    return _signs(low), _signs(low * _MIRROR)


def _signs(low: np.ndarray) -> int:
    flat = low.ravel()
    return int(np.packbits(flat > np.sort(flat[1:])[31]).view(">u8")[0])


def _facts(image: "object", small: np.ndarray, base: dict) -> Facts:
    """Hashes from the whole picture, statistics from the fitted array (colour from every second pixel)."""
    from PIL import Image

    grey = image.resize((32, 32), Image.Resampling.BOX, reducing_gap=1.0).convert("L")  # type: ignore[attr-defined]
    luma = np.asarray(Image.fromarray(small[..., 0] if small.shape[2] == 1 else small).convert("L"))
    wide = luma.astype(np.int16)
    inner = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * wide[1:-1, 1:-1]
    flat = inner.ravel().astype(np.float32)
    counts = np.bincount(luma.ravel(), minlength=256)
    n, levels = luma.size, np.arange(256)
    mean = float(counts @ levels) / n
    total = np.cumsum(counts)
    saturation = 0.0
    if small.shape[2] == 3:
        r, g, b = (small[::2, ::2, c].astype(np.float32) for c in range(3))
        top = np.maximum(np.maximum(r, g), b)
        saturation = float(((top - np.minimum(np.minimum(r, g), b)) / np.maximum(top, 1)).mean())
    edge = (int(wide[0].sum()) + int(wide[-1].sum()) + int(wide[:, 0].sum()) + int(wide[:, -1].sum())) / (2 * sum(wide.shape))
    plain, mirrored = _phashes(np.asarray(grey, dtype=np.float64))
    return Facts(
        **base, phash=plain, phash_mirrored=mirrored, bright=mean, low=float(np.searchsorted(total, 0.05 * n)), high=float(np.searchsorted(total, 0.99 * n)),
        contrast=float(np.sqrt(max(float(counts @ levels**2) / n - mean**2, 0.0))), sharpness=float(np.log1p(flat.var())) if flat.size else 0.0,
        saturation=saturation, border=edge,
    )


def fit(image: "object", size: int, channels: int, resize: str) -> np.ndarray:
    """Resize to `size` by `size`: `crop` (short side, then centre), `pad` or `squash`; returns (size, size, channels)."""
    from PIL import Image, ImageOps

    mode = "RGB" if channels == 3 else "L"
    if image.mode != mode:  # type: ignore[attr-defined]
        image = image.convert(mode)  # type: ignore[attr-defined]
    if resize == "squash":
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    elif resize == "pad":
        image = ImageOps.pad(image, (size, size), Image.Resampling.BILINEAR)
    elif image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    out = np.asarray(image, dtype=np.uint8)
    return out if out.ndim == 3 else out[:, :, None]


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


def decode(path: Path, size: int, channels: int, resize: str = "crop", *, facts: bool = True) -> tuple[np.ndarray | None, Facts]:
    """The array (size, size, channels) uint8 and the facts; a file that cannot be read gives None and `facts.error`."""
    try:
        length = path.stat().st_size
        if length == 0:
            return None, Facts(error="empty file")
        if length > MAX_BYTES:
            return None, Facts(error="file over 256 MiB")
        data = path.read_bytes()
    except OSError as problem:
        return None, Facts(error=f"cannot be read: {type(problem).__name__}")
    return decode_bytes(data, path.suffix, size, channels, resize, facts=facts)


def decode_bytes(data: bytes, suffix: str, size: int, channels: int, resize: str = "crop", *, facts: bool = True) -> tuple[np.ndarray | None, Facts]:
    """As `decode`, from the file's bytes and its extension."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    return None, Facts(width=width, height=height, error=f"{width}x{height} px is over the limit of {MAX_PIXELS // 1_000_000} million")
                base = {
                    "width": width, "height": height, "mode": image.mode, "format": image.format or "", "frames": getattr(image, "n_frames", 1),
                    "turned": image.getexif().get(ORIENTATION, 1) not in (0, 1), "sha256": hashlib.sha256(data).hexdigest() if facts else "",
                    "wrong_extension": suffix.lower() not in _HOMES.get(image.format or "", ()),
                }
                if image.format == "JPEG" and min(width, height) > 4 * size:
                    image.draft("RGB" if channels == 3 else "L", (2 * size, 2 * size))
                image.load()
                plain = _plain(image)
        array = fit(plain, size, channels, resize)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None, Facts(error="declares far too many pixels (decompression bomb)")
    except Image.UnidentifiedImageError:
        return None, Facts(error="not a picture in an allowed format")
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError, KeyError, TypeError, ZeroDivisionError) as problem:
        return None, Facts(error=f"broken: {type(problem).__name__}")
    return array, (_facts(plain, array, base) if facts else Facts(**base))
