"""L01: ten thousand random actions never deadlock, never crash, and never open the vault without what has to come before."""

import copy
import random

from phasewise.records.errors import PhasewiseError
from phasewise.records.phases import PHASES
from phasewise.workflow.remedies import recommended
from phasewise.workflow.session import Session
from workflow.fakes import Clock, FakeRecipe, FakeRunner, World
from workflow.test_walkthrough import walk

ACTIONS = 10_000
ANSWERS = (
    ("goals", "metric", ("roc_auc", "accuracy", "rmse", None)), ("goals", "target", (0.6, 0.9, 0.99, None)), ("goals", "claim", ("new_rows", "new_groups")),
    ("goals", "budget_trials", (1, 6, 24)), ("data", "target", ("label", "other", "nowhere", None)), ("data", "seed", (0, 1)),
    ("data", "policy", ("random", "stratified", "grouped", None)), ("data", "group", ("town", None)), ("data", "remedies", ({}, {"duplicates": "accept"})),
    ("approach", "family", ("mlp", "one_hidden", "unknown", None)), ("baseline", "checkup", (True, False)), ("baseline", "go_on_reason", ("curious", None)),
    ("train", "lr", (0.01, None)), ("train", "epochs", (5, 10)), ("tune", "mode", ("autopilot", "by_hand")), ("tune", "budget_trials", (0, 3, None)),
    ("strengthen", "do", (True, False, None)), ("verify", "claim", ("target", "better_than_baseline")), ("verify", "predicted", (0.7, None)),
    ("verify", "reason", ("we changed the loss", None)), ("field", "files", ([], ["new.csv"])), ("ship", "formats", ([], ["bundle"])),
)


class Walker:
    """One random person."""

    def __init__(self, session, seed):
        self.session, self.rng = session, random.Random(seed)
        self.opened = 0
        self.refused = 0

    def act(self):
        moves = (self.work, self.work, self.work, self.confirm, self.confirm, self.answer, self.override, self.reopen, self.skip, self.remedy, self.world)
        try:
            self.rng.choice(moves)()
        except PhasewiseError as error:
            assert error.title
            self.refused += 1

    def _phase(self):
        here = self.session.state().phase
        return here if self.rng.random() < 0.8 else self.rng.choice(PHASES)

    def work(self):
        runner = self.session.runner
        runner.mode = self.rng.choices(("finish", "failed", "lost"), (0.9, 0.05, 0.05))[0]
        job = self.session.next_job(self._phase())
        if job is None:
            return
        if job.kind == "open_vault":
            self.check_artefacts(job)
            self.opened += 1
        self.session.start(job)
        self.session.poll()

    def check_artefacts(self, job):
        view = self.session.view
        metric, target = view.value("goals.metric"), view.value("goals.target")
        assert metric and target is not None, "G03: a goal in numbers"
        assert view.current("split") is not None and view.current("checks") is not None, "D05: sealed and checked"
        assert view.current("baselines") is not None, "G02"
        assert view.current("checkup") is not None or not view.value("baseline.checkup"), "B03, B05"
        if job.model.startswith(tuple(r.id for r in self.session.runs() if r.job().kind in ("fit", "try_ideas", "combine", "search"))):
            assert view.current("fit") is not None, "V02"
        before = PHASES[: PHASES.index("verify")]
        assert all(self.session.state()[p].state in ("done", "skipped") for p in before)
        assert job.freeze and job.evaluations >= 1
        assert not view.facts.looks or job.reason, "a second look has a reason"

    def confirm(self):
        self.session.confirm(self._phase())

    def answer(self):
        phase, field, values = self.rng.choice(ANSWERS)
        value = self.rng.choice(values)
        self.session.answers.set(phase, field, value)

    def override(self):
        phase = self._phase()
        shut = [g for g in self.session.gate(phase) if not g.ok]
        if shut:
            self.session.override(phase, self.rng.choice(shut).id, "the walker said so")

    def reopen(self):
        if self.rng.random() < 0.1:
            self.session.reopen(self._phase(), "the walker looks back")

    def skip(self):
        self.session.skip(self.rng.choice(("field", "strengthen", "train")), "the walker is in a hurry")

    def remedy(self):
        for finding, action in recommended(self.session.view).items():
            self.session.remedy(finding, action)

    def world(self):
        runner = self.session.runner
        if self.rng.random() < 0.2:
            runner.world = World(
                need=self.rng.choice(("no", "yes", "maybe")), blocking=self.rng.random() < 0.3, step=self.rng.choice((0.0, 0.01)),
                best_baseline=self.rng.choice((0.7, 0.95)), test=self.rng.choice((0.6, 0.95)),
            )


def reaches_the_end(session, folder):
    """From a copy of this very state, with sensible answers, the end can be reached: nothing is deadlocked."""
    project = copy.deepcopy(session.project)
    for run in project.runs.list():
        if run.state() in ("running", "queued"):
            run.end("lost", None)
    twin = Session(project, runner=FakeRunner(World()), clock=Clock(), recipes=lambda _: FakeRecipe())
    for phase, field, _ in ANSWERS:
        if field not in ("predicted",):
            twin.answers.unset(phase, field)
    twin.answers.set("verify", "reason", "the walker has been here before")
    state = walk(twin)
    assert all(p.state in ("done", "skipped") for p in state.phases)


def test_ten_thousand_random_actions(make, tmp_path):
    total = opened = refused = 0
    for seed in range(20):
        session = make()
        walker = Walker(session, seed)
        for step in range(ACTIONS // 20):
            walker.act()
            total += 1
            if step % 250 == 249:
                session.runner.mode = "finish"
                reaches_the_end(session, tmp_path)
        opened += walker.opened
        refused += walker.refused
    assert total == ACTIONS
    assert opened >= 5, "the walk is worth nothing when it never gets to the vault"
    assert refused > 100
