"""The idea backlog: estimates, locked predictions, outcomes; the journal is the truth, `ideas.toml` its readable copy (I01-I10)."""

import re
from typing import Any

from phasewise.records.base import fingerprint
from phasewise.records.errors import GateError, UsageError
from phasewise.records.ideas import GUESSED, Estimates, Idea, Outcome, Prediction
from phasewise.workflow import ideas_file, loop, ranking
from phasewise.workflow.calibration import Calibration, calibrate, category_rates
from phasewise.workflow.change import absolute, checked

SPREAD = 0.3
"""Likelihoods further apart than this are a disagreement worth a talk (I05)."""


class Backlog:
    """The ideas of one project, bound to its session."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._unwritten = False

    def all(self) -> list[Idea]:
        """All ideas in the order they were written down."""
        return list(self._session.facts.ideas.values())

    def get(self, idea_id: str) -> Idea:
        """One idea; a `UsageError` names the nearest id."""
        ideas = self._session.facts.ideas
        if idea_id not in ideas:
            import difflib

            near = difflib.get_close_matches(idea_id, list(ideas), n=1)
            raise UsageError(f"unknown idea {idea_id!r}", "The backlog holds no such id.", f"Did you mean {near[0]!r}?" if near else "See `phasewise ideas`.")
        return ideas[idea_id]

    def ranked(self) -> list[Idea]:
        """Open ideas and proposals from the diagnosis, in the order they would be tried."""
        state = loop.read(self._session.view)
        if state is None:
            return ranking.order([i for i in self.all() if i.status in ranking.OPEN])
        return ranking.ranked(self._session.view, state)

    def propose(self) -> list[Idea]:
        """Write the diagnosis' proposals that are not in the backlog yet into it."""
        state = loop.read(self._session.view)
        if state is None:
            return []
        known = self._session.facts.ideas
        rates = category_rates(known.values())
        fresh = [i for i in ranking.proposals(self._session.view, state.config) if i.id not in known]
        out = []
        for idea in fresh:
            if idea.category in rates:
                idea = idea.model_copy(update={"estimates": idea.estimates.model_copy(update={"likelihood": rates[idea.category]})})
            self._write(idea)
            out.append(idea)
        return out

    def add(self, title: str, *, change: dict[str, Any] | None = None, category: str = "other", source: str = "", why: str = "", estimates: Estimates | None = None) -> Idea:
        """A new idea of one's own."""
        self._session.writable()
        if not title.strip():
            raise UsageError("an idea needs a title", "It is what the list shows.", "Write what you would change.")
        state = loop.read(self._session.view) if change else None
        if state is not None and change:
            checked(state.config, change)  # what can never run is refused while its writer is here
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "idea"
        idea_id, n = base, 2
        while idea_id in self._session.facts.ideas:
            idea_id, n = f"{base}-{n}", n + 1
        idea = Idea(id=idea_id, title=title.strip(), category=category, source=source, change=change or {}, why=why, estimates=estimates or Estimates())
        self._write(self._with_status(idea))
        return idea

    def estimate(self, idea_id: str, estimates: Estimates, *, second: bool = False) -> Idea:
        """The four estimates, or a blind second set of them; complete ones make the idea ready (I03, I05)."""
        idea = self._open(idea_id)
        idea = idea.model_copy(update={"second" if second else "estimates": estimates})
        self._write(self._with_status(idea))
        return self.get(idea_id)

    def disagreement(self, idea_id: str) -> str:
        """Where two opinions are far apart, in words; empty when they agree or there is one only."""
        idea = self.get(idea_id)
        own, other = idea.estimates.likelihood, idea.second.likelihood if idea.second else None
        if own is None or other is None or abs(own - other) <= SPREAD:
            return ""
        return f"likelihood {own:.0%} against {other:.0%}: talk about it before running"

    def predict(self, idea_id: str, *, gain: float, low: float, high: float, success: float = ranking.PRIOR, why: str = "") -> Idea:
        """What the person expects; it can be changed until the idea runs, then it is locked (G07, I08)."""
        idea = self._open(idea_id)
        if idea.prediction is not None and idea.prediction.locked_at is not None:
            raise GateError(f"the prediction for {idea.title!r} is locked", "The idea has been started.", "Compare it with the outcome; predict the next one better.")
        if not low <= gain <= high:
            raise UsageError("the predicted range does not hold the predicted gain", f"{low:g} to {high:g} does not contain {gain:g}.", "Write low <= gain <= high.")
        self._write(idea.model_copy(update={"prediction": Prediction(gain=gain, low=low, high=high, success=success, why=why)}))
        return self.get(idea_id)

    def drop(self, idea_id: str, reason: str) -> None:
        """Take an idea off the list with a reason; what has run stays recorded (R22)."""
        idea = self._open(idea_id)
        self._write(idea.model_copy(update={"status": "dropped", "why": f"{idea.why} Dropped: {reason}".strip()}))

    def try_job(self, ids: list[str]) -> Any:
        """A job that tries these ideas against the incumbent, side by side over the same seeds."""
        from phasewise.records.jobs import TrySpec
        from phasewise.workflow.phases.tune import ideas_job

        state = loop.read(self._session.view)
        if state is None:
            raise GateError("ideas need something to improve on", "There is no trained network yet.", "Run `phasewise run train` first.")
        specs = []
        for idea_id in ids:
            idea = self._open(idea_id)
            if not ranking.changes(state.config, idea):
                raise UsageError(f"{idea.title!r} changes nothing", "Its config diff is empty, does not apply, or is in force already.", "Give it a change such as {\"network.dropout\" = [0.25]}.")
            specs.append(TrySpec(id=idea.id, title=idea.title, change=absolute(state.config, idea.change)))
        return ideas_job(self._session.view, state, specs)

    def calibration(self) -> Calibration:
        """How good the predictions have been."""
        return calibrate(self.all())

    def prune_job(self) -> Any:
        """A job that takes every adopted idea away again, one at a time: what no longer pays goes (I10, V10)."""
        from phasewise.workflow.inspecting import prune_round

        return prune_round(self._session)

    def from_shortcuts(self) -> None:
        """Every shortcut ticked in goals becomes an idea of low complexity (G05)."""
        for name in self._session.answers.value("goals", "shortcuts"):
            if f"shortcut-{name}" not in self._session.facts.ideas:
                title = {"less_data": "train on less data", "preprocessing": "clean the data further", "heuristic": "start from a rule of thumb", "smaller_input": "make the inputs smaller"}[name]
                self._write(Idea(id=f"shortcut-{name}", title=title, category="data", source="G05", estimates=Estimates(complexity=1), why="You said it would do part of the way."))

    def times(self) -> dict[str, float | None]:
        """Median seconds from idea to start, from start to outcome, and of the whole cycle (I09); None before there is one."""
        from statistics import median

        seen: dict[str, dict[str, float]] = {}
        for entry in self._session.project.journal.entries():
            if entry.kind == "idea":
                idea = entry.data["idea"]
                stage = "outcome" if idea.get("outcome") else "started" if idea["status"] == "running" else "written"
                seen.setdefault(idea["id"], {}).setdefault(stage, entry.t)
        waits = [s["started"] - s["written"] for s in seen.values() if {"written", "started"} <= s.keys()]
        runs = [s["outcome"] - s["started"] for s in seen.values() if {"started", "outcome"} <= s.keys()]
        whole = [s["outcome"] - s["written"] for s in seen.values() if {"written", "outcome"} <= s.keys()]
        return {name: median(v) if v else None for name, v in (("waiting", waits), ("running", runs), ("cycle", whole))}

    def prune_due(self) -> bool:
        """Whether enough was added for a round of taking things away (I10)."""
        state = loop.read(self._session.view)
        return state is not None and loop.prune_due(state)

    def export(self) -> str:
        """One page to show to others: ideas and estimates, no results in it (I05)."""
        lines = ["# Ideas", "", "| idea | category | hours | complexity 1-5 | impact | likelihood | source |", "|---|---|---|---|---|---|---|"]
        for idea in self.ranked():
            e = idea.estimates
            cells = [idea.title, idea.category, *("" if v is None else f"{v:g}" for v in (e.hours, e.complexity, e.impact, e.likelihood)), idea.source]
            lines.append("| " + " | ".join(str(c).replace("|", "/") for c in cells) + " |")
        return "\n".join(lines) + "\n"

    # around a run -------------------------------------------------------------------------------------------

    def lock_predictions(self, job: Any) -> None:
        """Ideas that a job tries get into the backlog with a locked prediction before the run starts."""
        now = self._session.clock()
        templates = {i.id: i for i in self.ranked()}
        rates = category_rates(self.all())
        for spec in job.ideas:
            idea = self._session.facts.ideas.get(spec.id) or templates.get(spec.id) or Idea(id=spec.id, title=spec.title or spec.id, category="search" if spec.id.startswith("search-") else "other", change=spec.change)
            guess = ranking.estimates(idea)
            prediction = idea.prediction or Prediction(
                gain=round((guess.impact or 0.0) * (guess.likelihood or 0.0), 5), low=-(guess.impact or 0.0), high=2 * (guess.impact or 0.0),
                success=rates.get(idea.category, guess.likelihood or ranking.PRIOR), why=GUESSED,
            )
            locked = prediction.model_copy(update={"locked_at": now, "digest": fingerprint(prediction.model_dump(exclude={"locked_at", "digest"}))})
            self._write(idea.model_copy(update={"status": "running", "prediction": locked}))

    def take_outcomes(self, job: Any, result: Any, run: str) -> None:
        """What the runs said, idea by idea; the log line is what a person would have written."""
        best = loop.winning(result)
        for found in result.ideas:
            idea = self._session.facts.ideas.get(found.id)
            if idea is None:
                continue
            adopted = best is not None and found.id == best.id
            reason = _reason(found, adopted, len(result.seeds))
            status = "worked" if adopted else "broken" if found.verdict == "broken" else "ready" if found.verdict == "better" else "no_gain"
            outcome = Outcome(gain=found.gain, low=found.low, high=found.high, seeds=len(found.values) or len(result.seeds), adopted=adopted, reason=reason, runs=[run], hours=found.hours or None)
            self._write(idea.model_copy(update={"status": status, "outcome": outcome}))
            self._session.take("note", {"phase": "tune", "text": f"{found.title or found.id}: {reason}"})

    def take_prune(self, result: Any, run: str) -> None:
        """What a prune round took away is no gain any longer, and the log says so (I10)."""
        for found in result.components:
            span = f"{found.drop:+.4g} [{found.low:+.4g}, {found.high:+.4g}]"
            gone = found.id in result.removed
            text = f"taken away again: without it the score changes by no more than noise, {span}" if gone else f"stays: it is worth {span}"
            idea = self._session.facts.ideas.get(found.id)
            if gone and idea is not None and idea.outcome is not None:
                outcome = idea.outcome.model_copy(update={"adopted": False, "reason": text, "runs": [*idea.outcome.runs, run]})
                self._write(idea.model_copy(update={"status": "no_gain", "outcome": outcome}))
            self._session.take("note", {"phase": "tune", "text": f"{found.title or found.id}: {text}"})

    def running_again(self) -> None:
        """Ideas whose run was lost or stopped are open again."""
        active = {s.id for run in self._session.follower.active() for s in getattr(run.job(), "ideas", [])}
        for idea in self.all():
            if idea.status == "running" and idea.id not in active:
                self._write(idea.model_copy(update={"status": "ready"}))

    def _open(self, idea_id: str) -> Idea:
        idea = self.get(idea_id) if idea_id in self._session.facts.ideas else next((i for i in self.ranked() if i.id == idea_id), None)
        idea = idea or self.get(idea_id)
        if idea.status == "running":
            raise GateError(f"{idea.title!r} is running", "Its estimates and prediction are locked.", "Wait for the outcome.")
        return idea

    @staticmethod
    def _with_status(idea: Idea) -> Idea:
        e = idea.estimates
        complete = None not in (e.hours, e.complexity, e.impact, e.likelihood)
        return idea.model_copy(update={"status": "ready" if complete else "new"}) if idea.status in ranking.OPEN else idea

    def _write(self, idea: Idea) -> None:
        self._session.take("idea", {"idea": idea.model_dump(mode="json")})
        self._unwritten = True

    def write_file(self) -> None:
        """Bring `ideas.toml` up to date, if an idea changed since."""
        if self._unwritten and not self._session.read_only and self._session.folder.is_dir():
            from phasewise.project import atomic

            atomic.replace(self._session.folder / ideas_file.FILE, ideas_file.render(self.all()).encode())
            self._unwritten = False

    def take_up_file(self) -> None:
        """Ideas that somebody added to `ideas.toml` by hand."""
        if self._session.read_only:
            return
        for idea in ideas_file.read(self._session.folder / ideas_file.FILE):
            if idea.id not in self._session.facts.ideas:
                self._write(self._with_status(idea.model_copy(update={"status": "new", "outcome": None})))


def _reason(found: Any, adopted: bool, first: int) -> str:
    """Why an idea was adopted or not, as a log line; `first` is the number of seeds before any second stage."""
    count = len(found.values)
    span = f"{found.gain:+.4g} [{found.low:+.4g}, {found.high:+.4g}]"
    after = f"; promising after {first} seeds, so it went on to {count}" if count > first else ""
    if adopted and found.bound is not None:
        return f"adopted, {found.gain:+.4g} over {count} seeds, with 95 % at least {found.bound:+.4g}: beyond noise{after}"
    if adopted:
        return f"adopted, {span} over {count} seeds is beyond noise{after}"
    if found.verdict == "better":
        return f"better by {span}, but another idea of the round gained more; it is tried again on top of that one{after}"
    if found.verdict == "worse":
        return f"worse by {span}, not adopted{after}"
    if found.note.startswith("Not run:"):
        return found.note
    if found.verdict == "broken":
        return f"did not train: {found.note}" if found.note else "did not train"
    return f"no gain beyond noise, {span} over {count} seeds; the simpler model stays{after}"
