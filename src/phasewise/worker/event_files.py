"""TensorBoard event files from the run's own metrics (V06), written without TensorBoard: records of scalars, nothing else.

Format: TFRecord framing (length, masked CRC-32C of the length, data, masked CRC-32C of the data) around `Event` messages.
"""

import struct
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO

_POLYNOMIAL = 0x82F63B78


@cache
def _table() -> tuple[int, ...]:
    out = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        out.append(crc)
    return tuple(out)


def masked_crc(data: bytes) -> int:
    """TensorFlow's masked CRC-32C of bytes."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes_field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _event(wall: float, step: int, rest: bytes) -> bytes:
    return b"\x09" + struct.pack("<d", wall) + b"\x10" + _varint(step) + rest


def _value(tag: str, number: float) -> bytes:
    return _bytes_field(1, _bytes_field(1, tag.encode()) + b"\x15" + struct.pack("<f", number))


class EventFile:
    """One event file of a run; scalars only, flushed on `close` and every few hundred records."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        now = clock()
        self.path = folder / f"events.out.tfevents.{int(now)}.phasewise.0"
        number = 0
        while self.path.exists():
            number += 1
            self.path = folder / f"events.out.tfevents.{int(now)}.phasewise.{number}"
        self._file: BinaryIO = self.path.open("wb")
        self._count = 0
        self._write(_event(now, 0, _bytes_field(3, b"brain.Event:2")))
        self._file.flush()

    def scalars(self, step: int, values: Mapping[str, float | None]) -> None:
        """Numbers of one step by tag; None is left out."""
        parts = b"".join(_value(tag, float(v)) for tag, v in values.items() if v is not None)
        if parts:
            self._write(_event(self._clock(), max(int(step), 0), _bytes_field(5, parts)))

    def close(self) -> None:
        """Everything on disk."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        head = struct.pack("<Q", len(data))
        self._file.write(head + struct.pack("<I", masked_crc(head)) + data + struct.pack("<I", masked_crc(data)))
        self._count += 1
        if self._count % 200 == 0:
            self._file.flush()
