"""Events: what the engine process says, one JSON line each; unknown kinds are kept and ignored.

Every event has `v, seq, t, run, kind` first. `t` is seconds since the epoch (informational; order is by `seq`).
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

EVENT_VERSION = 1


class _Event(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, ser_json_inf_nan="constants", defer_build=True)

    v: int = EVENT_VERSION
    seq: int
    t: float
    run: str


class Hello(_Event):
    """First line of a run: versions, device, threads, what it can do."""

    kind: Literal["hello"] = "hello"
    job: str
    pid: int
    host: str
    versions: dict[str, str] = Field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1


class Started(_Event):
    """The job's real work begins (after imports and preparation)."""

    kind: Literal["started"] = "started"
    title: str = ""
    plan: dict[str, Any] = Field(default_factory=dict)
    """The execution plan chosen by the probe, where there is one."""


class Progress(_Event):
    """How far: `done` of `total` units, with an ETA range in seconds where known."""

    kind: Literal["progress"] = "progress"
    done: float
    total: float
    unit: str = "steps"
    note: str = ""
    eta_low: float | None = None
    eta_high: float | None = None


class Metrics(_Event):
    """A block of series points: `columns` names once, then one row per point (`step` is always the first column)."""

    kind: Literal["metrics"] = "metrics"
    series: str = "train"
    """Which chart family: `train` (per step), `epoch`, `finder`, `watch`, `population`."""
    columns: list[str]
    rows: list[list[float | None]]


class Epoch(_Event):
    """End of an epoch (or rung): values per member and the best so far."""

    kind: Literal["epoch"] = "epoch"
    epoch: int
    step: int
    values: dict[str, float | None] = Field(default_factory=dict)
    members: dict[str, float | None] = Field(default_factory=dict)
    """Member or trial id -> value of the objective: the live leaderboard."""
    alive: int = 1


class Checkpoint(_Event):
    """A checkpoint is durable: only now may it be trusted."""

    kind: Literal["checkpoint"] = "checkpoint"
    file: str
    step: int
    sha256: str
    best: bool = False


class FindingSeen(_Event):
    """Something noticed during the run (NaN, plateau, overfit, vanishing gradient ...)."""

    kind: Literal["finding"] = "finding"
    id: str
    severity: str
    title: str
    detail: str = ""


class Log(_Event):
    """A line for the log pane."""

    kind: Literal["log"] = "log"
    level: Literal["debug", "info", "warning", "error"] = "info"
    text: str


class Heartbeat(_Event):
    """I am alive; counter, memory in MB, paused or not."""

    kind: Literal["heartbeat"] = "heartbeat"
    count: int
    memory_mb: float = 0.0
    paused: bool = False


class Ack(_Event):
    """The answer to an inbox command."""

    kind: Literal["ack"] = "ack"
    command: str
    id: str
    accepted: bool
    note: str = ""


class Error(_Event):
    """The run failed: type, message, remedy and the file that holds the traceback."""

    kind: Literal["error"] = "error"
    type: str
    message: str
    cause: str = ""
    remedy: str = ""
    traceback_file: str = ""
    exit_code: int = 1
    resumable: bool = False
    """The same work may go on from its checkpoint once the cause is gone (no room, no memory, a fault of the program)."""


class Finished(_Event):
    """Last line of a run that ended by itself: `done`, `stopped` (by command) or `failed`."""

    kind: Literal["finished"] = "finished"
    reason: Literal["done", "stopped", "failed"] = "done"
    seconds: float = 0.0
    exit_code: int = 0


class UnknownEvent(_Event):
    """An event of a kind this version does not know."""

    kind: str


Event = Hello | Started | Progress | Metrics | Epoch | Checkpoint | FindingSeen | Log | Heartbeat | Ack | Error | Finished | UnknownEvent

_KNOWN = {
    c.model_fields["kind"].default: c
    for c in (Hello, Started, Progress, Metrics, Epoch, Checkpoint, FindingSeen, Log, Heartbeat, Ack, Error, Finished)
}


def parse_event(data: dict[str, Any]) -> Event:
    """An event from its JSON object; a kind we do not know becomes an `UnknownEvent`, never an error."""
    return _KNOWN.get(data.get("kind", ""), UnknownEvent).model_validate(data)


def events_schema() -> dict[str, Any]:
    """JSON schema of all event kinds (`phasewise schema events`)."""
    return TypeAdapter(Event).json_schema()
