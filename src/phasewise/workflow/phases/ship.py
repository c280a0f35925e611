"""Phase 10: can others use it? (E08, X13)"""

from typing import Any

from phasewise.records.jobs import ExportJob
from phasewise.workflow import candidates
from phasewise.workflow.dev import data_view
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.steps import Step
from phasewise.workflow.words import GateItem


def _job(view: Any) -> ExportJob:
    model = candidates.chosen(view)
    return ExportJob(phase="ship", title="Export", data=data_view(view), model=model.ref, formats=list(view.value("ship.formats")))


EXPORT = Step(
    slot="export", phase="ship", title="Export", build=_job, evidence=("open_vault",), answers=("ship.formats",),
    extra=lambda view: {"candidate": candidates.identity(view)}, wanted=lambda view: bool(view.value("ship.formats")),
)


class Ship(Phase):
    """Export with a parity check; the report is written from the journal."""

    id = "ship"

    def steps(self) -> tuple[Step, ...]:
        """Export."""
        return (EXPORT,)

    def next_job(self, view: Any) -> Any:
        """The export of the candidate."""
        return super().next_job(view) if candidates.chosen(view) is not None else None

    def gate(self, view: Any) -> list[GateItem]:
        """Every export gives the same predictions as the model."""
        if not EXPORT.wanted(view):
            return []
        found = view.current("export")
        if found is None:
            return [GateItem(id="exported", ok=False, text="the model is exported", overridable=False)]
        bad = [f.format for f in found.files if not f.ok]
        refused = [f for f in found.files if not f.ok and f.parity is None]
        other = [f for f in bad if f not in {r.format for r in refused}]
        said = [f"not the same predictions: {', '.join(other)}"] if other else []
        said += [f"not written: {', '.join(r.format for r in refused)} ({refused[0].note})"] if refused else []
        text = "; ".join(said) or f"exported: {', '.join(f.format for f in found.files)}"
        return [GateItem(id="exported", ok=not bad, text=text, remedy="Leave the format out, or write why the difference is harmless.")]

    def summary(self, view: Any) -> str:
        """What was written."""
        found = view.latest("export")
        return ", ".join(f"{f.format} ({f.path})" for f in found.files) if found else ""
