"""Checksummed lines: `JSON TAB crc32 NL`; what a scan of a file of them finds, torn tail and damage included (rule 2).

The CRC finds bit rot and half-written lines; order is by `seq`, never by clock.
"""

import json
import re
import zlib
from dataclasses import dataclass
from typing import Any

_CRC = re.compile(rb"[0-9a-f]{8}\Z")
_NEXT = re.compile(rb"\n|\t[0-9a-f]{8}[^\n](?=\{)")
"""Where a line may begin after a bad one: behind an NL, or behind a checksum whose NL was damaged."""


def encode(value: dict[str, Any]) -> bytes:
    """One line without its NL; JSON never holds a raw TAB or NL, so both are safe separators."""
    payload = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return payload + b"\t%08x" % zlib.crc32(payload)


def payload_of(line: bytes) -> bytes | None:
    """The JSON bytes of a line without NL, or None when the checksum does not fit."""
    payload, tab, crc = line.rpartition(b"\t")
    if not tab or not _CRC.match(crc) or int(crc, 16) != zlib.crc32(payload):
        return None
    return payload


def decode(line: bytes) -> dict[str, Any] | None:
    """The object of a line, or None when it is torn, damaged or no object."""
    payload = payload_of(line)
    if payload is None:
        return None
    try:
        value = json.loads(payload.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a file of lines holds: the valid run from the start, and what follows it."""

    lines: list[tuple[bytes, dict[str, Any]]]
    """JSON bytes and object of every valid line before the first bad one."""
    length: int
    """Bytes of the valid run."""
    tail: bytes
    """Everything after it; empty for a clean file."""
    later: list[dict[str, Any]]
    """Valid lines found after the first bad one: the sign of damage in the middle."""


def scan(data: bytes) -> Scan:
    """Reads lines from the start until the first bad one, then looks whether valid lines follow."""
    lines: list[tuple[bytes, dict[str, Any]]] = []
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        value = decode(data[at:end])
        if value is None:
            break
        payload = payload_of(data[at:end])
        assert payload is not None
        lines.append((payload, value))
        at = end + 1
    tail = data[at:]
    starts = {m.end() for m in _NEXT.finditer(tail)}
    later = [value for start in sorted(starts) if (value := decode(tail[start:].split(b"\n", 1)[0])) is not None]
    return Scan(lines=lines, length=at, tail=tail, later=later)
