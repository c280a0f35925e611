"""The augmentation of the train phase looked at on request, before anything is trained (R11)."""

from typing import Any

from phasewise.records.errors import GateError, UsageError
from phasewise.workflow.phases.train import PREVIEW


def job(session: Any) -> Any:
    """The preview of the policy in force. Raises `GateError` before the split, `UsageError` where nothing is augmented."""
    view = session.view
    if view.kind != "images":
        raise UsageError("there is nothing to preview", "Rows of a table are not augmented.", "Augmentation belongs to pictures.")
    if view.current("split") is None:
        raise GateError("there are no training pictures yet", "The data are not split.", "Run `phasewise run --through data` first.")
    made = PREVIEW.build(view)
    return made.model_copy(update={"inputs": view.inputs(PREVIEW.slot)})
