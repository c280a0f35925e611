"""The list by which sealed test rows are recognised in later files: keyed hashes, no value and no label (checks.md 7.3).

`splits/sealed.npz` holds a key and sorted keyed 64-bit hashes; the vault's manifest and the split hold its digest. What it gives away is
membership: whoever has a row can tell whether it is a test row, as whoever has the data and the split can anyway.
"""

import hashlib
import io
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

FILE = "sealed.npz"
KEY_BYTES = 16
EARLIER = "the split was made before such rows could be recognised"


@dataclass(frozen=True, kw_only=True)
class Known:
    """Key and hashes of a split's list, or `why` there is none."""

    key: bytes = b""
    hashes: np.ndarray | None = None
    why: str = ""
    looks: np.ndarray | None = None
    """Perceptual hashes uint64 [m] of sealed pictures, where pictures of the set can be told apart by them."""
    reach: int = -1
    """Bits of 64 within which a picture looks like a copy."""
    cuts: np.ndarray | None = None
    """Perceptual hashes uint64 [k] of windows of the sealed pictures, by which copies that were cut are told."""
    cut_reach: int = -1


def packed(hashed: Callable[[bytes], np.ndarray], looks: Mapping[str, np.ndarray] = MappingProxyType({})) -> bytes:
    """The file for the test rows: `hashed(key)` gives their hashes uint64 [n]; of pictures also `looks`, `cuts` and their reaches."""
    key, buffer = secrets.token_bytes(KEY_BYTES), io.BytesIO()
    np.savez_compressed(buffer, key=np.frombuffer(key, np.uint8), hashes=np.sort(hashed(key)), **looks)
    return buffer.getvalue()


def digest(data: bytes) -> str:
    """What the manifest holds of the file."""
    return hashlib.sha256(data).hexdigest()


def known(project: Any, about: Mapping[str, Any]) -> Known:
    """The list of a project's split; `about` is what the split wrote of itself."""
    path = project.path / "splits" / FILE
    if not path.is_file():
        return Known(why=EARLIER)
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            found = Known(
                key=held["key"].tobytes(), hashes=held["hashes"], looks=held["looks"] if "looks" in held.files else None, reach=int(held["reach"]) if "reach" in held.files else -1,
                cuts=held["cuts"] if "cuts" in held.files else None, cut_reach=int(held["cut_reach"]) if "cut_reach" in held.files else -1,
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return Known(why=f"splits/{FILE} cannot be read")
    return found if about.get("sealed") in (None, digest(data)) else Known(why=f"splits/{FILE} is not the file of this split")
