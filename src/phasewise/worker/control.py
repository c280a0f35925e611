"""What the person asks of a running job: commands from the inbox and signals, as one small state that a handler polls."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from phasewise.project.writer import RunWriter

POLL_EVERY = 0.05
Stop = Literal["epoch", "now"]


class Stopped(BaseException):
    """Leaves a handler that has nothing to finish; not an `Exception`, so that no handler swallows it by accident."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The control in force at one poll, with the fields of the engine's `Control`."""

    paused: bool = False
    stop: Stop | None = None
    lr_factor: float = 1.0
    checkpoint_now: bool = False


class Control:
    """The wishes of the person; `poll` reads the inbox at most every 50 ms, so it may be called at every step."""

    def __init__(self, writer: RunWriter, *, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
        self.paused = False
        self.stop: Stop | None = None
        self.lr_factor = 1.0
        self.checkpoint_now = False
        self.base_lr: float | None = None
        """Set by a handler with one learning rate, so that `set_lr value=` has a meaning."""
        self.planned_lr: float | None = None
        """What the schedule alone says now, as far as steps were reported: a rate that was typed is the rate of the next step."""
        self._writer = writer
        self._monotonic, self._sleep = monotonic, sleep
        self._next = 0.0
        self._signalled = False

    def poll(self) -> Asked:
        """Reads waiting commands and returns what is in force; `checkpoint_now` is true once per request."""
        now = self._monotonic()
        if self._signalled or now >= self._next:
            self._next = now + POLL_EVERY
            self._take_signal()
            for command in self._writer.commands():
                self._apply(command)
        asked = Asked(paused=self.paused, stop=self.stop, lr_factor=self.lr_factor, checkpoint_now=self.checkpoint_now)
        self.checkpoint_now = False
        return asked

    def wait_while_paused(self) -> Asked:
        """Polls, and sleeps as long as the run is paused and not stopped; a checkpoint asked for meanwhile is not lost."""
        asked = self.poll()
        wanted = asked.checkpoint_now
        while asked.paused and asked.stop is None:
            self._sleep(POLL_EVERY)
            asked = self.poll()
            wanted = wanted or asked.checkpoint_now
        return Asked(paused=asked.paused, stop=asked.stop, lr_factor=asked.lr_factor, checkpoint_now=wanted)

    def check(self) -> None:
        """For handlers without anything to save half-way: waits while paused, raises `Stopped` when asked to stop."""
        if self.wait_while_paused().stop is not None:
            raise Stopped

    def signal_stop(self) -> None:
        """Called from a signal handler: only sets marks; the next poll acts."""
        self._signalled = True
        self.stop = "now"

    def _take_signal(self) -> None:
        if self._signalled:
            self._signalled = False
            self._writer.emit("log", level="warning", text="Asked to stop by a signal: saving and stopping.")

    def _apply(self, command: dict[str, Any]) -> None:
        name, args = command["command"], command["args"]
        note = ""
        accepted = True
        if name in ("pause", "resume"):
            self.paused = self._writer.paused = name == "pause"
        elif name == "stop_epoch":
            self.stop = self.stop or "epoch"
        elif name == "stop_now":
            self.stop = "now"
        elif name == "checkpoint":
            self.checkpoint_now = True
        elif "factor" in args:
            self.lr_factor = float(args["factor"])
        elif self.base_lr:
            self.lr_factor = float(args["value"]) / (self.planned_lr or self.base_lr)
        else:
            accepted, note = False, "this job has no single learning rate; send a factor"
        self.checkpoint_now = self.checkpoint_now or (accepted and name == "set_lr")  # what a person set must outlive the process
        self._writer.emit("ack", command=name, id=command["id"], accepted=accepted, note=note)
        if name in ("pause", "resume"):
            self._writer.heartbeat()
