"""The journal folded into what a report tells: last answers, evidence with staleness, looks, overrides, ideas."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from phasewise.records.base import OpenRecord
from phasewise.records.ideas import Idea
from phasewise.records.results import RESULTS


class EntryLike(Protocol):
    """What is needed of a journal entry."""

    seq: int
    t: float
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One finished job: the stored result and where it came from."""

    seq: int
    t: float
    job: str
    run: str
    phase: str
    title: str
    result: OpenRecord | None
    inputs: Mapping[str, str]
    seconds: float | None
    environment: Mapping[str, Any]
    unreadable: str = ""
    stale: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything the journal says, in order."""

    name: str
    started: float | None
    ended: float | None
    answers: Mapping[str, Mapping[str, Any]]
    sources: Mapping[str, Mapping[str, str]]
    evidence: tuple[Evidence, ...]
    looks: tuple[Mapping[str, Any], ...]
    overrides: tuple[Mapping[str, Any], ...]
    reopened: tuple[Mapping[str, Any], ...]
    skipped: Mapping[str, str]
    remedies: Mapping[str, str]
    labels: Mapping[int, str]
    """Row of the file -> the last decision about its label (D18)."""
    ideas: tuple[Idea, ...]
    notes: tuple[Mapping[str, Any], ...]
    entries: int

    def all(self, job: str) -> list[Evidence]:
        """Readable evidence of a job kind, oldest first."""
        return [e for e in self.evidence if e.job == job and e.result is not None]

    def last(self, job: str) -> Evidence | None:
        """The newest readable evidence of a job kind."""
        found = self.all(job)
        return found[-1] if found else None

    def answer(self, phase: str, field: str, default: Any = None) -> Any:
        """The last confirmed answer."""
        value = self.answers.get(phase, {}).get(field)
        return default if value is None else value

    @property
    def metric(self) -> str:
        """The goal's metric id, as confirmed or as the baselines used it."""
        named = self.answer("goals", "metric")
        if named:
            return str(named)
        for e in self.evidence:
            models = getattr(e.result, "models", None)
            if models:
                return str(models[0].validation.metric)
        return ""


def _result(job: str, data: Any) -> tuple[OpenRecord | None, str]:
    record = RESULTS.get(job)
    if record is None:
        return None, f"results of kind {job!r} are not known to this version"
    try:
        return record.model_validate(data), ""
    except ValidationError as err:
        return None, f"the stored result does not fit this version ({err.error_count()} fields)"


def _with_staleness(found: list[Evidence], answers: Mapping[str, Mapping[str, Any]], newest: Mapping[str, str]) -> tuple[Evidence, ...]:
    from dataclasses import replace

    return tuple(
        replace(e, stale=tuple(sorted(k for k, v in e.inputs.items() if newest.get(k, v) != v))) for e in found
    )


def fold(entries: Iterable[EntryLike], name: str = "") -> Story:
    """The story of a journal; unknown kinds are counted and ignored.

    Evidence is stale when a later entry used another fingerprint for one of its inputs.
    """
    answers: dict[str, dict[str, Any]] = {}
    sources: dict[str, dict[str, str]] = {}
    skipped: dict[str, str] = {}
    remedies: dict[str, str] = {}
    labels: dict[int, str] = {}
    ideas: dict[str, Idea] = {}
    newest: dict[str, str] = {}
    lists: dict[str, list[Mapping[str, Any]]] = {"look": [], "override": [], "reopen": [], "note": []}
    evidence: list[Evidence] = []
    started = ended = None
    count = 0
    for entry in entries:
        data = entry.data
        count += 1
        started = entry.t if started is None else started
        ended = entry.t
        if entry.kind == "created":
            name = str(data.get("name", name)) or name
        elif entry.kind == "answers":
            phase = str(data.get("phase", ""))
            answers[phase] = dict(data.get("values", {}))
            sources[phase] = dict(data.get("sources", {}))
            skipped.pop(phase, None)
        elif entry.kind == "evidence":
            job = str(data.get("job", ""))
            result, why = _result(job, data.get("result"))
            inputs = dict(data.get("inputs", {}))
            newest.update(inputs)
            evidence.append(Evidence(
                seq=entry.seq, t=entry.t, job=job, run=str(data.get("run", "")), phase=str(data.get("phase", "")),
                title=str(data.get("title", "")), result=result, inputs=inputs, seconds=data.get("seconds"),
                environment=dict(data.get("environment") or {}), unreadable=why,
            ))
        elif entry.kind == "skip":
            skipped[str(data.get("phase", ""))] = str(data.get("reason", ""))
        elif entry.kind == "remedy":
            remedies[str(data.get("finding", ""))] = str(data.get("action", ""))
        elif entry.kind == "label":
            labels[int(data.get("row", -1))] = str(data.get("decision", ""))
        elif entry.kind == "idea":
            idea = Idea.model_validate(data.get("idea", data))
            ideas[idea.id] = idea
        elif entry.kind in lists:
            lists[entry.kind].append({**data, "t": entry.t})
    return Story(
        name=name, started=started, ended=ended, answers=answers, sources=sources,
        evidence=_with_staleness(evidence, answers, newest), looks=tuple(lists["look"]),
        overrides=tuple(lists["override"]), reopened=tuple(lists["reopen"]), skipped=skipped, remedies=remedies, labels=labels,
        ideas=tuple(ideas.values()), notes=tuple(lists["note"]), entries=count,
    )
