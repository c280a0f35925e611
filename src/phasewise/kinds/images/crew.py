"""Decoding pictures into a store, by threads of this process or, where much is left, by processes of their own.

Threads share one interpreter, which holds more than half of the time a small picture takes. A process for each core has its own, and
a file that brings the decoder down takes only that process along: the file is named, the others are read (D02).
"""

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from typing import TextIO

from phasewise.kinds.images import decoding
from phasewise.kinds.images.decoding import Order, Rows, Told, fill, line
from phasewise.kinds.images.facts import Facts
from phasewise.kinds.shared import allocator

APART = 0.4
"""Seconds of work from which on processes are started: all together cost an eighth of a second of one core."""
MOST = 16


class Crew:
    """Fills the rows of one order from as many threads as call it; `total` rows are to come. A context manager."""

    def __init__(self, order: Order, total: int, workers: int, *, apart: float = APART) -> None:
        self._order, self._left, self._workers, self._apart = order, total, min(workers, MOST), apart
        self._store = os.open(order.place, os.O_RDWR)
        self._idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        self._children: list[_Child] = []
        self._tried, self._spent = 0, 0.0
        allocator.keep_freed()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            child.close()
        for child in self._children:
            child.wait()
        os.close(self._store)

    def fill(self, rows: Rows) -> Told:
        """As the function `fill`, here or in a child."""
        if self._children:
            return self._away(rows)
        began = time.thread_time()  # what the work costs, however busy the machine is
        found = fill(self._order, rows, self._store)
        self._spent += time.thread_time() - began
        self._tried += len(rows)
        return found

    def grow(self) -> None:
        """Start the processes when what is left is worth it; called from one thread, between chunks."""
        if self._children or self._workers < 2 or not self._tried or (self._left - self._tried) * self._spent / self._tried / self._workers < self._apart:
            return
        with contextlib.suppress(OSError):  # no process to be had: the threads go on
            self._children = [_Child(self._order, *made) for made in _started(self._workers)]
        for child in self._children:
            threading.Thread(target=self._expect, args=(child,), daemon=True).start()

    def _expect(self, child: "_Child") -> None:
        """Has a process do work from when it can."""
        child.ready()
        self._idle.put(child)

    def _away(self, rows: Rows) -> Told:
        try:
            child = self._idle.get_nowait()
        except queue.Empty:  # as long as processes start, the threads go on
            return fill(self._order, rows, self._store)
        try:
            child.renew()
            with contextlib.suppress(OSError, ValueError):  # it died over one of these
                return child.fill(rows)
        except ChildProcessError:  # no other to be had in its place
            return fill(self._order, rows, self._store)
        finally:
            self._idle.put(child)
        if len(rows) == 1:
            return line([rows[0][0]], [Facts(error="broken: the decoder crashed on it").values])
        return "[" + ",".join(self._away([row])[1:-1] for row in rows) + "]"


def _started(count: int) -> list[tuple[subprocess.Popen[bytes], TextIO, TextIO]]:
    """The process behind some decoders, and for each where it is asked and where it answers; `OSError` where none can be started."""
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        pairs, held = [], []
        for _ in range(count):
            asked, ask = os.pipe()
            theirs.callback(os.close, asked)
            held.append(ours.enter_context(open(ask, "w")))
            answers, answer = os.pipe()
            theirs.callback(os.close, answer)
            held.append(ours.enter_context(open(answers)))
            pairs.append((asked, answer))
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", decoding.__name__, *(f"{a},{b}" for a, b in pairs)], pass_fds=[end for pair in pairs for end in pair],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        ours.pop_all()
    return [(process, ask, answers) for ask, answers in zip(held[::2], held[1::2], strict=True)]


class _Child:
    def __init__(self, order: Order, process: subprocess.Popen[bytes], ask: TextIO, answers: TextIO) -> None:
        self._order, self._processes = order, [process]
        self.pid, self._gone = 0, True
        self._take(ask, answers)

    def _take(self, ask: TextIO, answers: TextIO) -> None:
        self._ask, self._answers = ask, answers
        with contextlib.suppress(OSError):  # gone already: seen at the first question
            ask.write(json.dumps(asdict(self._order)) + "\n")

    def ready(self) -> None:
        """Waits until the process has imported what it needs, or is gone."""
        self._gone = True
        with contextlib.suppress(OSError, ValueError):
            self.pid = int(self._answers.readline())
            self._gone = False

    def renew(self) -> None:
        """Another process in place of one that is gone; `ChildProcessError` where there is none to be had."""
        if not self.ended():
            return
        self.close()
        try:
            [(process, ask, answers)] = _started(1)
        except OSError as problem:
            raise ChildProcessError("no decoder can be started") from problem
        self._processes.append(process)
        self._take(ask, answers)
        self.ready()
        if self._gone:
            raise ChildProcessError("no decoder stays")

    def ended(self) -> bool:
        """Whether the process is gone: nobody has been asked, so there is nothing to read but the end."""
        if not self._gone:
            look = select.poll()
            look.register(self._answers, select.POLLIN)
            self._gone = bool(look.poll(0))
        return self._gone

    def fill(self, rows: Rows) -> Told:
        """Raises `OSError` or `ValueError` when the process is gone."""
        try:
            self._ask.write(json.dumps(rows) + "\n")
            self._ask.flush()
            answer = self._answers.readline()
            if not answer.endswith("\n"):
                raise ValueError("the decoder is gone")
        except (OSError, ValueError):
            self._gone = True
            raise
        return answer[:-1]

    def close(self) -> None:
        """Lets the process end."""
        for stream in (self._ask, self._answers):
            with contextlib.suppress(OSError):
                stream.close()

    def wait(self) -> None:
        """Until its processes have ended."""
        for process in self._processes:
            process.wait()
