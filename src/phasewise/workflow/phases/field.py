"""Phase 9: does it hold in the real world? (E05-E07, L07)"""

from pathlib import PurePath
from typing import Any

from phasewise.records.base import fingerprint
from phasewise.records.jobs import FieldJob
from phasewise.workflow import candidates
from phasewise.workflow.dev import data_view
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.words import GateItem


def names(view: Any) -> dict[str, str]:
    """Name of each set of new rows -> its file."""
    files = list(view.value("field.files") or [])
    given = view.value("field.name")
    out: dict[str, str] = {}
    for file in files:
        stem = given if given and len(files) == 1 else PurePath(file).stem
        name, n = stem, 2
        while name in out:
            name, n = f"{stem}-{n}", n + 1
        out[name] = file
    return out


def inputs(view: Any, file: str) -> dict[str, str]:
    """What a field result depends on: the frozen candidate and the file."""
    return {"candidate": candidates.identity(view), "file:field.files": view.files.identity(file), "evidence:open_vault": view.key("open_vault"), "goals.target": fingerprint(view.value("goals.target"))}


def job_of(view: Any, name: str) -> FieldJob | None:
    """The job for one set of new rows, or None where its result is current or there is no model."""
    model, file = candidates.chosen(view), names(view)[name]
    wanted = inputs(view, file) if model is not None else {}
    if model is None or view.facts.evidence.find(f"field:{name}", wanted) is not None:
        return None
    return FieldJob(phase="field", title=f"Field data: {name}", data=data_view(view), model=model.ref, file=str(view.files.path(file)), name=name, target=view.value("goals.target"), inputs=wanted)


class Field(Phase):
    """New rows through the frozen model: contract, drift, score."""

    id = "field"

    def next_job(self, view: Any) -> Any:
        """The first file without a current result."""
        return next((j for name in names(view) if (j := job_of(view, name)) is not None), None)

    def results(self, view: Any) -> list[Any]:
        """Current results, file by file."""
        found = (view.facts.evidence.find(f"field:{n}", inputs(view, f)) for n, f in names(view).items())
        return [e.result for e in found if e is not None]

    def gate(self, view: Any) -> list[GateItem]:
        """Every named file has been through the model."""
        wanted, have = names(view), self.results(view)
        if not wanted:
            return [GateItem(id="field-data", ok=False, text="new rows from the real world", remedy="Name a file of new rows, or skip with a reason.")]
        items = [GateItem(id="field-data", ok=len(have) == len(wanted), text=f"{len(have)} of {len(wanted)} files judged", overridable=False)]
        for result in have:
            if result.loop not in ("", "none"):
                items.append(GateItem(id=f"loop:{result.name}", ok=False, text=f"{result.name}: {result.loop_reason}", remedy="Take the loop it names, or write why you go on."))
        return items

    def stale(self, view: Any) -> list[str]:
        """Field results of another candidate or another file."""
        for name, file in names(view).items():
            old = view.facts.evidence.latest(f"field:{name}")
            if old is not None and view.facts.evidence.find(f"field:{name}", inputs(view, file)) is None:
                changed = sorted(k for k, v in inputs(view, file).items() if old.inputs.get(k) != v)
                return [f"{name}: {', '.join(c.partition(':')[2] or c for c in changed)} changed"]
        return []

    def started(self, view: Any) -> bool:
        """Whether any new rows were ever judged."""
        return any(slot.startswith("field:") for slot in view.facts.evidence.by_slot)

    def summary(self, view: Any) -> str:
        """Score and drift of each file."""
        parts = []
        for result in self.results(view):
            drifted = sum(1 for d in result.drift if d.drifted)
            score = f" {result.score.value:.4g}" if result.score else ""
            parts.append(f"{result.name}{score}, {drifted} columns drifted")
        return "; ".join(parts)
