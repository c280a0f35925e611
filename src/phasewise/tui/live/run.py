"""The state of one run folded from its events; what every live widget reads. No Textual here."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from phasewise.tui.live.series import Series

LOG_LINES = 5000


@dataclass(slots=True)
class Trial:
    """One member or trial of a population on the live leaderboard."""

    id: str
    value: float | None
    seen_epoch: int = 0
    alive: bool = True


@dataclass(slots=True)
class LiveRun:
    """One run as told by its events, in order of `seq`; an event seen twice changes nothing."""

    id: str
    job: str = ""
    phase: str = ""
    title: str = ""
    state: str = "queued"
    seq: int = -1
    series: dict[str, Series] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    log: deque[tuple[float, str, str]] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    findings: list[tuple[str, str, str]] = field(default_factory=list)
    """(severity, title, detail)"""
    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    note: str = ""
    eta_low: float | None = None
    eta_high: float | None = None
    epoch: int = 0
    step: int = 0
    alive: int = 0
    values: dict[str, float | None] = field(default_factory=dict)
    marks: list[tuple[int, int, float]] = field(default_factory=list)
    """(step, epoch, time) at epoch ends, thinned to 2,000: turns a step axis into epochs or seconds."""
    clock: list[tuple[float, float]] = field(default_factory=list)
    """(step, time) of the followed points, thinned to 2,000: turns a step axis into seconds before an epoch has ended, and gives the speed."""
    followed: float | None = None
    """The member whose points are drawn; others are left out until it is silent."""
    others: set[float] = field(default_factory=set)
    sweeps: list[list[tuple[float, float]]] = field(default_factory=list)
    """(learning rate, loss) of the sweeps of a finder, the one that goes on last."""
    memory_mb: float = 0.0
    paused: bool = False
    device: str = ""
    threads: int = 0
    started: float | None = None
    origin: float | None = None
    """When its first process said hello: zero of the time axis, also after a resume."""
    heard: float = 0.0
    checkpoint: str = ""
    error: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    acks: dict[str, bool] = field(default_factory=dict)
    version: int = 0
    log_count: int = 0

    def feed(self, events: Iterable[Any]) -> int:
        """Apply events of this run; returns how many were new."""
        new = 0
        for e in events:
            if e.seq <= self.seq:
                continue
            self.seq = e.seq
            self.heard = e.t
            handler = _HANDLERS.get(e.kind)
            if handler is not None:
                handler(self, e)
            new += 1
        self.version += new > 0
        return new

    def say(self, t: float, level: str, text: str) -> None:
        """A line for the log pane."""
        self.log.append((t, level, text))
        self.log_count += 1

    def line(self, name: str) -> Series:
        """The series of a name, made on first use."""
        return self.series.setdefault(name, Series(name))

    def elapsed(self, now: float) -> float:
        """Seconds since the run started; stops when it ended."""
        if self.seconds and self.state not in ("running", "paused"):
            return self.seconds
        return max(now - self.started, 0.0) if self.started else 0.0

    def speed(self) -> float | None:
        """Steps a second over the last twenty seconds of training, or None."""
        if len(self.clock) < 2:
            return None
        x1, t1 = self.clock[-1]
        x0, t0 = next((c for c in self.clock if t1 - c[1] <= 20.0), self.clock[0])
        return (x1 - x0) / (t1 - t0) if t1 > t0 and x1 > x0 else None

    def mine(self, member: float | None) -> bool:
        """Whether a block of points is of the member that is drawn; when it is silent while another reports twice, that one is."""
        if member is None or member == self.followed:
            self.others.clear()
            return True
        if self.followed is None or member in self.others:
            self.followed = member
            self.others.clear()
            return True
        self.others.add(member)
        return False

    def leaders(self, maximize: bool) -> list[Trial]:
        """Trials, best first; those without a value last."""
        def key(t: Trial) -> tuple[bool, float]:
            return (t.value is None, 0.0 if t.value is None else -t.value if maximize else t.value)
        return sorted(self.trials.values(), key=key)


def _hello(run: LiveRun, e: Any) -> None:
    run.job, run.device, run.threads = e.job, e.device, e.threads
    run.started = run.started or e.t
    run.origin = run.origin or e.t
    run.state = "running"
    run.say(e.t, "info", f"{e.job} on {e.device}, {e.threads} threads, pid {e.pid}")


def _started(run: LiveRun, e: Any) -> None:
    run.title = e.title or run.title
    run.state = "running"
    run.started = e.t
    if e.plan:
        run.say(e.t, "info", "plan: " + ", ".join(f"{k} {v}" for k, v in list(e.plan.items())[:8]))


def _progress(run: LiveRun, e: Any) -> None:
    run.done, run.total, run.unit, run.note = e.done, e.total, e.unit, e.note
    run.eta_low, run.eta_high = e.eta_low, e.eta_high


def _metrics(run: LiveRun, e: Any) -> None:
    at = e.columns.index("member") if "member" in e.columns else 0
    if at and e.rows:
        member = e.rows[-1][at]
        if not run.mine(member) if "loss" in e.columns else run.followed not in (None, member):
            return
    if e.series == "finder" and e.columns == ["step", "lr", "loss"]:
        _sweep(run, e.rows)
    lines = [run.line(f"{e.series}.{name}") if name != "member" else None for name in e.columns[1:]]
    if e.series == "train" and "loss" in e.columns and e.rows and e.rows[-1][0] is not None:
        run.clock = [c for c in run.clock if c[0] < e.rows[-1][0]] if run.clock and run.clock[-1][0] >= e.rows[-1][0] else run.clock
        run.clock.append((e.rows[-1][0], e.t))
        if len(run.clock) > 2000:
            del run.clock[1::2]
    for row in e.rows:
        x = row[0]
        if x is None:
            continue
        for line, y in zip(lines, row[1:], strict=False):
            if line is not None:
                line.add(x, y)
        run.step = int(x) if e.series == "train" and "loss" in e.columns else run.step


def _sweep(run: LiveRun, rows: list[list[float | None]]) -> None:
    """Points of a finder: a rate below the last one begins the next sweep."""
    for _, lr, loss in rows:
        if lr is None:
            continue
        if not run.sweeps or (run.sweeps[-1] and lr < run.sweeps[-1][-1][0]):
            run.sweeps.append([])
        run.sweeps[-1].append((lr, float("nan") if loss is None else loss))


def _epoch(run: LiveRun, e: Any) -> None:
    run.epoch, run.step, run.alive = e.epoch, e.step, e.alive
    run.values = dict(e.values)
    for name, value in e.values.items():
        run.line(f"epoch.{name}").add(e.step, value)
    run.marks = [m for m in run.marks if m[0] < e.step] if run.marks and run.marks[-1][0] >= e.step else run.marks
    run.marks.append((e.step, e.epoch, e.t))
    if len(run.marks) > 2000:
        del run.marks[1::2]
    everybody = e.alive >= len(e.members)
    for id_, value in e.members.items():
        trial = run.trials.get(id_)
        if trial is None:
            trial = run.trials[id_] = Trial(id_, value)
        moved = trial.value != value or trial.seen_epoch == 0
        if moved or everybody:  # members that left keep their last value in the event
            trial.value, trial.seen_epoch = value, e.epoch
        trial.alive = moved or everybody


def _checkpoint(run: LiveRun, e: Any) -> None:
    run.checkpoint = e.file
    if e.best:
        run.say(e.t, "info", f"checkpoint at step {e.step}, best so far")


def _finding(run: LiveRun, e: Any) -> None:
    run.findings.append((e.severity, e.title, e.detail))
    del run.findings[:-200]
    run.say(e.t, "warning" if e.severity in ("warn", "block") else "info", e.title)


def _log(run: LiveRun, e: Any) -> None:
    run.say(e.t, e.level, e.text)


def _heartbeat(run: LiveRun, e: Any) -> None:
    run.memory_mb, run.paused = e.memory_mb, e.paused
    run.line("watch.memory_mb").add(e.count, e.memory_mb)
    if run.state in ("running", "paused", "lost", "queued"):
        run.state = "paused" if e.paused else "running"


def _ack(run: LiveRun, e: Any) -> None:
    run.acks[e.id] = e.accepted
    run.say(e.t, "info" if e.accepted else "warning", f"{e.command}: {'accepted' if e.accepted else 'refused'} {e.note}".rstrip())
    if e.accepted and e.command in ("pause", "resume"):
        run.paused = e.command == "pause"
        run.state = "paused" if run.paused else "running"


def _error(run: LiveRun, e: Any) -> None:
    run.error = {"title": e.message or e.type, "cause": e.cause, "remedy": e.remedy, "file": e.traceback_file}
    run.say(e.t, "error", e.message or e.type)


def _finished(run: LiveRun, e: Any) -> None:
    run.reason, run.seconds = e.reason, e.seconds
    run.state = {"done": "finished", "stopped": "stopped", "failed": "failed"}.get(e.reason, "finished")
    run.say(e.t, "error" if e.reason == "failed" else "info", f"{run.state} after {e.seconds:.1f} s")


_HANDLERS = {
    "hello": _hello, "started": _started, "progress": _progress, "metrics": _metrics, "epoch": _epoch,
    "checkpoint": _checkpoint, "finding": _finding, "log": _log, "heartbeat": _heartbeat, "ack": _ack,
    "error": _error, "finished": _finished,
}
