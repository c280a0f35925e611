"""What happens around a run: fingerprints before it, evidence, looks and the backlog after it."""

from dataclasses import dataclass, field
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
    """Journal a finished run's result as evidence (and a look as a look).

    A run that was stopped at once is not evidence: it goes on from its checkpoint when the same work is asked for again.
    One that was told to stop after its epoch is: somebody found that enough.
    """
    data = run.result()
    state = run.state() if data is not None else ""
    if data is None or state in ("failed", "lost"):
        return None
    story = told(run)
    if state == "stopped" and story.stop != "stop_epoch":
        return None
    job = run.job()
    result = RESULTS[job.kind].model_validate(data)
    step = STEPS.get(job.kind)
    inputs = dict(job.inputs)
    if step is not None and step.settle is not None:
        inputs |= {name: fingerprint(value) for name, value in step.settle(job, result).items() if value is not None}
    session.take("evidence", {
        "job": job.kind, "slot": slot_of(job), "run": run.id, "phase": job.phase, "title": job.title, "inputs": inputs,
        "result": data, "seconds": story.seconds, "environment": story.environment,
    })
    if job.kind == "open_vault":
        session.take("look", {"run": run.id, "looks": result.looks, "generation": result.generation, "reason": job.reason, "manifest": result.manifest})
    if job.kind == "renew":
        from phasewise.workflow import renewing

        renewing.take(session, run.id, job, result)
    if job.kind == "try_ideas":
        session.ideas.take_outcomes(job, result, run.id)
    if job.kind == "feed" and result.promoted:
        session.take("version", {"model": result.model.ref, "before": job.model, "run": run.id, "name": job.name, "reason": result.reason, "why": "promoted"})
    if job.kind == "ablate" and job.prune:
        session.ideas.take_prune(result, run.id)
    return session.facts.evidence.latest(slot_of(job))


def look_without_result(session: Any, run: Any) -> None:
    """A run that opened the vault and then failed has looked all the same: the ledger says so, and so does the journal."""
    if not run.id.endswith("open_vault"):
        return
    from phasewise.project.vault_ledger import Ledger

    folder = session.folder / "vault"
    if not folder.is_dir() or any(look.get("run") == run.id for look in session.looks()):
        return
    ledger = Ledger(folder, writable=False)
    try:
        looks, generation = ledger.looks(), ledger.generation()
    finally:
        ledger.close()
    if looks > sum(int(look.get("generation") or 1) == generation for look in session.looks()):
        session.take("look", {"run": run.id, "looks": looks, "generation": generation, "reason": "the run ended without a result", "manifest": ""})


@dataclass(kw_only=True)
class Story:
    """What a run's own events say about it."""

    seconds: float = 0.0
    environment: dict[str, Any] = field(default_factory=dict)
    stop: str = ""
    """The stop command that was obeyed last."""


def told(run: Any) -> Story:
    """Seconds, environment and stop command from the events."""
    story, offset = Story(), 0
    while True:
        events, new = run.tail(offset)
        for event in events:
            if event.kind == "hello":
                story.environment = {"versions": dict(event.versions), "device": event.device, "threads": event.threads}
            elif event.kind == "finished":
                story.seconds = event.seconds
            elif event.kind == "ack" and event.accepted and event.command in ("stop_epoch", "stop_now"):
                story.stop = event.command
        if new == offset:
            return story
        offset = new
