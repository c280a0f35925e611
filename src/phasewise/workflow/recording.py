"""What happens around a run: fingerprints before it, evidence, looks and the backlog after it."""

from typing import Any

from phasewise.records.base import fingerprint
from phasewise.records.results import RESULTS
from phasewise.workflow.evidence import Evidence, slot_of
from phasewise.workflow.phases import STEPS

__all__ = ["before", "record", "slot_of"]


def before(session: Any, job: Any) -> None:
    """Write down what has to be known before the run starts: predictions of the ideas it tries (G07, I08)."""
    if job.kind == "try_ideas":
        session.ideas.lock_predictions(job)


def record(session: Any, run: Any) -> Evidence | None:
    """Journal a finished run's result as evidence (and a look as a look)."""
    data = run.result()
    if data is None:
        return None
    job = run.job()
    result = RESULTS[job.kind].model_validate(data)
    step = STEPS.get(job.kind)
    inputs = dict(job.inputs)
    if step is not None and step.settle is not None:
        inputs |= {name: fingerprint(value) for name, value in step.settle(job, result).items()}
    seconds, environment = told(run)
    session.take("evidence", {
        "job": job.kind, "slot": slot_of(job), "run": run.id, "phase": job.phase, "title": job.title, "inputs": inputs,
        "result": data, "seconds": seconds, "environment": environment,
    })
    if job.kind == "open_vault":
        session.take("look", {"run": run.id, "looks": result.looks, "generation": result.generation, "reason": job.reason, "manifest": result.manifest})
    if job.kind == "try_ideas":
        session.ideas.take_outcomes(job, result, run.id)
    return session.facts.evidence.latest(slot_of(job))


def told(run: Any) -> tuple[float, dict[str, Any]]:
    """Seconds and environment as the run's own events say."""
    seconds, environment, offset = 0.0, {}, 0
    while True:
        events, new = run.tail(offset)
        for event in events:
            if event.kind == "hello":
                environment = {"versions": dict(event.versions), "device": event.device, "threads": event.threads}
            elif event.kind == "finished":
                seconds = event.seconds
        if new == offset:
            return seconds, environment
        offset = new
