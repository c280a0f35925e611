"""The headless loop: next job -> start -> follow -> evidence -> gate, phase by phase; the same session the app drives."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from phasewise.records.errors import GateError, PhasewiseError, RunError, UsageError
from phasewise.records.phases import PHASES, TITLES
from phasewise.records.text import safe_text
from phasewise.workflow.remedies import recommended

OPEN = ("queued", "running", "paused")
ALIKE = 4
"""Remedies of one check that are told one by one."""


@dataclass(kw_only=True)
class Drive:
    """One headless passage through some phases.

    `yes` accepts recommended answers, remedies and the opening of the vault when `verify` is among the phases;
    `on_event` gets every engine event and the drive's own `{"kind": "phase", ...}` lines.
    """

    session: Any
    yes: bool = False
    on_event: Callable[[Any], None] = field(default=lambda _: None)
    tell: Callable[[str], None] = field(default=lambda _: None)
    sleep: Callable[[float], None] = time.sleep
    interval: float = 0.1
    patience: float = 20.0
    """Seconds an interrupted run gets to write its checkpoint."""
    run: Any = None
    """The run being followed."""
    remedies: dict[str, str] = field(default_factory=dict)
    """Finding -> action, given before the data was checked: recorded when a check finds it."""

    def through(self, phases: Sequence[str]) -> None:
        """Work the phases in order. Raises `UsageError` (missing answers), `GateError` (a shut gate), `RunError` (a failed job)."""
        told: set[str] = set()
        for _ in range(100):
            state = self.session.state()
            for phase in (p for p in PHASES if p in phases and p not in told and state[p].state in ("done", "skipped")):
                told.add(phase)
                self._say(phase, state[phase].state, state[phase].summary)
            open_ones = [p for p in PHASES if p in phases and p not in told]
            # A later phase may have moved an earlier one (new data, new recommendations): the first open one always comes next.
            back = [p for p in PHASES if p in told and state[p].state not in ("done", "skipped")]
            if not back and not open_ones:
                return
            self.phase((back or open_ones)[0])

    def phase(self, phase: str) -> None:
        """Work one phase until it is done or skipped."""
        for _ in range(1000):
            self.session.refresh()
            now = self.session.state()[phase]
            if now.state in ("done", "skipped"):
                return
            if now.state == "running":
                self._follow_phase(phase)
            elif not self._step(phase):
                now = self.session.state()[phase]
                if now.state not in ("done", "skipped"):
                    raise GateError(f"{TITLES[phase]} is not done", "; ".join(now.stale_because) or now.why_locked or "Its gate did not open.", f"Run: phasewise run {self.session.state().phase}")
        raise RunError(f"{TITLES[phase]} does not come to an end", "A thousand steps were taken.", "Report this with the project's journal.")

    def _step(self, phase: str) -> bool:
        """One job, or the answers; False when nothing more can be done."""
        session = self.session
        here = session.state().phase
        if PHASES.index(here) < PHASES.index(phase):
            raise GateError(f"{TITLES[phase]} is locked", f"{TITLES[here]} comes first: {_why(session, here)}", f"Run: phasewise run --through {phase}")
        job = session.next_job(phase)
        if job is not None:
            if job.kind != "profile":
                self._answers(phase)
            if job.kind == "open_vault" and self.yes:
                self._foretell()
            if job.kind == "open_vault" and not self.yes:
                raise UsageError("the vault stays shut", "Opening it is a decision: nobody confirmed it.", "Add --yes to open it for the frozen candidate, or use --plain or the app.")
            self.work(job)
            return True
        if self._remedies(phase):
            return True
        self._answers(phase)
        if self._skip_field(phase):
            return True
        shut = [g for g in session.gate(phase) if not g.ok]
        if shut:
            raise GateError(
                f"the gate of {TITLES[phase]} stays shut", "; ".join(g.text for g in shut),
                " ".join(g.remedy for g in shut if g.remedy) + (f" To go on all the same: --override {phase}:{shut[0].id}=REASON" if shut[0].overridable else ""),
            )
        session.confirm(phase)
        if phase == "data":
            self._unused()
        return session.state()[phase].state in ("done", "skipped")

    def _foretell(self) -> None:
        """What a look can show, said before it is taken (7.4)."""
        from phasewise.workflow import foresight

        found = foresight.read(self.session.view)
        for _, sentence in foresight.told(found) if found is not None else []:
            self.tell(f"before opening: {sentence}")

    def _answers(self, phase: str) -> None:
        """Missing or wrong answers end the passage with every flag named."""
        problems = self.session.problems(phase)
        if not problems and not self.yes and self.session.book.accepted(phase) is None:
            from phasewise.workflow.words import Problem

            open_ones = [q for q in self.session.questions(phase) if q.visible and not q.advanced and q.recommendation and q.source == "recommended"]
            problems = [Problem(phase=phase, field=q.name, message=f"nobody decided; recommended: {q.value}.", remedy=q.recommendation.reason if q.recommendation else "") for q in open_ones]
        if not problems:
            return
        named = "".join(f"\n    {p.key}: {p.message} {p.remedy}".rstrip() for p in problems)
        flags = " ".join(_flag(p.phase, p.field) for p in problems if self.session.answers.source(p.phase, p.field) not in ("typed", "flag", "file"))
        accept = " Or accept what is recommended with --yes." if not self.yes else ""
        raise UsageError(f"{TITLES[phase]} needs {len(problems)} answer(s)", named, f"Give {flags}.{accept}" if flags else "What to do stands beside each.")

    def _remedies(self, phase: str) -> bool:
        if phase != "data":
            return False
        if self._awaited():
            return True
        if not self.yes:
            return False
        found = recommended(self.session.view)
        alike: dict[tuple[str, str], list[str]] = {}
        for finding, action in found.items():
            self.session.remedy(finding, action)
            alike.setdefault((finding.partition(":")[0], action), []).append(finding)
        for (check, action), ids in alike.items():
            for finding in ids[:ALIKE]:
                self.tell(f"remedy: {finding} -> {action}" + ("; the rows wait for a person: phasewise check --labels" if action == "review-labels" else ""))
            if len(ids) > ALIKE:
                self.tell(f"remedy: {check} -> {action} for {len(ids) - ALIKE:,} more")
        return bool(found)

    def _awaited(self) -> bool:
        """Record the remedies that waited for their findings."""
        from phasewise.workflow.phases.data import findings
        from phasewise.workflow.remedies import choose

        here = {f.id for f in findings(self.session.view)} & self.remedies.keys()
        for finding in sorted(here):
            action = self.remedies.pop(finding)
            choose(self.session, finding, action)
            self.tell(f"remedy: {finding} -> {action}, as you asked")
        return bool(here)

    def _unused(self) -> None:
        """Say which remedies found nothing to repair."""
        for finding, action in self.remedies.items():
            self.tell(f"remedy not needed: no check found {finding} on this data, so {action} was not done")
        self.remedies = {}

    def _skip_field(self, phase: str) -> bool:
        if phase == "field" and self.yes and not self.session.answers.value("field", "files"):
            self.session.skip("field", "no new rows were given")
            return True
        return False

    # following ----------------------------------------------------------------------------------------------

    def work(self, job: Any) -> Any:
        """Start a job, follow it to its end and return its evidence. Raises `RunError` when it fails."""
        self._say(job.phase, "running", job.title or job.kind)
        before, notes = {r.id for r in self.session.follower.active()}, len(self.session.facts.notes)
        run = self.run = self.session.start(job)
        if run.id in before:
            self.tell(f"run {run.id} is going on already: following it")
        self._follow()
        for _, phase, text in self.session.facts.notes[notes:]:
            if phase == "tune":  # what came out of each idea, as the log has it
                self.tell(f"   {text}")
        found = next((e for e in reversed(self.session.facts.evidence.all()) if e.run == run.id), None)
        if found is not None and job.kind == "split" and (how := _parted(job)):
            self.tell(how)
        if found is not None and getattr(found.result, "warning", ""):
            self.tell(f"warning: {found.result.warning}")
        return found

    def _follow_phase(self, phase: str) -> None:
        for run in self.session.follower.active():
            if run.job().phase == phase:
                self.run = run
                self.tell(f"run {run.id} is going on already: following it")
                self._follow()

    def _follow(self) -> None:
        run, failure = self.run, None
        try:
            while True:
                for event in self.session.poll():
                    if event.run == run.id and event.kind == "error":
                        failure = event
                    self.on_event(event)
                state = run.state()
                if state not in OPEN and run not in self.session.follower.active():
                    break
                self.sleep(self.interval)
        except KeyboardInterrupt:
            self._interrupted(run)
            raise
        self.run = None
        if state == "failed":
            raise _failed(run, failure)
        if state == "lost":
            why = run.lost_because() if hasattr(run, "lost_because") else ""
            raise RunError(f"run {run.id} was lost", why, "The same command takes it up again from its last checkpoint.")
        if state == "stopped" and run.id not in self.session.facts.evidence.runs:
            raise RunError(f"run {run.id} was stopped", "Somebody stopped it before it had a result.", "The same command takes it up again.")

    def _interrupted(self, run: Any) -> None:
        """First Ctrl+C: stop with a checkpoint; a second one leaves at once and the engine finishes its checkpoint alone."""
        self.tell(f"stopping run {run.id} with a checkpoint (Ctrl+C again leaves at once)")
        try:
            run.post("stop_now")
            waited = 0.0
            while run.state() in OPEN and waited < self.patience:
                self.session.poll()
                self.sleep(self.interval)
                waited += self.interval
        except (KeyboardInterrupt, PhasewiseError):
            return

    def _say(self, phase: str, state: str, text: str) -> None:
        self.on_event({"kind": "phase", "phase": phase, "state": state, "text": text})


def run(session: Any, phases: Sequence[str], *, yes: bool = False, on_event: Callable[[Any], None] | None = None, **options: Any) -> int:
    """Work the phases headless; 0 when all are done. Errors are raised as `PhasewiseError` with their own exit codes."""
    Drive(session=session, yes=yes, on_event=on_event or (lambda _: None), **options).through(phases)
    return 0


def upto(phase: str) -> list[str]:
    """All phases up to and with one."""
    return list(PHASES[: PHASES.index(phase) + 1])


def _flag(phase: str, field_name: str) -> str:
    from phasewise.records.answers import ANSWERS, question_meta

    own = question_meta(ANSWERS[phase].model_fields[field_name]).get("flag")
    return own if own in ("--budget-trials",) else f"--set {phase}.{field_name}=..."


def _parted(job: Any) -> str:
    """How the rows were parted, where it is not at random."""
    if job.policy == "time" and job.time:
        return f"  split by time: the newest rows of {safe_text(job.time, 60)!r} validate and test"
    if job.policy == "grouped" and job.group:
        return f"  split by group: all rows of one {safe_text(job.group, 60)!r} go into the same part"
    return ""


def _why(session: Any, phase: str) -> str:
    shut = [g.text for g in session.gate(phase) if not g.ok]
    return "; ".join([p.message for p in session.problems(phase)] or shut) or "it is not confirmed."


def _failed(run: Any, event: Any) -> PhasewiseError:
    if event is None:
        return RunError(f"run {run.id} failed", "The engine said nothing about why.", f"Read {run.path}/engine.log.")
    error = RunError(event.message or f"run {run.id} failed", event.cause, event.remedy, where=event.traceback_file)
    error.exit_code = event.exit_code or 1
    return error
