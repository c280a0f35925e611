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


def _phash(grey: np.ndarray) -> int:
    """64-bit DCT hash of a 32x32 grey array: signs of the 8x8 lowest frequencies against their median."""
    n = grey.shape[0]
    k = np.arange(8)[:, None]
    basis = np.cos(np.pi * (2 * np.arange(n)[None] + 1) * k / (2 * n))
    low = basis @ grey @ basis.T
    bits = (low > np.median(low.ravel()[1:])).ravel()
    return int(np.packbits(bits).view(">u8")[0])


def _facts(image: "object", small: np.ndarray, base: dict) -> Facts:
    """Hashes from the whole picture, statistics from the fitted array."""
    from PIL import Image

    grey = np.asarray(image.convert("L").resize((32, 32), Image.Resampling.BOX), dtype=np.float32)  # type: ignore[attr-defined]
    look = small.astype(np.float32)
    luma = look.mean(2)
    inner = -4 * luma[1:-1, 1:-1] + luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    edge = np.concatenate([luma[0], luma[-1], luma[:, 0], luma[:, -1]])
    top, bottom = look.max(2), look.min(2)
    return Facts(
        **base, phash=_phash(grey), phash_mirrored=_phash(grey[:, ::-1]), bright=float(luma.mean()), low=float(np.percentile(luma, 5)),
        high=float(np.percentile(luma, 99)), contrast=float(luma.std()), sharpness=float(np.log1p(inner.var())),
        saturation=float(((top - bottom) / np.maximum(top, 1)).mean()), border=float(edge.mean()),
    )


def fit(image: "object", size: int, channels: int, resize: str) -> np.ndarray:
    """Resize to `size` by `size`: `crop` (short side, then centre), `pad` or `squash`; returns (size, size, channels)."""
    from PIL import Image, ImageOps

    image = image.convert("RGB" if channels == 3 else "L")  # type: ignore[attr-defined]
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
                    "turned": image.getexif().get(0x0112, 1) not in (0, 1), "sha256": hashlib.sha256(data).hexdigest() if facts else "",
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
