"""Answers in layers: typed, flag, file, accepted recommendation, recommendation, default; each value knows its source."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from phasewise.records.answers import ANSWERS, PhaseAnswers
from phasewise.workflow.values import coerce, default, fields
from phasewise.workflow.words import Recommendation, Source

_RANK = {"typed": 3, "flag": 2, "file": 1}


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What a confirmed phase was confirmed with, and the basis its recommendations were computed from."""

    values: dict[str, Any]
    sources: dict[str, str]
    basis: str = ""
    seq: int = 0


@dataclass(kw_only=True)
class AnswerBook:
    """The answers of one project.

    `advise(phase)` computes recommendations, `basis(phase)` names the evidence they come from: an accepted
    recommendation holds as long as its basis does, then it follows the new one. A decided answer is never touched.
    """

    advise: Callable[[str], dict[str, Recommendation]]
    basis: Callable[[str], str]
    changed: Callable[[], None]
    _decided: dict[tuple[str, str], tuple[Any, Source]] = field(default_factory=dict)
    _accepted: dict[str, Accepted] = field(default_factory=dict)
    _earlier: set[tuple[str, str]] = field(default_factory=set)
    """Decisions of earlier sessions: any decision of this one replaces them."""

    def load(self, stored: dict[str, dict[str, Any]], accepted: dict[str, Accepted]) -> None:
        """Take the values of `phasewise.toml`; a value nobody confirmed as it stands there was edited by hand."""
        self._accepted = dict(accepted)
        self._decided = {}
        for phase, values in stored.items():
            known = accepted.get(phase)
            for name, raw in values.items():
                value = coerce(phase, name, raw)
                if value is None:
                    continue
                source: str = "file"
                if known and name in known.values and coerce(phase, name, known.values[name]) == value:
                    source = known.sources.get(name, "file")
                if source in _RANK:
                    self._decided[phase, name] = (value, source)  # type: ignore[assignment]
        self._earlier = set(self._decided)

    def explicit(self, phase: str, name: str) -> Any:
        """The value a person decided, or None."""
        found = self._decided.get((phase, name))
        return found[0] if found else None

    def lookup(self, phase: str, name: str) -> tuple[Any, Source]:
        """The effective value and where it comes from."""
        decided = self._decided.get((phase, name))
        if decided:
            return decided
        accepted = self._accepted.get(phase)
        held = accepted is not None and name in accepted.values and accepted.sources.get(name) == "recommended"
        if held and accepted is not None and accepted.basis == self.basis(phase):
            return coerce(phase, name, accepted.values[name]), "recommended"
        advice = self.advise(phase).get(name)
        if advice is not None:
            return advice.value, "recommended"
        if held and accepted is not None:
            return coerce(phase, name, accepted.values[name]), "recommended"
        return default(phase, name), "default"

    def value(self, phase: str, name: str) -> Any:
        """The effective value of one field."""
        return self.lookup(phase, name)[0]

    def get(self, phase: str) -> PhaseAnswers:
        """The phase's answers with effective values."""
        return ANSWERS[phase].model_construct(**{name: self.value(phase, name) for name in fields(phase)})

    def source(self, phase: str, name: str) -> Source:
        """Where the effective value of a field comes from."""
        return self.lookup(phase, name)[1]

    def recommendation(self, phase: str, name: str) -> Recommendation | None:
        """The current recommendation for a field with its reason, decided or not."""
        return self.advise(phase).get(name)

    def set(self, phase: str, name: str, value: Any, source: Source = "typed") -> None:
        """Decide one answer; a weaker source never replaces a stronger one's value of this session."""
        clean = coerce(phase, name, value)
        if clean is None:
            self.unset(phase, name)
            return
        self._decided[phase, name] = (clean, source)
        self._earlier.discard((phase, name))
        self.changed()

    def update(self, values: Iterable[tuple[str, str, Any]], source: Source) -> None:
        """Decide many answers at once (answers file, flags); all are checked before any is taken. None takes an answer back, as `set` does."""
        clean = [(phase, name, coerce(phase, name, value)) for phase, name, value in values]
        for phase, name, value in clean:
            old = None if (phase, name) in self._earlier else self._decided.get((phase, name))
            if old and _RANK[old[1]] > _RANK[source]:
                continue
            if value is None:
                self.unset(phase, name)
            else:
                self._decided[phase, name] = (value, source)
                self._earlier.discard((phase, name))
        self.changed()

    def unset(self, phase: str, name: str) -> None:
        """Take a decision back: the recommendation or the default holds again."""
        self._decided.pop((phase, name), None)
        known = self._accepted.get(phase)
        if known and name in known.values:
            rest = {k: v for k, v in known.values.items() if k != name}
            self._accepted[phase] = Accepted(values=rest, sources=known.sources, basis=known.basis, seq=known.seq)
        self.changed()

    def accept(self, phase: str, seq: int) -> Accepted:
        """Freeze the effective values of a phase as accepted (the session journals them)."""
        pairs = {name: self.lookup(phase, name) for name in fields(phase)}
        taken = Accepted(
            values={k: v for k, (v, _) in pairs.items()},
            sources={k: s for k, (_, s) in pairs.items()},
            basis=self.basis(phase), seq=seq,
        )
        self._accepted[phase] = taken
        self.changed()
        return taken

    def accepted(self, phase: str) -> Accepted | None:
        """What the phase was last confirmed with, or None."""
        return self._accepted.get(phase)

    def document(self) -> dict[str, dict[str, Any]]:
        """What `phasewise.toml` holds: effective values of confirmed phases, decided values of the others."""
        out: dict[str, dict[str, Any]] = {}
        for phase in ANSWERS:
            known = self._accepted.get(phase)
            part: dict[str, Any] = {}
            for name in fields(phase):
                decided = self._decided.get((phase, name))
                value = decided[0] if decided else known.values.get(name) if known else None
                if value is None or (value in ({}, []) and not default(phase, name)):
                    continue
                part[name] = value
            if part:
                out[phase] = part
        return out
