"""Evidence: results of jobs with the fingerprints of what they were computed from; a fold over the journal."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from phasewise.records.base import OpenRecord, fingerprint
from phasewise.records.results import RESULTS


def slot_of(job: Any) -> str:
    """The place a job's evidence goes to: its kind, or `field:<name>`, `inspect:<model>` where there can be many."""
    if job.kind in ("field", "feed"):
        return f"{job.kind}:{job.name}"
    if job.kind == "inspect":
        return f"inspect:{job.model}"
    if job.kind == "fit" and job.role == "control":
        return "scratch"
    return job.kind


def key_of(slot: str, inputs: dict[str, str]) -> str:
    """The identity of evidence: same slot and same inputs, same evidence (as a build system names an artefact)."""
    return fingerprint([slot, inputs])


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One result. `stale_because` is empty while everything it was computed from is unchanged."""

    job: str
    slot: str
    run: str
    phase: str
    inputs: dict[str, str]
    data: dict[str, Any]
    seq: int = 0
    t: float = 0.0
    seconds: float = 0.0
    stale_because: tuple[str, ...] = ()

    @cached_property
    def result(self) -> Any:
        """The result record (read on first use)."""
        model: type[OpenRecord] = RESULTS[self.job]
        return model.model_validate(self.data)

    @cached_property
    def key(self) -> str:
        """Fingerprint of slot and inputs."""
        return key_of(self.slot, self.inputs)

    @property
    def stale(self) -> bool:
        """Whether something upstream has changed."""
        return bool(self.stale_because)


@dataclass(kw_only=True)
class EvidenceStore:
    """All evidence of a project by slot, oldest first."""

    by_slot: dict[str, list[Evidence]] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)

    def add(self, item: Evidence) -> None:
        """Take one more result."""
        self.by_slot.setdefault(item.slot, []).append(item)
        self.runs.add(item.run)

    def latest(self, slot: str) -> Evidence | None:
        """The newest evidence of a slot, stale or not."""
        return self.by_slot[slot][-1] if self.by_slot.get(slot) else None

    def find(self, slot: str, inputs: dict[str, str]) -> Evidence | None:
        """The newest evidence of a slot computed from exactly these inputs (changing an answer back revives it)."""
        return next((e for e in reversed(self.by_slot.get(slot, [])) if e.inputs == inputs), None)

    def all(self, slots: Iterable[str] | None = None) -> list[Evidence]:
        """Evidence of the slots (all of them when None) in journal order."""
        chosen = self.by_slot if slots is None else slots
        return sorted((e for s in chosen for e in self.by_slot.get(s, [])), key=lambda e: e.seq)


def from_entry(seq: int, t: float, data: dict[str, Any]) -> Evidence:
    """Evidence from a journal entry of kind `evidence`."""
    return Evidence(
        job=data["job"], slot=data.get("slot", data["job"]), run=data.get("run", ""), phase=data.get("phase", ""),
        inputs=dict(data.get("inputs", {})), data=data.get("result") or {}, seq=seq, t=t, seconds=float(data.get("seconds") or 0.0),
    )
