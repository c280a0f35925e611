"""A session without engine and disk: the same surface as `workflow.Session`, rich data, runs that tell prepared events."""

import itertools
import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from phasewise.records.answers import ANSWERS, question_meta
from phasewise.records.base import fingerprint
from phasewise.records.errors import UsageError
from phasewise.records.events import parse_event
from phasewise.records.ideas import Estimates, Idea, Outcome, Prediction
from phasewise.records.phases import PHASES
from phasewise.workflow.words import GateItem, PhaseView, Problem, ProjectState, Recommendation

from . import fake_results as results
from .fake_questions import CHOICES, TEXTS, Question, question_type

STEPS = {
    "goals": [], "data": ["profile", "split", "checks"], "approach": [], "baseline": ["baselines", "checkup"], "train": ["find_lr", "fit"],
    "tune": ["try_ideas", "search", "ablate", "inspect:run-s/t00"], "strengthen": ["combine"], "verify": ["open_vault"], "field": ["field:2025"], "ship": ["export"],
}
TITLES = {"profile": "Read the file", "split": "Split and seal", "checks": "Check the data", "baselines": "Fit the baselines", "checkup": "Check up the network", "find_lr": "Find the learning rate", "fit": "Train the network", "try_ideas": "Try ideas", "search": "Search", "ablate": "Ablate", "combine": "Combine", "open_vault": "Open the vault", "export": "Export"}
RECOMMENDED = {
    "goals": {"metric": ("roc_auc", "two classes, 24 % in the smaller: ranking is robust to the threshold"), "target": (0.93, "half of the gap that public results show between linear and trees"), "claim": ("new_rows", "no group or time column was found")},
    "data": {"target": ("class", "last column, two values, named like a target"), "kind": ("tabular", "a table with 15 columns"), "policy": ("stratified", "classes are 76 % to 24 %"), "test_share": (0.2, "9,768 rows give an interval of +-0.006")},
    "approach": {"recipe": ("tabular-classification", "rows and columns, two classes"), "loss": ("cross_entropy", "classes"), "family": ("mlp", "more than 10,000 rows"), "imbalance": ("none", "24 % is not rare")},
    "baseline": {"models": (["dummy", "logistic", "random_forest", "hist_gradient_boosting"], "cheap, and one of each family")},
    "train": {"family": ("mlp", "from the approach"), "optimizer": ("adamw", "robust default"), "lr": (0.0042, "LR finder, 5 sweeps"), "schedule": ("one_cycle", "best for short budgets"), "epochs": (20, "baseline stopped gaining at 14"), "batch_size": (256, "31,259 rows")},
    "tune": {"budget_trials": (24, "24 trials x 20 epochs, about 3 min")},
    "verify": {"candidate": ("run-c/weighted", "best on validation beyond noise"), "claim": ("target", "a goal is set")},
}


@dataclass
class FakeRun:
    """A run folder whose events are in memory."""

    id: str
    kind: str
    phase: str
    events: list[Any] = field(default_factory=list)
    status: str = "running"
    posted: list[tuple[str, dict]] = field(default_factory=list)
    seconds: float = 12.0
    t: float = 1_700_000_000.0

    def tail(self, offset: int) -> tuple[list[Any], int]:
        return self.events[offset:], len(self.events)

    def state(self) -> str:
        return self.status

    def resumable(self) -> bool:
        return self.state() in ("lost", "stopped")

    def job(self) -> Any:
        return SimpleNamespace(kind=self.kind, phase=self.phase, title=TITLES.get(self.kind, self.kind))

    def post(self, command: str, **args: Any) -> str:
        self.posted.append((command, args))
        id_ = f"c{len(self.posted)}"
        if command in ("pause", "resume"):
            self.status = "paused" if command == "pause" else "running"
        if command in ("stop_now", "stop_epoch"):
            self.status = "stopped"
            self.emit("ack", command=command, id=id_, accepted=True)
            self.emit("finished", reason="stopped", seconds=self.seconds)
        else:
            self.emit("ack", command=command, id=id_, accepted=True)
        return id_

    def emit(self, kind: str, **payload: Any) -> None:
        self.t += 0.1
        self.events.append(parse_event({"v": 1, "seq": len(self.events), "t": self.t, "run": self.id, "kind": kind, **payload}))


def tell_training(run: FakeRun, epochs: int = 12, *, finish: bool = False) -> None:
    """Events of a training run up to an epoch."""
    run.emit("hello", job=run.kind, pid=4711, host="box", device="cpu", threads=2)
    run.emit("started", title=TITLES["fit"], plan={"plan": "stacked", "members": 1})
    for e in range(1, epochs + 1):
        rows = [[float(s), 0.25 + 0.45 * math.exp(-s / 400) + 0.02 * math.sin(s), 0.0042 * min(s / 300, 1), 1.0 + 0.3 * math.sin(s / 9), 0.002 + 0.001 * math.cos(s / 7)] for s in range((e - 1) * 122, e * 122, 4)]
        run.emit("metrics", series="train", columns=["step", "loss", "lr", "grad_norm", "update_ratio"], rows=rows)
        run.emit("epoch", epoch=e, step=e * 122, values={"train_loss": 0.25 + 0.4 * math.exp(-e / 4), "validation_loss": 0.29 + 0.35 * math.exp(-e / 4) + 0.002 * e, "roc_auc": 0.93 - 0.08 * math.exp(-e / 3)}, members={"seed-0": 0.93 - 0.08 * math.exp(-e / 3), "seed-1": 0.929 - 0.08 * math.exp(-e / 3)}, alive=2)
        run.emit("progress", done=e * 122, total=20 * 122, unit="steps", eta_low=20.0 - e, eta_high=31.0 - e)
        run.emit("heartbeat", count=e, memory_mb=412.0 + e)
        run.emit("checkpoint", file=f"checkpoints/{e}", step=e * 122, sha256="0" * 64, best=e % 3 == 0)
    run.emit("log", text="validation improved to 0.9281")
    if finish:
        run.emit("finished", reason="done", seconds=41.0)
        run.status = "finished"


class Answers:
    """Answers with sources and recommendations in two dicts."""

    def __init__(self) -> None:
        self.decided: dict[tuple[str, str], tuple[Any, str]] = {}

    def get(self, phase: str) -> Any:
        return ANSWERS[phase].model_construct(**{n: self.value(phase, n) for n in ANSWERS[phase].model_fields})

    def value(self, phase: str, name: str) -> Any:
        if (phase, name) in self.decided:
            return self.decided[phase, name][0]
        if name in RECOMMENDED.get(phase, {}):
            return RECOMMENDED[phase][name][0]
        return ANSWERS[phase].model_fields[name].default

    def source(self, phase: str, name: str) -> str:
        if (phase, name) in self.decided:
            return self.decided[phase, name][1]
        return "recommended" if name in RECOMMENDED.get(phase, {}) else "default"

    def recommendation(self, phase: str, name: str) -> Recommendation | None:
        found = RECOMMENDED.get(phase, {}).get(name)
        return Recommendation(value=found[0], reason=found[1]) if found else None

    def set(self, phase: str, name: str, value: Any, source: str = "typed") -> None:
        from pydantic import ValidationError

        try:
            clean = getattr(ANSWERS[phase].model_validate({name: value}), name)
        except ValidationError as e:
            raise UsageError(f"{phase}.{name} cannot be {value!r}", e.errors()[0]["msg"] + ".", "Give a value in range.") from None
        if clean is None:
            self.unset(phase, name)
        else:
            self.decided[phase, name] = (clean, source)

    def unset(self, phase: str, name: str) -> None:
        self.decided.pop((phase, name), None)

    def problems(self, phase: str) -> list[Problem]:
        out = []
        if phase == "data" and not self.value("data", "file"):
            out.append(Problem(phase="data", field="file", message="Which file holds the data?", remedy="Give a path to a CSV or Parquet file."))
        low, high = self.value("goals", "expected_low"), self.value("goals", "expected_high")
        if phase == "goals" and low is not None and high is not None and low > high:
            out.append(Problem(phase="goals", field="expected_high", message="The range ends before it begins.", remedy="Swap the two numbers."))
        return out


class FakeSession:
    """`done` names the phases whose evidence exists; the next one is ready."""

    def __init__(self, folder: str = "/projects/adult", *, done: str = "", read_only: bool = False) -> None:
        self.folder = folder
        self.name = "adult"
        self.read_only = read_only
        self.read_only_why = "another window holds the lock (pid 4711 on box)" if read_only else ""
        self.answers = Answers()
        self.stored: dict[str, Any] = {}
        self.confirmed: list[str] = []
        self.overrides: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self.stale: dict[str, tuple[str, ...]] = {}
        self.run_list: list[FakeRun] = []
        self.elsewhere = False
        self.started: list[Any] = []
        self.resumed: list[str] = []
        self._told: dict[str, int] = {}
        self._ids = itertools.count(1)
        self.ideas = FakeIdeas()
        self.facts = SimpleNamespace(last_seq=0)
        self.follower = SimpleNamespace(active=lambda: [r for r in self.run_list if r.status in ("running", "paused", "queued")])
        if done:
            self.answers.set("data", "file", "/data/adult.csv", "flag")
            for phase in PHASES[: PHASES.index(done) + 1]:
                self.finish(phase)

    def finish(self, phase: str) -> None:
        """All evidence of a phase appears."""
        for slot in STEPS[phase]:
            self.put(slot)
        self.confirmed.append(phase)

    def put(self, slot: str, result: Any = None) -> None:
        """Evidence of a slot appears."""
        self.stored[slot] = result if result is not None else results.FULL[slot]()
        self.facts.last_seq += 1

    # phases -------------------------------------------------------------------------------------------------

    def state(self) -> ProjectState:
        views, open_seen = [], False
        busy = {r.phase for r in self.run_list if r.status in ("running", "paused")}
        for p in PHASES:
            done = p in self.confirmed and all(s in self.stored for s in STEPS[p])
            state = "skipped" if p in self.skipped else "stale" if p in self.stale else "done" if done else "locked" if open_seen else "ready"
            open_seen = open_seen or state in ("ready", "stale")
            if p in busy:
                state = "running"
            summary = {"goals": "roc_auc >= 0.93", "data": "48,842 rows, 15 columns, sealed", "baseline": "best 0.9283, need: maybe"}.get(p, "") if done else ""
            views.append(PhaseView(id=p, state=state, summary=summary, stale_because=self.stale.get(p, ()), overrides=(), why_locked="" if state != "locked" else "an earlier phase is not done"))
        here = next((v.id for v in views if v.state in ("ready", "stale", "running")), "ship")
        return ProjectState(phase=here, phases=tuple(views))

    def questions(self, phase: str) -> list[Question]:
        out = []
        for name, info in ANSWERS[phase].model_fields.items():
            meta = question_meta(info)
            kind, choices = question_type(info, meta)
            if not choices:
                choices = CHOICES.get(meta["choices_from"], [])
            when = meta["asked_when"]
            bounds = next((m for m in [info.metadata] if m), [])
            lo = next((getattr(b, a) for b in bounds for a in ("ge", "gt") if hasattr(b, a)), None)
            hi = next((getattr(b, a) for b in bounds for a in ("le", "lt") if hasattr(b, a)), None)
            text, hint, why = TEXTS.get(f"{phase}.{name}", (name.replace("_", " ").capitalize() + "?", "", ""))
            out.append(Question(phase=phase, name=name, text=text, hint=hint, why=why or f"Why {name} matters: it decides what is measured.", type=kind, choices=choices, low=lo, high=hi, unit=meta["unit"], advanced=meta["advanced"], visible=meta["widget"] != "hidden" and (not meta["kinds"] or "tabular" in meta["kinds"]) and self._asked(when), value=self.answers.value(phase, name), source=self.answers.source(phase, name), recommendation=self.answers.recommendation(phase, name), flag=meta["flag"] or f"--{phase}-{name.replace('_', '-')}", order=meta["order"]))
        return sorted(out, key=lambda q: q.order)

    def _asked(self, when: str) -> bool:
        if not when:
            return True
        key, _, values = when.partition("=")
        value = self.answers.value(*key.split("."))
        return bool(value) if not values else str(value) in values.split("|")

    def evidence(self, slot: str) -> Any:
        if slot not in self.stored:
            return None
        result = self.stored[slot]
        return SimpleNamespace(result=result, job=slot.partition(":")[0], slot=slot, run=f"run-{slot[:1]}", t=1_700_000_000.0, seconds=12.0, stale_because=self.stale.get("@" + slot, ()), stale=("@" + slot) in self.stale)

    def slots(self) -> list[str]:
        return list(self.stored)

    def next_job(self, phase: str) -> Any:
        slot = next((s for s in STEPS[phase] if s not in self.stored), None)
        kind = slot.partition(":")[0] if slot else ""
        return SimpleNamespace(kind=kind, phase=phase, title=TITLES.get(kind, kind), slot=slot, freeze="c0ffee") if slot else None

    def noise(self) -> Any:
        from phasewise.workflow.noise import Noise, Tried

        tried = [Tried(title="more width", gain=0.004, low=0.001, high=0.007, verdict="better", seeds=5), Tried(title="dropout [bold]x", gain=-0.001, low=-0.004, high=0.002, verdict="noise", seeds=5)]
        return Noise(metric="ROC AUC", rows=4000, half=0.01, rows_show=0.02, seed_sd=0.002, seeds=5, seeds_show=0.003, evaluations=12, luck=0.004, tried=tried)

    def resumable(self, job: Any) -> Any:
        return next((r for r in reversed(self.run_list) if r.job().kind == job.kind and r.state() in ("lost", "stopped")), None)

    def start(self, job: Any) -> FakeRun:
        run = FakeRun(f"{job.kind}-{next(self._ids):03d}", job.kind, job.phase)
        self.started.append(job)
        self.run_list.append(run)
        return run

    def complete(self, run: FakeRun) -> None:
        """The run ends and its evidence appears."""
        run.emit("finished", reason="done", seconds=run.seconds)
        run.status = "finished"
        self.put(next(s for s in STEPS[run.phase] if s.partition(":")[0] == run.kind))

    def catch_up(self) -> bool:
        """As a read-only session: whether the other window did something."""
        found, self.elsewhere = self.elsewhere, False
        return found

    def poll(self) -> list[Any]:
        out: list[Any] = []
        for run in (r for r in self.run_list if r.status != "lost"):
            seen = self._told.get(run.id, 0)
            out += run.events[seen:]
            self._told[run.id] = len(run.events)
        return out

    def runs(self) -> list[FakeRun]:
        return list(self.run_list)

    def resume(self, run_id: str) -> FakeRun:
        self.resumed.append(run_id)
        run = next(r for r in self.run_list if r.id == run_id)
        run.status = "running"
        return run

    def confirm(self, phase: str) -> None:
        if phase not in self.confirmed:
            self.confirmed.append(phase)

    def gate(self, phase: str) -> list[GateItem]:
        if phase == "data":
            return [GateItem(id="sealed", ok="split" in self.stored, text="test rows are sealed", overridable=False), GateItem(id="no-block", ok="leak-single" in self.overrides, text="no finding blocks", remedy="Answer the finding 'relationship alone predicts the target'.")]
        return [GateItem(id="work", ok=all(s in self.stored for s in STEPS[phase]), text="the work of this phase is done", overridable=False)]

    def override(self, phase: str, gate_id: str, reason: str) -> None:
        self.overrides[gate_id] = reason

    def reopen(self, phase: str, reason: str) -> None:
        self.stale[phase] = (reason,)

    def skip(self, phase: str, reason: str) -> None:
        self.skipped[phase] = reason

    def remedy(self, finding_id: str, action: str) -> None:
        self.answers.decided["data", "remedies"] = ({**self.answers.value("data", "remedies"), finding_id: action}, "typed")

    def planned_rates(self):
        return [(float(i), 1e-3 * (1 - i / 100)) for i in range(100)]

    def headless_command(self) -> str:
        return "phasewise run --through ship --answers phasewise.toml --set goals.metric=roc_auc"

    def looks(self) -> list[Any]:
        return [1] if "open_vault" in self.stored else []

    def close(self) -> None:
        pass


class FakeIdeas:
    """A backlog of three ideas."""

    def __init__(self) -> None:
        self._ideas = {
            "i1": Idea(id="i1", title="Dropout 0.25 on the first layer", category="regularise", source="R03", change={"network.dropout": [0.25]}, estimates=Estimates(hours=0.1, complexity=1, impact=0.002, likelihood=0.5), status="worked", prediction=Prediction(gain=0.002, low=0.0, high=0.004, success=0.5, digest="x", locked_at=1.0), outcome=Outcome(gain=0.0021, low=0.0008, high=0.0034, seeds=5, adopted=True, reason="more than seed noise")),
            "i2": Idea(id="i2", title="Label smoothing 0.1", category="regularise", source="R09", change={"train.label_smoothing": 0.1}, estimates=Estimates(hours=0.1, complexity=1, impact=0.001, likelihood=0.3), status="no_gain", prediction=Prediction(gain=0.001, low=-0.001, high=0.003, success=0.3, digest="y", locked_at=2.0), outcome=Outcome(gain=-0.0004, low=-0.0015, high=0.0007, seeds=5, adopted=False, reason="within seed noise")),
            "i3": Idea(id="i3", title="Piecewise linear embeddings of numbers", category="features", source="N07", change={"network.numeric_embedding": "piecewise_linear"}, estimates=Estimates(hours=0.4, complexity=2, impact=0.004, likelihood=0.4), status="new"),
        }

    def all(self) -> list[Idea]:
        return list(self._ideas.values())

    def ranked(self) -> list[Idea]:
        return [i for i in self._ideas.values() if i.status in ("new", "ready")]

    def estimate(self, idea_id: str, estimates: Estimates, *, second: bool = False) -> Idea:
        self._ideas[idea_id] = self._ideas[idea_id].model_copy(update={"second" if second else "estimates": estimates})
        return self._ideas[idea_id]

    def disagreement(self, idea_id: str) -> str:
        return ""

    def prune_job(self) -> Any:
        return SimpleNamespace(kind="ablate", phase="tune", title="Prune")

    def drop(self, idea_id: str, reason: str) -> None:
        self._ideas[idea_id] = self._ideas[idea_id].model_copy(update={"status": "dropped", "why": reason})

    def try_job(self, ids: list[str]) -> Any:
        return SimpleNamespace(kind="try_ideas", phase="tune", title="Try ideas", ids=ids)

    def predict(self, idea_id: str, *, gain: float, low: float, high: float, success: float, why: str = "") -> None:
        idea = self._ideas[idea_id]
        prediction = Prediction(gain=gain, low=low, high=high, success=success, why=why, locked_at=3.0, digest=fingerprint([gain, low, high]))
        self._ideas[idea_id] = idea.model_copy(update={"prediction": prediction, "status": "ready"})

    def add(self, title: str, *, category: str = "other", change: dict | None = None) -> Idea:
        idea = Idea(id=f"i{len(self._ideas) + 1}", title=title, category=category, change=change or {})
        self._ideas[idea.id] = idea
        return idea


