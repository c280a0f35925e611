"""What the journal says beside evidence: confirmations, overrides, reasons, looks, remedies, ideas. A pure fold."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from phasewise.records.ideas import Idea
from phasewise.workflow.answerbook import Accepted
from phasewise.workflow.evidence import EvidenceStore, from_entry


@dataclass(kw_only=True)
class Facts:
    """The journal folded; `seq` values order what happened."""

    name: str = ""
    evidence: EvidenceStore = field(default_factory=EvidenceStore)
    accepted: dict[str, Accepted] = field(default_factory=dict)
    history: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    """Every confirmation: seq, phase, values."""
    overrides: dict[tuple[str, str], str] = field(default_factory=dict)
    reopened: dict[str, tuple[int, str]] = field(default_factory=dict)
    skipped: dict[str, tuple[int, str]] = field(default_factory=dict)
    remedies: dict[str, str] = field(default_factory=dict)
    """Finding -> the action it was answered with last."""
    looks: list[dict[str, Any]] = field(default_factory=list)
    generation: int = 1
    """Which validation and test sets are in force (7.8)."""
    ideas: dict[str, Idea] = field(default_factory=dict)
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    tags: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    """Model -> row of the development table -> tags of its error (V09a)."""
    labels: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Row of the data file (from 0) -> the last decision about its label; in the order they were made (D18)."""
    versions: list[dict[str, Any]] = field(default_factory=list)
    """Models in service, in order: promoted by a feed or put back by a person (X14)."""
    goal_overrides: int = 0
    """How often the tune loop went on after it had stopped (L08)."""
    went_on_at: int | None = None
    """Trials spent when it last went on; None where it never did."""
    last_seq: int = -1

    def take(self, seq: int, t: float, kind: str, data: dict[str, Any]) -> None:
        """Fold one entry; unknown kinds are ignored."""
        self.last_seq = seq
        phase = data.get("phase", "")
        if kind == "created":
            self.name = data.get("name", "")
        elif kind == "answers":
            taken = Accepted(values=dict(data["values"]), sources=dict(data["sources"]), basis=data.get("basis", ""), seq=seq)
            self.accepted[phase] = taken
            self.history.append((seq, phase, taken.values))
            self.skipped.pop(phase, None)
        elif kind == "evidence":
            self.evidence.add(from_entry(seq, t, data))
        elif kind == "override":
            self.overrides[phase, data["gate"]] = data["reason"]
            if data["gate"] == "budget":
                self.goal_overrides += 1
                self.went_on_at = data.get("trials")
        elif kind == "reopen":
            self.reopened[phase] = (seq, data["reason"])
            self.skipped.pop(phase, None)
        elif kind == "skip":
            self.skipped[phase] = (seq, data["reason"])
        elif kind == "remedy":
            self.remedies[data["finding"]] = data["action"]
        elif kind == "look":
            self.looks.append(data)
        elif kind == "idea":
            idea = Idea.model_validate(data["idea"])
            self.ideas[idea.id] = idea
        elif kind == "version":
            self.versions.append(data)
        elif kind == "generation":
            self.generation = int(data["generation"])
        elif kind == "label":
            self.labels.pop(int(data["row"]), None)
            if data["decision"] != "undo":
                self.labels[int(data["row"])] = data
        elif kind == "tag":
            own = self.tags.setdefault(data["model"], {}).setdefault(int(data["row"]), [])
            if data.get("on", True) and data["tag"] not in own:
                own.append(data["tag"])
            elif not data.get("on", True) and data["tag"] in own:
                own.remove(data["tag"])
        elif kind == "note":
            self.notes.append((seq, phase, data.get("text", "")))

    @property
    def looks_now(self) -> list[dict[str, Any]]:
        """Openings of the test set in force."""
        return [look for look in self.looks if int(look.get("generation") or 1) == self.generation]

    def open_again(self, phase: str) -> str:
        """The reason of a reopening that no confirmation has answered yet, or an empty text."""
        if phase not in self.reopened:
            return ""
        seq, reason = self.reopened[phase]
        known = self.accepted.get(phase)
        return reason if known is None or known.seq < seq else ""


def fold(entries: Iterable[Any]) -> Facts:
    """Facts from journal entries."""
    facts = Facts()
    for entry in entries:
        facts.take(entry.seq, entry.t, entry.kind, entry.data)
    return facts
