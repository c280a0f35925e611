"""The one controller: answers in, jobs out, events in, state out. App, plain mode, command line and tests drive the same object."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phasewise.records.errors import GateError, StorageError, UsageError
from phasewise.records.phases import PHASES, TITLES
from phasewise.workflow import derive, loop, questions, recording
from phasewise.workflow.answerbook import AnswerBook
from phasewise.workflow.answers import Answers
from phasewise.workflow.backlog import Backlog
from phasewise.workflow.evidence import Evidence
from phasewise.workflow.facts import Facts, fold
from phasewise.workflow.files import FileIds
from phasewise.workflow.following import OPEN, Follower
from phasewise.workflow.looking_on import Onlooker
from phasewise.workflow.phases import REGISTRY, STEPS
from phasewise.workflow.view import ProjectView
from phasewise.workflow.words import GateItem, Problem, ProjectState, Recommendation, Source


class Session:
    """One open project. Everything a face needs; nothing here knows a terminal."""

    def __init__(self, project: Any, *, runner: Any = None, clock: Callable[[], float] | None = None, recipes: Callable[[str], Any] | None = None) -> None:
        self.project = project
        self.clock = clock or time.time
        self._runner = runner
        self._recipes = recipes or _recipe_of
        self._advising = False
        self._view: ProjectView | None = None
        self._advice: dict[str, dict[str, Recommendation]] = {}
        self._dirty = False
        self.files = FileIds(project.path)
        entries, stored = project.journal.entries(), project.settings.load()
        self._onlooker = Onlooker(self, entries, stored)
        self.facts: Facts = fold(entries)
        self.book = AnswerBook(advise=self._advise, basis=self._basis, changed=self._changed)
        self.book.load(stored, self.facts.accepted)
        self._remember_files()
        self.follower = Follower(project.runs)
        self.answers = Answers(self)
        self.ideas = Backlog(self)
        self.ideas.take_up_file()
        self.adopt_finished_runs()

    # opening ------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, folder: Path | str, *, runner: Any = None, clock: Callable[[], float] | None = None, read_only: bool = False) -> "Session":
        """The session of a project folder; a second writer is opened read-only (`read_only_why` says why)."""
        from phasewise.project.folder import Project

        return cls(Project.open(folder, read_only=read_only), runner=runner, clock=clock)

    @classmethod
    def create(cls, folder: Path | str, *, answers: dict[str, dict[str, Any]] | None = None, name: str = "", runner: Any = None, clock: Callable[[], float] | None = None, source: Source = "flag") -> "Session":
        """A new project with the answers given so far."""
        from phasewise.project.folder import Project

        session = cls(Project.create(folder, name), runner=runner, clock=clock)
        if answers:
            session.answers.update(answers, source=source)
        return session

    def close(self) -> None:
        """Write what is unwritten and give the project back; running jobs go on."""
        self.save()
        if self._runner is not None and hasattr(self._runner, "close"):
            self._runner.close()
        if hasattr(self.project, "close"):
            self.project.close()

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed here."""
        return bool(self.project.read_only)

    @property
    def read_only_why(self) -> str:
        """Why nothing can be changed, in words."""
        return self.project.read_only_why or ""

    @property
    def name(self) -> str:
        """The project's name."""
        return self.facts.name or self.project.path.name

    @property
    def folder(self) -> Path:
        """The project folder."""
        return Path(self.project.path)

    # seeing -------------------------------------------------------------------------------------------------

    @property
    def view(self) -> ProjectView:
        """A consistent look at the project as it is now."""
        if self._view is None:
            self._view = ProjectView(answers=self.book, facts=self.facts, files=self.files, steps=STEPS, folder=self.project.path, recipes=self._recipes)
        return self._view

    def refresh(self) -> None:
        """Forget derived values: a file on disk may have changed."""
        self._view = None
        self._advice = {}

    def state(self) -> ProjectState:
        """All phases as derived from answers and evidence, and the one to do next."""
        return derive.state(self.view, running=self.follower.phases_running())

    def status(self) -> Any:
        """The status document (design/interface.md)."""
        from phasewise.workflow.status import document

        return document(self)

    def evidence(self, job_kind: str) -> Evidence | None:
        """Evidence of a job kind with `stale_because`, or None when it never ran."""
        return self.view.evidence(job_kind)

    def questions(self, phase: str) -> list[questions.Question]:
        """The phase's questions as a page shows them."""
        return questions.build(self, phase)

    def gate(self, phase: str) -> list[GateItem]:
        """The conditions of the phase's door, overrides counted."""
        return derive.gate(self.view, phase)

    def runs(self) -> list[Any]:
        """All run folders, newest last."""
        return list(self.project.runs.list())

    def slots(self) -> list[str]:
        """Every slot that has evidence, in the order it first came."""
        return list(self.facts.evidence.by_slot)

    def looks(self) -> list[dict[str, Any]]:
        """Every opening of the vault the journal knows."""
        return list(self.facts.looks)

    def headless_command(self) -> str:
        """The command that repeats this project's answers without the app."""
        from phasewise.workflow.commands import headless

        return headless(self)

    def planned_rates(self) -> list[tuple[float, float]]:
        """(step, learning rate) of the training that the present answers describe."""
        from phasewise.workflow import planned

        return planned.rates(self.view)

    def noise(self) -> Any:
        """What of the gains so far is noise."""
        from phasewise.workflow import noise

        return noise.read(self.view)

    # doing --------------------------------------------------------------------------------------------------

    def next_job(self, phase: str) -> Any:
        """The next job of a phase with its fingerprints, or None when it has what it needs or is locked."""
        view = self.view
        job = derive.next_job(view, phase)
        if job is None or job.inputs:
            return job
        return job.model_copy(update={"inputs": view.inputs(recording.slot_of(job))})

    def start(self, job: Any) -> Any:
        """Give a job a run folder and a process; returns the run."""
        from phasewise.workflow import stages

        self.writable()
        stages.refuse(self.view, job)
        self.save()
        going = next((r for r in self.follower.active() if r.job() == job and r.state() in OPEN), None)
        if going is not None:
            return going
        old = self.resumable(job)
        if old is None:
            recording.before(self, job)
        run = old or self.project.runs.create(job)
        self.follower.follow(run, again=old is not None)
        self.runner.start(run)
        return run

    def resumable(self, job: Any) -> Any:
        """A run of the very same work that was lost or stopped, or found no room: it goes on from its last checkpoint instead of starting anew."""
        for run in reversed(self.project.runs.list()):
            if run.id in self.facts.evidence.runs or not run.id.endswith(job.kind):
                continue
            old = run.job()
            same = old.inputs == job.inputs if job.inputs else old == job
            if same and recording.slot_of(old) == recording.slot_of(job):
                return run if run.resumable() else None
        return None

    def resume(self, run_id: str) -> Any:
        """Take up a lost or stopped run from its last checkpoint; returns the run."""
        self.writable()
        run = self.project.runs.get(run_id)
        if not run.resumable():
            raise UsageError(f"run {run_id} cannot be taken up again", f"It is {run.state()}.", "Only runs can that were lost or stopped, or that failed for want of room or memory.")
        self.follower.follow(run, again=True)
        self.runner.start(run)
        return run

    def attach(self, run_id: str) -> Any:
        """Follow a run from its first event; returns the run."""
        run = self.project.runs.get(run_id)
        self.follower.follow(run)
        return run

    @property
    def runner(self) -> Any:
        """How jobs get a process; the local runner unless another was injected."""
        if self._runner is None:
            from phasewise.runners.local import LocalRunner

            self._runner = LocalRunner(self.project, keep_warm=True)
        return self._runner

    def poll(self) -> list[Any]:
        """New events of all runs that are followed; results of finished runs become evidence."""
        events, ended = self.follower.poll()
        for run in ended:
            self.record(run)
        if ended:
            self.ideas.running_again()
            self.save()
        return events

    def catch_up(self) -> bool:
        """In a read-only session: take up what the writer did since the last call; whether there was anything."""
        return self._onlooker.look() if self.read_only else False

    def record(self, run: Any) -> Evidence | None:
        """Write the result of a finished run into the journal, once; None when there is nothing to write."""
        if run.id in self.facts.evidence.runs:
            return None
        return recording.record(self, run) or recording.look_without_result(self, run)

    def adopt_finished_runs(self) -> None:
        """Take up runs that finished, or still go on, while nobody was looking."""
        for run in self.project.runs.list():
            if run.id in self.facts.evidence.runs:
                continue
            state = run.state()
            if state in ("queued", "running", "paused"):
                self.follower.follow(run)
            else:
                self.record(run)
        if not self.read_only:
            self.ideas.running_again()

    # deciding -----------------------------------------------------------------------------------------------

    def override(self, phase: str, gate_id: str, reason: str) -> None:
        """Open a gate with a written reason, which the report shows; the vault cannot be overridden."""
        if (phase, gate_id) == ("tune", "budget"):
            return self.extend_budget(reason)
        item = next((g for g in self.gate(phase) if g.id == gate_id), None)
        if item is None:
            known = [g.id for g in self.gate(phase)] + ["budget"] * (phase == "tune")
            raise UsageError(f"{TITLES.get(phase, phase)} has no gate {gate_id!r}", f"Gates: {', '.join(known)}.", "Name one of these.")
        if not item.overridable:
            raise GateError(f"the gate {gate_id!r} cannot be overridden", item.text, item.remedy or "It opens when the work is done.")
        self.journal("override", {"phase": phase, "gate": gate_id, "reason": _reason(reason)})

    def reopen(self, phase: str, reason: str) -> None:
        """Go back to a phase with a reason; nothing downstream is erased (L01)."""
        if phase not in PHASES:
            raise UsageError(f"unknown phase {phase!r}", f"Phases: {', '.join(PHASES)}.")
        self.journal("reopen", {"phase": phase, "reason": _reason(reason)})

    def skip(self, phase: str, reason: str) -> None:
        """Leave an optional phase out with a reason."""
        if phase not in ("strengthen", "field"):
            raise UsageError(f"the phase {phase!r} cannot be skipped", "Later phases rest on its evidence.", "Only strengthen and field are optional; gates of the others can be overridden with a reason.")
        self.journal("skip", {"phase": phase, "reason": _reason(reason)})

    def extend_budget(self, reason: str) -> None:
        """Go on with the tune loop after it stopped: a new version of the goal, with its reason, counted in the report (L08)."""
        self.journal("override", {"phase": "tune", "gate": "budget", "reason": _reason(reason), **loop.going_on(self.view)})

    def remedy(self, finding_id: str, action: str) -> None:
        """Answer a finding with one of its remedies."""
        from phasewise.workflow.remedies import choose

        choose(self, finding_id, action)

    def note(self, phase: str, text: str) -> None:
        """A line of the project's log, as a person would write it."""
        self.journal("note", {"phase": phase, "text": text})

    def confirm(self, phase: str) -> None:
        """Accept the phase's answers as they stand; writes them to `phasewise.toml` and the journal."""
        self.writable()
        problems = self.problems(phase)
        if problems:
            first = problems[0]
            raise UsageError(f"{first.key}: {first.message}", f"{len(problems)} answer(s) of {TITLES[phase]} need attention.", first.remedy)
        taken = self.book.accept(phase, self.facts.last_seq + 1)
        self.save()
        self.journal("answers", {"phase": phase, "values": taken.values, "sources": taken.sources, "basis": taken.basis})
        if phase == "goals":
            self.ideas.from_shortcuts()

    def problems(self, phase: str) -> list[Problem]:
        """What keeps a phase from being confirmed."""
        return derive.problems(self.view, phase)

    def save(self) -> None:
        """Write `phasewise.toml` and `ideas.toml` if something in them changed since."""
        self.ideas.write_file()
        if self._dirty and not self.read_only:
            self.project.settings.save(self.book.document())
            self._dirty = False

    def journal(self, kind: str, data: dict[str, Any]) -> None:
        """Append to the journal and fold it in."""
        self.writable()
        self.take(kind, data)

    def take(self, kind: str, data: dict[str, Any]) -> None:
        """Fold an entry in, writing it first; an observer only folds what it sees."""
        if self.read_only:
            self.facts.take(self.facts.last_seq + 1, self.clock(), kind, data)
        else:
            entry = self.project.journal.append(kind, data)
            self.facts.take(entry.seq, entry.t, kind, data)
        self.refresh()

    # inside -------------------------------------------------------------------------------------------------

    def writable(self) -> None:
        if self.read_only:
            raise StorageError("this project is open for reading only", self.read_only_why, "Close the other window or copy the project.")

    def _changed(self) -> None:
        self._dirty = True
        self.refresh()

    def _advise(self, phase: str) -> dict[str, Recommendation]:
        if phase not in self._advice:
            self._advice[phase] = {}  # a recommendation that asks for its own phase sees no recommendation, never itself
            self._advice[phase] = REGISTRY[phase].recommend(self.view)
        return self._advice[phase]

    def _basis(self, phase: str) -> str:
        return ",".join(e.key for s in REGISTRY[phase].advice_from if (e := self.facts.evidence.latest(s)) is not None)

    def _remember_files(self) -> None:
        found = self.facts.evidence.latest("profile")
        name = self.book.value("data", "file")
        if found is not None and name:
            self.files.remember(name, found.inputs.get("file:data.file", ""))


def _reason(text: str) -> str:
    if len(text.strip()) < 3:
        raise UsageError("a reason is needed", "It is kept in the journal and shown in the report.", "Write it in a few words.")
    return text.strip()


def _recipe_of(kind: str) -> Any:
    from phasewise.kinds.registry import kind as find

    return find(kind).recipe
