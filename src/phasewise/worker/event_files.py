"""TensorBoard event files from the run's own metrics (V06), written without TensorBoard: scalars, histograms and hyper-parameters.

Format: TFRecord framing (length, masked CRC-32C of the length, data, masked CRC-32C of the data) around `Event` messages.
"""

import struct
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

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


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _int(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _summary(parts: bytes) -> bytes:
    return _bytes_field(5, parts)


def histogram_value(tag: str, values: Sequence[float], bins: int = 30) -> bytes:
    """A `Summary.Value` with a `HistogramProto`: minimum, maximum, number, sum, sum of squares, right edges and counts; finite values only."""
    kept = np.asarray(values, dtype=float)
    kept = kept[np.isfinite(kept)]
    low, high = (float(kept.min()), float(kept.max())) if len(kept) else (0.0, 0.0)
    width = (high - low) / bins or 1.0
    edges = [low + width * (i + 1) for i in range(bins - 1)] + [max(high, low + width * bins)]
    counts = np.bincount(np.searchsorted(edges[:-1], kept), minlength=bins).tolist()
    numbers = _double(1, low) + _double(2, high) + _double(3, float(len(kept))) + _double(4, float(kept.sum())) + _double(5, float(kept @ kept))
    packed = [struct.pack(f"<{bins}d", *row) for row in (edges, counts)]
    return _bytes_field(1, _bytes_field(1, tag.encode()) + _bytes_field(5, numbers + _bytes_field(6, packed[0]) + _bytes_field(7, packed[1])))


def _plugin_value(tag: str, content: bytes) -> bytes:
    """A value that only carries metadata of the hparams plugin."""
    metadata = _bytes_field(1, _bytes_field(1, b"hparams") + _bytes_field(2, content))
    return _bytes_field(1, _bytes_field(1, tag.encode()) + _bytes_field(9, metadata))


def _loose(value: Any) -> bytes:
    """A `google.protobuf.Value`."""
    if isinstance(value, bool):
        return _int(4, int(value))
    if isinstance(value, int | float):
        return _double(2, float(value))
    return _bytes_field(3, str(value).encode())


def hparam_values(values: Mapping[str, Any], metrics: Sequence[str], now: float) -> list[bytes]:
    """The three values of the hparams plugin: what can be set and what is measured, how this session was set, and that it ended well."""
    kinds = {k: 2 if isinstance(v, bool) else 3 if isinstance(v, int | float) else 1 for k, v in values.items()}
    infos = b"".join(_bytes_field(4, _bytes_field(1, k.encode()) + _int(4, kind)) for k, kind in kinds.items())
    measured = b"".join(_bytes_field(5, _bytes_field(1, _bytes_field(2, m.encode()))) for m in metrics)
    chosen = b"".join(_bytes_field(1, _bytes_field(1, k.encode()) + _bytes_field(2, _loose(v))) for k, v in values.items())
    return [
        _plugin_value("_hparams_/experiment", _int(1, 0) + _bytes_field(2, _double(3, now) + infos + measured)),
        _plugin_value("_hparams_/session_start_info", _int(1, 0) + _bytes_field(3, chosen + _double(5, now))),
        _plugin_value("_hparams_/session_end_info", _int(1, 0) + _bytes_field(4, _int(1, 1) + _double(2, now))),
    ]


class EventFile:
    """One event file of a run: scalars, histograms, hyper-parameters; flushed on `close` and every few hundred records."""

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

    def histogram(self, step: int, tag: str, values: Sequence[float]) -> None:
        """The distribution of some numbers at a step."""
        self._write(_event(self._clock(), max(int(step), 0), _summary(histogram_value(tag, values))))

    def hparams(self, values: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """How the run was set up (numbers, flags, text) and what it reached; metrics are scalars of step 0 as the plugin wants them."""
        now = self._clock()
        for value in hparam_values(values, list(metrics), now):
            self._write(_event(now, 0, _summary(value)))
        self.scalars(0, metrics)

    def close(self) -> None:
        """Everything on disk."""
        self._file.close()

    def _write(self, data: bytes) -> None:
        head = struct.pack("<Q", len(data))
        self._file.write(head + struct.pack("<I", masked_crc(head)) + data + struct.pack("<I", masked_crc(data)))
        self._count += 1
        if self._count % 200 == 0:
            self._file.flush()
