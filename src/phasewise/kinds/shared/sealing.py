"""Test rows as bytes for the vault and back, and the manifest that proves later what was sealed (checks.md 7.3)."""

import io
import secrets
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from phasewise.records.base import fingerprint
from phasewise.records.errors import StorageError

CHUNK = 50_000
"""Rows whose hashes are objects at once."""
LISTED = 2000
"""Parts of at most this many rows have their salted hashes listed in the manifest; larger ones give a Merkle root."""


def to_bytes(frame: pl.DataFrame) -> bytes:
    """Rows as compressed Arrow IPC, natural types, with their row numbers."""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="zstd")
    return buffer.getvalue()


def from_bytes(data: bytes) -> pl.DataFrame:
    """The rows that `to_bytes` wrote."""
    try:
        return pl.read_ipc(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise StorageError("the sealed rows cannot be read", str(error)[:200], "The container was damaged; seal a new generation.") from error


def part_entry(hashes: np.ndarray, salt: str, about: Mapping[str, Any], *, secret: bool) -> dict[str, Any]:
    """One part in the manifest: counts, and its rows as salted hashes (few, not secret) or as a Merkle root."""
    from phasewise.project.manifest import merkle_root, row_hashes

    raw, salted = hashes.astype("<u8").tobytes(), bytearray()
    for start in range(0, len(raw), 8 * CHUNK):
        salted += bytes.fromhex("".join(row_hashes((raw[at : at + 8] for at in range(start, min(start + 8 * CHUNK, len(raw)), 8)), salt)))
    np.frombuffer(salted, "S32").sort()  # where they lie; two hashes that differ in zeros at their end alone do not occur
    entry: dict[str, Any] = {**about, "rows": len(hashes), "merkle_root": merkle_root(salted[at : at + 32].hex() for at in range(0, len(salted), 32))}
    if not secret and len(hashes) <= LISTED:
        entry["row_hashes"] = [salted[at : at + 32].hex() for at in range(0, len(salted), 32)]
    return entry


def manifest(*, project: str, identity: list[dict[str, Any]], policy: str, claim: str, seed: int, generation: int, gap: float, group: str | None, time: str | None, recipe: Any, parts: dict[str, tuple[np.ndarray, dict[str, Any]]], near: dict[str, float]) -> dict[str, Any]:
    """The manifest of a split; `parts` maps a part's name to (content hashes uint64 [n], counts)."""
    salt = secrets.token_hex(16)
    return {
        "project": project, "generation": generation, "claim": claim, "policy": policy, "seed": seed, "gap": gap, "group": group, "time": time,
        "sources": identity, "near_copies": near, "recipe": fingerprint(recipe), "salt": salt,
        "parts": {name: part_entry(hashes, salt, about, secret=name == "test") for name, (hashes, about) in parts.items()},
    }
