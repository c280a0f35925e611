"""What pages ask of the session, in one place; no Textual here, so it is tested without a screen."""

from dataclasses import dataclass
from typing import Any, Literal

from phasewise.records.phases import PHASES, TITLES
from phasewise.tui.live.board import Board
from phasewise.tui.live.run import LiveRun

Act = Literal["fix", "run", "seal", "open", "gate", "next", "watch", "goto", "start", "none"]
CEREMONY: dict[str, Act] = {"split": "seal", "open_vault": "open"}
VERBS = {
    "profile": "Read the file", "split": "Split and seal", "checks": "Check the data", "baselines": "Run baselines", "checkup": "Run the check-up",
    "find_lr": "Find the learning rate", "fit": "Train", "ladder": "Climb the ladder", "try_ideas": "Try the ideas", "search": "Search",
    "ablate": "Ablate", "inspect": "Inspect", "combine": "Combine", "prune": "Prune", "open_vault": "Open the vault", "field": "Judge new data",
    "predict": "Predict", "export": "Export", "renew": "Make new sets",
}


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The one thing to do next on a page: words, what it does, and what for."""

    label: str
    act: Act
    job: Any = None
    field: str = ""
    message: str = ""
    phase: str = ""


class Desk:
    """The session as the app sees it, and the runs it follows. `version` grows when pages must look again."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.board = Board()
        self.version = 0
        self.pinned: LiveRun | None = None
        self._state: Any = None
        self._evidence: dict[str, Any] = {}
        self._seq = session.facts.last_seq
        self._ending = False

    @property
    def busy(self) -> bool:
        """Whether a run goes on, or ended and is not recorded yet."""
        return self.running() is not None or bool(self.session.follower.active())

    @property
    def read_only(self) -> bool:
        """Whether somebody else holds the project."""
        return bool(self.session.read_only)

    def touch(self) -> None:
        """Something changed: forget what was derived."""
        self.version += 1
        self._state = None
        self._evidence.clear()

    def state(self) -> Any:
        """Phases as derived (cached until the next change)."""
        if self._state is None:
            self._state = self.session.state()
        return self._state

    def phase(self, phase: str) -> Any:
        """One phase as derived."""
        return next(p for p in self.state().phases if p.id == phase)

    def evidence(self, slot: str) -> Any:
        """Evidence of a slot (`.result`, `.stale_because`, `.run`), or None."""
        if slot not in self._evidence:
            self._evidence[slot] = self.session.evidence(slot)
        return self._evidence[slot]

    def result(self, slot: str) -> Any:
        """The result of a slot, stale or not, or None."""
        found = self.evidence(slot)
        return found.result if found is not None else None

    def slots(self, kind: str) -> list[str]:
        """Slots of a kind that can be there more than once (`field:...`, `inspect:...`), newest last."""
        return [s for s in self.session.slots() if s == kind or s.startswith(kind + ":")]

    def report(self) -> str:
        """The report in Markdown as it would be written now; an empty text when there is nothing to report."""
        from phasewise.records.errors import PhasewiseError

        project = getattr(self.session, "project", None)
        if project is None:
            return ""
        from phasewise.report.build import build

        try:
            return str(build(project).markdown())
        except PhasewiseError as error:
            return "\n".join(error.lines())

    def answer(self, key: str) -> Any:
        """The effective value of `phase.field`."""
        phase, field = key.split(".")
        return getattr(self.session.answers.get(phase), field)

    @property
    def metric(self) -> str:
        """The goal's metric id, or an empty text."""
        return self.answer("goals.metric") or ""

    @property
    def maximize(self) -> bool:
        """Whether more is better for the goal's metric."""
        from phasewise.records.metrics import METRICS

        found = METRICS.get(self.metric)
        return found.maximize if found else True

    def metric_title(self) -> str:
        """The metric as people say it."""
        from phasewise.records.metrics import METRICS

        found = METRICS.get(self.metric)
        return found.title if found else "score"

    # what to do next ----------------------------------------------------------------------------------------

    def running(self, phase: str | None = None) -> LiveRun | None:
        """The run that goes on (in a phase), or None."""
        return next((r for r in self.board.live() if phase is None or r.phase == phase), None)

    def primary(self, phase: str) -> Primary:
        """The primary action of a page."""
        view = self.phase(phase)
        run = self.running(phase)
        if run is not None:
            return Primary(label="Watch the run", act="watch")
        if self.read_only:
            return Primary(label="Read only", act="none", message=getattr(self.session, "read_only_why", ""))
        if view.state == "locked":
            here = self.state().phase
            return Primary(label=f"Go to {TITLES[here]}", act="goto", phase=here, message=getattr(view, "why_locked", ""))
        job = self.session.next_job(phase)
        problems = self.session.answers.problems(phase)
        unread = job is not None and job.kind == "profile" and not any(p.field == "file" for p in problems)
        if problems and not unread:  # reading the file comes before answers that are recommended from it
            first = problems[0]
            return Primary(label="Answer what is missing" if len(problems) == 1 else f"Answer {len(problems)} questions", act="fix", field=first.field, message=" ".join(p for p in (first.message, first.remedy) if p))
        other = self.running()
        if other is not None and job is not None:
            return Primary(label="Watch the run", act="watch", phase=other.phase)
        if job is not None and self.busy:
            return Primary(label="Finishing", act="none", message="The run is being recorded.")
        if job is not None:
            label = VERBS.get(job.kind, job.title or job.kind)
            if self.session.resumable(job) is not None:
                label = f"Resume: {label[0].lower()}{label[1:]}"
            return Primary(label=label, act=CEREMONY.get(job.kind, "run"), job=job)
        gate = [g for g in self.session.gate(phase) if not g.ok]
        if gate and view.state not in ("done", "skipped"):
            return Primary(label="What is missing?", act="gate", message=gate[0].text)
        following = self.following(phase)
        if not following:
            return Primary(label="All done", act="none")
        return Primary(label=f"Next: {TITLES[following]}", act="next", phase=following)

    def following(self, phase: str) -> str:
        """The next phase that is not left out, or an empty text."""
        states = {p.id: p.state for p in self.state().phases}
        return next((p for p in PHASES[PHASES.index(phase) + 1 :] if states.get(p) != "skipped"), "")

    def start(self, job: Any) -> LiveRun:
        """Start a job and follow it."""
        folder = self.session.start(job)
        run = self.board.run(folder.id)
        run.job, run.phase, run.title, run.state = job.kind, job.phase, job.title or VERBS.get(job.kind, job.kind), "queued"
        self.board.current = run.id
        self.touch()
        return run

    def folder(self, run_id: str) -> Any:
        """The run folder of a run, or None."""
        return next((r for r in self.session.runs() if r.id == run_id), None)

    def post(self, run_id: str, command: str, **args: Any) -> bool:
        """Send a command to a run; whether there was one to send it to."""
        folder = None if self.read_only else self.folder(run_id)
        if folder is None:
            return False
        folder.post(command, **args)
        return True

    def attach(self) -> list[LiveRun]:
        """Follow runs that go on or are lost, with their history; returns them."""
        out = []
        for folder in self.session.runs():
            state = folder.state()
            if state in ("running", "paused", "queued", "lost"):
                job = folder.job()
                run = self.board.run(folder.id)
                if state == "lost":  # the others are followed by the session from their first event
                    self.board.attach(folder)
                run.job, run.phase, run.title, run.state = job.kind, job.phase, job.title or VERBS.get(job.kind, job.kind), state
                out.append(run)
        if out:
            self.board.current = out[-1].id
        return out

    def replay(self, run_id: str) -> LiveRun | None:
        """Show a finished run's history (the picture stays after the end)."""
        if run_id in self.board.runs:
            return self.board.runs[run_id]
        folder = self.folder(run_id)
        if folder is None:
            return None
        job = folder.job()
        run = self.board.attach(folder, job=job.kind, phase=job.phase, title=job.title or job.kind)
        run.state = folder.state()
        return run

    def resume(self, run_id: str) -> LiveRun | None:
        """Start the process of a lost or stopped run again; it goes on from its last checkpoint."""
        self.session.resume(run_id)
        run = self.board.runs.get(run_id)
        if run is not None:
            run.state = "running"
        self.board.current = run_id
        self.touch()
        return run

    def poll(self) -> set[str]:
        """One tick: new events, pieces of replays, what another window did; returns the runs that changed."""
        if self.read_only and self.session.catch_up():
            self.attach()
            self.touch()
        events = self.session.poll()
        touched = self.board.feed(events)
        touched |= self.board.step()
        ended = any(e.kind in ("finished", "error") for e in events)
        self._ending = self._ending or ended
        recorded = self.session.facts.last_seq != self._seq
        settled = self._ending and not self.session.follower.active()
        if recorded or ended or settled or any(e.kind == "hello" for e in events):
            self._seq = self.session.facts.last_seq
            self._ending = self._ending and not settled
            self.touch()
        return touched

    def take_advised(self) -> int:
        """Answer every open blocking or warning finding with its recommended remedy; returns how many."""
        taken = 0
        answers = self.answer("data.remedies") or {}
        for slot in ("checks", "split"):
            result = self.result(slot)
            for f in result.findings if result is not None else []:
                advised = f.recommended()
                if f.severity in ("block", "warn") and f.id not in answers and advised is not None:
                    self.session.remedy(f.id, advised.action)
                    taken += 1
        if taken:
            self.touch()
        return taken

    def check_lost(self) -> list[LiveRun]:
        """Runs that look alive here but whose process is gone; they are marked lost."""
        out = []
        for run in self.board.live():
            folder = self.folder(run.id)
            state = folder.state() if folder is not None else "lost"
            if state in ("lost", "failed", "stopped", "finished") and state != run.state and not self.board.replaying:
                run.state = state
                self.touch()
                if state == "lost":
                    out.append(run)
        return out
