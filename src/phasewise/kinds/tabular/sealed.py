"""Which new rows are sealed test rows: told by keyed hashes of their inputs, without opening the vault (checks.md 7.3).

`splits/sealed.npz` holds a key and the sorted keyed 64-bit hashes of the inputs of the test rows; the vault's manifest holds its digest. No value
and no label can be read from it. What it gives away is membership: whoever has a row can tell whether it is a test row, as whoever has the data
file and the row numbers of the development rows can anyway.
"""

import hashlib
import io
import secrets
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.tabular import casting
from phasewise.kinds.tabular.rows import content_hashes
from phasewise.records.text import safe_text

FILE = "sealed.npz"
KEY_BYTES = 16


def inputs_of(roles: Mapping[str, str]) -> list[str]:
    """The columns whose cells are hashed: every input the split knew, in order of name; the target is none."""
    return sorted(c for c, r in roles.items() if r != "ignore")


def hashed(frame: pl.DataFrame, roles: Mapping[str, str], formats: Mapping[str, str], key: bytes) -> np.ndarray:
    """Keyed hashes uint64 [n] of the inputs of natural rows; numbers, levels and dates count, not how a file writes them."""
    names = inputs_of(roles)
    cast = casting.cast_roles(frame.select(names), {c: roles[c] for c in names}, dict(formats))
    return content_hashes(cast, names, key)


def packed(test: pl.DataFrame, roles: Mapping[str, str], formats: Mapping[str, str]) -> bytes:
    """The file for the test rows of a split."""
    key, buffer = secrets.token_bytes(KEY_BYTES), io.BytesIO()
    np.savez_compressed(buffer, key=np.frombuffer(key, np.uint8), hashes=np.sort(hashed(test, roles, formats, key)))
    return buffer.getvalue()


def digest(data: bytes) -> str:
    """What the manifest holds of the file."""
    return hashlib.sha256(data).hexdigest()


def met(project: Any, about: Mapping[str, Any], natural: pl.DataFrame) -> tuple[np.ndarray, str]:
    """Mask [n] of natural rows that are sealed test rows cell by cell in every input, and why that cannot be told (else empty)."""
    none = np.zeros(natural.height, bool)
    path, roles = project.path / "splits" / FILE, about.get("roles") or {}
    if not path.is_file():
        return none, "the split was made before such rows could be recognised"
    lacking = [c for c in inputs_of(roles) if c not in natural.columns]
    if lacking:
        return none, f"the file lacks {', '.join(repr(safe_text(c, 40)) for c in lacking[:3])}{' ...' if len(lacking) > 3 else ''}, and rows are compared in every input"
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            key, known = held["key"].tobytes(), held["hashes"]
    except (OSError, ValueError, KeyError):
        return none, f"splits/{FILE} cannot be read"
    if about.get("sealed") not in (None, digest(data)):
        return none, f"splits/{FILE} is not the file of this split"
    return np.isin(hashed(natural, roles, about.get("formats") or {}, key), known), ""
