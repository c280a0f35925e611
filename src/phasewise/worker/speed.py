"""Two models timed side by side: one row and a batch, turn about, in CPU time of one thread (X11)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from phasewise.worker.models import take

BATCH = 64
SECONDS = 6.0
"""Measuring time of one comparison, at most."""
LEAST, MOST = 9, 41
"""Rounds; of nine differences the second smallest and the second largest hold the median with 96 %."""


def side_by_side(before: Any, after: Any, table: Any, rows: np.ndarray, *, clock: Callable[[], float] = time.thread_time, seconds: float = SECONDS) -> dict[str, Any]:
    """Medians of `latency_ms` (one row) and `rows_per_second` (a batch of at most 64), each `{before, after, times, low, high}`; `batch`, `clock` say how.

    `times` is the median over rounds of the time before divided by the time after, with its 95 % interval by order statistics: what
    else the machine does meets both models of a round. Preparation of the rows is part of the time, reading of files is not.
    """
    many = take(table, np.resize(rows, BATCH) if len(rows) < BATCH else rows[:BATCH])
    one = take(table, rows[:1])
    with _one_thread():
        single = _rounds((before, after), one, clock, seconds / 3)
        batch = _rounds((before, after), many, clock, 2 * seconds / 3)
    size = len(many)
    return {
        "latency_ms": _told(single, lambda s: 1000 * s), "rows_per_second": _told(batch, lambda s: size / s), "batch": size, "rounds": [len(single), len(batch)],
        "measured": "CPU time of one thread, both models turn about",
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _rounds(models: tuple[Any, Any], rows: Any, clock: Callable[[], float], seconds: float) -> np.ndarray:
    """Times [rounds, 2]; who comes first changes from round to round."""
    for model in models:
        model.predict(rows)  # the first call pays for what later ones find
    out: list[list[float]] = []
    began = time.perf_counter()
    while len(out) < LEAST or (len(out) < MOST and time.perf_counter() - began < seconds):
        found = [0.0, 0.0]
        for k in (0, 1) if len(out) % 2 == 0 else (1, 0):
            start = clock()
            models[k].predict(rows)
            found[k] = max(clock() - start, 1e-9)
        out.append(found)
    return np.array(out)


def _told(times: np.ndarray, shown: Callable[[float], float]) -> dict[str, float]:
    ratio = np.sort(times[:, 0] / times[:, 1])
    n = len(ratio)
    k = max(int(np.floor((n - 1.96 * np.sqrt(n)) / 2)), 1)
    before, after = np.median(times, 0)
    return {"before": shown(float(before)), "after": shown(float(after)), "times": float(np.median(ratio)), "low": float(ratio[k - 1]), "high": float(ratio[n - k])}


def _word(found: dict[str, float]) -> str:
    return "faster" if found["low"] > 1 else "slower" if found["high"] < 1 else "not clearly faster"


def sentence(speed: dict[str, Any], unit: str = "row") -> str:
    """What was measured, in one line."""
    one, many = speed["latency_ms"], speed["rows_per_second"]
    alone, together = _word(one), _word(many)
    sure = alone if alone == together else f"{together} {speed['batch']} at once, {alone} one at a time"
    return (
        f"Measured {sure}: one {unit} takes {one['before']:.3g} ms before and {one['after']:.3g} ms after ({one['times']:.2f} times as fast [{one['low']:.2f}, {one['high']:.2f}]); "
        f"{speed['batch']} at once: {many['before']:,.0f} and {many['after']:,.0f} a second ({many['times']:.2f} times [{many['low']:.2f}, {many['high']:.2f}]; {speed['measured']})."
    )
