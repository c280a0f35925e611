"""The manifest of a sealed test set: what was sealed, provable later without showing a row (checks.md 7.3)."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from phasewise.records.base import canonical_json

SCHEMA = 1
REQUIRED = ("claim", "policy", "seed", "sources", "parts")
"""What whoever splits must say; the vault adds the rest."""


def row_hashes(rows: Iterable[bytes], salt: str) -> list[str]:
    """SHA-256 of each row's bytes with a salt, as hex, in the order given."""
    prefix = salt.encode()
    return [hashlib.sha256(prefix + row).hexdigest() for row in rows]


def merkle_root(hashes: Iterable[str]) -> str:
    """The Merkle root (SHA-256, RFC 6962 style prefixes) over hex hashes; of nothing it is the hash of nothing.

    It commits to every row and its order while showing none.
    """
    level = bytearray()  # 32 bytes a row: millions of rows must not become millions of objects
    for h in hashes:
        level += hashlib.sha256(b"\x00" + bytes.fromhex(h)).digest()
    if not level:
        return hashlib.sha256(b"").hexdigest()
    while len(level) > 32:
        above = bytearray()
        for at in range(0, len(level), 64):
            pair = level[at : at + 64]
            above += hashlib.sha256(b"\x01" + pair).digest() if len(pair) == 64 else pair
        level = above
    return level.hex()


def digest_of(manifest: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a manifest without its own `digest`."""
    return hashlib.sha256(canonical_json({k: v for k, v in manifest.items() if k != "digest"})).hexdigest()


def complete(given: Mapping[str, Any], **added: Any) -> dict[str, Any]:
    """The manifest with what the vault knows, and its digest.

    Raises `ValueError` when a required key or the number of test rows is missing, or when test rows are listed one by one.
    """
    missing = [k for k in REQUIRED if k not in given]
    if missing:
        raise ValueError(f"the manifest lacks {', '.join(missing)}")
    test = given["parts"].get("test", {})
    if not isinstance(test.get("rows"), int):
        raise ValueError("the manifest lacks parts.test.rows")
    if any(isinstance(v, list | tuple) and len(v) >= test["rows"] > 8 for v in test.values()):
        raise ValueError("the manifest must not list the test rows; give their Merkle root")
    full = {"schema": SCHEMA, **given, **added}
    return {**full, "digest": digest_of(full)}
