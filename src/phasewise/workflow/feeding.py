"""The model in service and what is fed to it: versions, feeds, putting an earlier version back (X14). The journal is the log."""

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from phasewise.records.base import fingerprint
from phasewise.records.errors import GateError, UsageError
from phasewise.records.jobs import FeedJob
from phasewise.workflow import candidates
from phasewise.workflow.dev import data_view


@dataclass(frozen=True, kw_only=True)
class Version:
    """One model in service: number, reference, how it came there and why."""

    number: int
    model: str
    why: str
    reason: str
    name: str = ""


def versions(view: Any) -> list[Version]:
    """Every version in order; the first is the candidate that was verified (or is the best so far)."""
    first = view.facts.versions[0]["before"] if view.facts.versions else getattr(candidates.chosen(view), "ref", "")
    out = [Version(number=1, model=first, why="candidate", reason="the model the project ended with")] if first else []
    return out + [Version(number=i, model=v["model"], why=v["why"], reason=v["reason"], name=v.get("name", "")) for i, v in enumerate(view.facts.versions, 2)]


def deployed(view: Any) -> str:
    """The reference of the model in service, or an empty text before there is one."""
    return view.facts.versions[-1]["model"] if view.facts.versions else getattr(candidates.chosen(view), "ref", "")


def feeds(view: Any) -> list[Any]:
    """Evidence of every feed, oldest first."""
    return sorted((e for slot, items in view.facts.evidence.by_slot.items() if slot.startswith("feed:") for e in items), key=lambda e: e.seq)


SEEDS = 3
"""Candidates of a feed: a single seed may be lucky."""


def job(session: Any, file: str, *, name: str = "", model: str = "", seeds: int = SEEDS) -> FeedJob:
    """A feed of one file to the model in service. Raises `GateError` without a model, `UsageError` for pictures and for a file that was fed before."""
    view = session.view
    if view.kind != "tabular":
        raise UsageError("only tables can be fed", f"This project holds {view.kind}: a feed appends rows to a table.", "Put the new pictures beside the old ones and make new sets: phasewise run --reopen data=REASON; `phasewise check FOLDER` judges them without training.")
    incumbent = model or deployed(view)
    if not incumbent:
        raise GateError("there is no model to feed", "No phase has trained one.", "Run `phasewise run --through verify` first.")
    if not Path(file).is_file():
        raise UsageError(f"there is no {file}", "The file does not exist.", "Name a file of new labelled rows.")
    identity = view.files.identity(file)
    done = [e for e in feeds(view) if e.inputs.get("file:feed") == identity and e.inputs.get("model") == incumbent]
    if done:
        raise UsageError("this file was fed to this model before", done[-1].result.reason, "Feed rows that are new.")
    taken = {e.slot.partition(":")[2] for e in feeds(view)}
    base = name or PurePath(file).stem
    named, n = base, 2
    while named in taken:
        named, n = f"{base}-{n}", n + 1
    earlier = pool(session, incumbent)
    return FeedJob(
        phase="field", title=f"Feed {named}", data=data_view(view), model=incumbent, file=str(view.files.path(file)), name=named, earlier=earlier, seeds=seeds,
        seed=view.value("train.seed") or 0, device=view.value("train.device"), inputs={"model": incumbent, "file:feed": identity, "earlier": fingerprint(earlier)},
    )


def pool(session: Any, incumbent: str) -> list[str]:
    """Files whose rows the incumbent learned from: its own feed and those before it. Raises `UsageError` when one has changed or gone."""
    for item in reversed(feeds(session.view)):
        if item.result.model is not None and item.result.model.ref == incumbent:
            own = session.project.runs.get(item.run).job()
            files = [*own.earlier, own.file]
            for path in files:
                if not Path(path).is_file():
                    raise UsageError(f"a file that was fed before is gone: {path}", "Its rows belong to the training pool.", "Bring it back, or put an earlier version back first.")
            return files
    return []


def put_back(session: Any, reason: str) -> str:
    """The version before the present one goes into service again; returns its reference. Raises `GateError` when there is none."""
    if len(reason.strip()) < 3:
        raise UsageError("a reason is needed", "It is kept in the journal.", "Write it in a few words.")
    known = session.view.facts.versions
    if not known:
        raise GateError("there is no earlier version", "The model in service is the first.", "Feed new rows first.")
    now = known[-1]
    session.journal("version", {"model": now["before"], "before": now["model"], "run": "", "name": "", "reason": reason.strip(), "why": "put back"})
    return str(now["before"])
