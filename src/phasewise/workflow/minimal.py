"""The minimal-model ladder on request: the network of the train phase made simple, then undone step by step (B06)."""

from typing import Any

from phasewise.records.errors import GateError
from phasewise.records.jobs import MinimalJob
from phasewise.workflow import config, loop
from phasewise.workflow.dev import data_view

SLOT = "minimal"


def job(session: Any) -> MinimalJob:
    """The job for the present network: the incumbent of tune where there is one, else the one train would fit. Raises `GateError` before the split."""
    view = session.view
    if view.current("split") is None:
        raise GateError("there are no training rows yet", "The data are not split.", "Run `phasewise run --through data` first.")
    state = loop.read(view)
    network = state.config if state is not None else config.chosen(view)
    checkup = view.current("checkup")
    seed = view.value("train.seed") or 0
    subset = checkup.subset if checkup is not None else None
    return MinimalJob(
        phase="baseline", title="Minimal-model ladder", data=data_view(view), config=network, subset=subset, seeds=list(range(seed, seed + 5)), seed=seed,
        device=view.value("train.device"), inputs={"evidence:split": view.key("split"), "network": _identity(network, subset)},
    )


def _identity(network: Any, subset: int | None) -> str:
    from phasewise.records.base import fingerprint

    return fingerprint([network.model_dump(), subset])


def found(session: Any, wanted: MinimalJob) -> Any:
    """The recorded result of the same ladder, or None."""
    item = session.facts.evidence.find(SLOT, wanted.inputs)
    return item.result if item is not None else None
