"""Bytes made unreadable at a glance by a SHAKE-256 key stream (checks.md 7.3).

This guards against accident and casual peeking and shows tampering. It is not cryptography: the key lies in the ledger beside it.
"""

import hashlib
import secrets
import zlib

from phasewise.records.errors import StorageError

MAGIC = b"PWVAULT1"
_BLOCK = 1 << 20


def new_key() -> tuple[str, str]:
    """A key and a nonce as hex, 32 bytes each."""
    return secrets.token_hex(32), secrets.token_hex(32)


def close_up(data: bytes, key: str, nonce: str) -> bytes:
    """Compressed, then scrambled; the same bytes, key and nonce give the same container."""
    return MAGIC + _stream(zlib.compress(data, 6), key, nonce)


def open_up(container: bytes, key: str, nonce: str) -> bytes:
    """The bytes of a container. Raises `StorageError` when it is not one or was changed."""
    if not container.startswith(MAGIC):
        raise StorageError("the sealed container cannot be read", "It does not start as one of ours.", "Bring back the vault folder from a copy.")
    try:
        return zlib.decompress(_stream(container[len(MAGIC) :], key, nonce))
    except zlib.error as error:
        raise StorageError("the sealed container is damaged", "Its bytes do not unpack.", "Bring back the vault folder from a copy.") from error


def _stream(data: bytes, key: str, nonce: str) -> bytes:
    """Exclusive or with the key stream, block by block; its own inverse."""
    seed = bytes.fromhex(key) + bytes.fromhex(nonce)
    out = []
    for number, start in enumerate(range(0, len(data), _BLOCK)):
        block = data[start : start + _BLOCK]
        stream = hashlib.shake_256(seed + number.to_bytes(8, "big")).digest(len(block))
        out.append((int.from_bytes(block, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(block), "big"))
    return b"".join(out)
