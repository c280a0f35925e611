"""A project in memory, a runner that answers at once, and results that look like real ones: for thousands of actions a second."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from phasewise.records.events import Ack, Finished, Hello
from phasewise.records.findings import Finding, Remedy
from phasewise.records.models import apply_change


class Clock:
    """Seconds that go by only when asked."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


class MemorySettings:
    def __init__(self) -> None:
        self.document: dict[str, dict[str, Any]] = {}
        self.saves = 0

    def load(self) -> dict[str, dict[str, Any]]:
        return {p: dict(v) for p, v in self.document.items()}

    def save(self, document: dict[str, dict[str, Any]]) -> None:
        self.document = {p: dict(v) for p, v in document.items()}
        self.saves += 1


class MemoryJournal:
    def __init__(self) -> None:
        self._entries: list[Any] = []

    def append(self, kind: str, data: dict[str, Any], *, durable: bool = True) -> Any:
        entry = SimpleNamespace(seq=len(self._entries), t=float(len(self._entries)), kind=kind, data=data, prev="")
        self._entries.append(entry)
        return entry

    def entries(self) -> list[Any]:
        return list(self._entries)


class MemoryRun:
    def __init__(self, run_id: str, job: Any, folder: Path) -> None:
        self.id, self._job, self.path = run_id, job, folder / run_id
        self.events: list[Any] = []
        self._result: dict[str, Any] | None = None
        self._state = "queued"
        self.posted: list[str] = []
        self.partial: dict[str, Any] | None = None
        """What the run writes when it is stopped half-way."""
        self.models_dir = self.path / "models"

    def job(self) -> Any:
        return self._job

    def result(self) -> dict[str, Any] | None:
        return self._result

    def state(self) -> str:
        return self._state

    def resumable(self) -> bool:
        return self.state() in ("lost", "stopped")

    def tail(self, offset: int) -> tuple[list[Any], int]:
        return self.events[offset:], len(self.events)

    def post(self, command: str, **args: Any) -> str:
        self.posted.append(command)
        if command.startswith("stop"):
            self.events.append(Ack(seq=len(self.events), t=0.0, run=self.id, command=command, id="c", accepted=True))
            self.end("stopped", self.partial)
        return f"c{len(self.posted)}"

    def end(self, state: str, result: dict[str, Any] | None) -> None:
        reason = {"finished": "done"}.get(state, state)
        self._state, self._result = state, result
        if state != "lost":
            self.events.append(Finished(seq=len(self.events), t=0.0, run=self.id, reason=reason, seconds=1.0, exit_code=0 if state == "finished" else 1))


class MemoryRuns:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: dict[str, MemoryRun] = {}

    def create(self, job: Any) -> MemoryRun:
        run = MemoryRun(f"{len(self._runs) + 1:04d}-{job.kind}", job, self._folder)
        self._runs[run.id] = run
        return run

    def get(self, run_id: str) -> MemoryRun:
        return self._runs[run_id]

    def list(self) -> list[MemoryRun]:
        return list(self._runs.values())


class MemoryProject:
    """The seam of `project.folder.Project`, without a disk."""

    def __init__(self, folder: Path = Path("/nowhere/project"), name: str = "memory") -> None:
        self.path = folder
        self.read_only = False
        self.read_only_why = ""
        self.settings = MemorySettings()
        self.journal = MemoryJournal()
        self.runs = MemoryRuns(folder)
        self.journal.append("created", {"name": name, "tool": "test"})


@dataclass
class World:
    """What the fake data and the fake models are like."""

    kind: str = "tabular"
    task: str = "binary"
    rows: int = 5000
    best_baseline: float = 0.80
    network: float = 0.82
    step: float = 0.01
    """Gain of the first idea of every round."""
    need: str = "yes"
    blocking: bool = False
    verdict: str = "high_variance"
    test: float = 0.81
    bad_format: str = ""


class FakeRunner:
    """Finishes every job at once with a plausible result, fails it, or leaves it running."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.mode = "finish"
        self.started: list[str] = []
        self.jobs: list[Any] = []
        self._count = itertools.count(1)

    def start(self, run: Any) -> None:
        job = run.job()
        self.started.append(job.kind)
        self.jobs.append(job)
        run._state = "running"
        run.events.append(Hello(seq=0, t=0.0, run=run.id, job=job.kind, pid=1, host="test"))
        if self.mode == "finish":
            self.finish(run)
        elif self.mode in ("failed", "lost"):
            run.end(self.mode, None)

    def finish(self, run: Any) -> None:
        run.end("finished", result_for(run.job(), run.id, self.world))

    def close(self) -> None:
        pass


def score(value: float, metric: str, n: int = 1000, half: float = 0.01) -> dict[str, Any]:
    return {"metric": metric, "value": value, "low": value - half, "high": value + half, "n": n}


def model(ref: str, name: str, family: str, source: str, value: float, metric: str, **more: Any) -> dict[str, Any]:
    return {
        "ref": ref, "name": name, "family": family, "source": source, "validation": score(value, metric),
        "train": score(value + 0.05, metric), "digest": f"sha-{ref}", **more,
    }


def result_for(job: Any, run: str, world: World) -> dict[str, Any]:
    """A result of the job's kind."""
    return _RESULTS[job.kind](job, run, world)


def _profile(job: Any, run: str, w: World) -> dict[str, Any]:
    target = job.data.target or "label"
    column = {"dtype": "float64", "rows": w.rows, "missing": 0, "distinct": 50}
    columns = [
        {**column, "name": "age", "role": "number", "mean": 40.0, "std": 10.0, "quantiles": [20, 30, 40, 50, 60]},
        {**column, "name": "town", "role": "category", "dtype": "str", "distinct": 12},
        {**column, "name": "label", "role": "category", "dtype": "str", "distinct": 2},
        {**column, "name": "other", "role": "category", "dtype": "str", "distinct": 2},
    ]
    if target in ("diagnosis", "progression"):
        columns.append({**column, "name": target, "role": "category"})
    return {
        "files": [{"name": "data.csv", "size": 1, "sha256": "0" * 64, "rows": w.rows}], "kind": w.kind, "rows": w.rows, "columns": columns,
        "targets": [{"value": "label", "reason": "It is the last column and has two values."}], "target": target, "task": w.task,
        "classes": [{"label": "no", "count": int(w.rows * 0.7)}, {"label": "yes", "count": w.rows - int(w.rows * 0.7)}],
        "policy": {"value": "stratified", "reason": "Classes, no groups, no dates."}, "reading": {"delimiter": ","},
    }


def _split(job: Any, run: str, w: World) -> dict[str, Any]:
    parts = {"train": {"rows": int(w.rows * 0.6)}, "validation": {"rows": int(w.rows * 0.2)}, "test": {"rows": int(w.rows * 0.2)}}
    return {"policy": job.policy, "seed": job.seed, "generation": job.generation, "parts": parts, "folds": job.folds or 0, "digest": f"split-{run}"}


def _checks(job: Any, run: str, w: World) -> dict[str, Any]:
    found = []
    if w.blocking:
        remedies = [Remedy(action="drop-column", title="Leave it out", recommended=True), Remedy(action="accept", title="Keep it")]
        found.append(Finding(id="leak:other", check="leak", severity="block", title="'other' gives the answer away", columns=["other"], remedies=remedies).model_dump())
    found.append(Finding(id="duplicates", check="duplicates", severity="warn", title="3 rows are copies", rows=3, remedies=[Remedy(action="drop-rows", title="Drop copies", recommended=True)]).model_dump())
    return {"findings": found, "coverage": [], "trust": "yes", "rows": w.rows, "rows_looked": w.rows}


def _baselines(job: Any, run: str, w: World) -> dict[str, Any]:
    metric = job.data.metric
    models = [
        model(f"{run}/trees", "gradient boosting", "trees", "baseline", w.best_baseline, metric),
        model(f"{run}/linear", "linear", "linear", "baseline", w.best_baseline - 0.03, metric),
        model(f"{run}/dummy", "constant", "dummy", "baseline", 0.5, metric),
    ]
    reason = {"no": "gradient boosting already reaches the goal", "yes": "the goal is out of reach of the baselines"}.get(w.need, "it is close")
    return {"models": models, "need": {"verdict": w.need, "reason": reason, "best": models[0]["ref"]}}


def _checkup(job: Any, run: str, w: World) -> dict[str, Any]:
    return {"verdicts": [{"id": "loss-at-init", "verdict": "pass", "detail": "0.69"}, {"id": "one-batch", "verdict": "pass"}], "parameters": 100}


def _find_lr(job: Any, run: str, w: World) -> dict[str, Any]:
    return {"lrs": [1e-4, 1e-3], "losses": [1.0, 0.5], "smooth": [1.0, 0.5], "suggestions": [{"name": "phasewise", "lr": 3e-3}], "chosen": 3e-3, "cycle": [1e-3, 6e-3]}


def _fit(job: Any, run: str, w: World) -> dict[str, Any]:
    made = model(f"{run}/net", job.config.network.family, job.config.network.family, "network", w.network, job.data.metric, config=job.config.model_dump(), seconds=12.0)
    return {"model": made, "diagnosis": {"verdict": w.verdict, "reason": "planted"}, "epochs": job.config.train.epochs}


def _ladder(job: Any, run: str, w: World) -> dict[str, Any]:
    return {"rungs": [], "reached": False, "advice": "Rethink the objective."}


def _try_ideas(job: Any, run: str, w: World) -> dict[str, Any]:
    metric = job.data.metric
    ideas = []
    for i, spec in enumerate(job.ideas):
        gain = w.step if i == 0 else 0.0
        config = apply_change(job.config, spec.change).model_dump()
        ideas.append({
            "id": spec.id, "title": spec.title, "change": spec.change, "gain": gain, "low": gain - 0.004, "high": gain + 0.004,
            "verdict": "better" if gain > 0.004 else "noise", "hours": 0.01, "values": [w.network + gain] * len(job.seeds), "base": [w.network] * len(job.seeds),
            "model": model(f"{run}/{spec.id}", spec.id, "mlp", "network", w.network + gain, metric, config=config),
        })
    base = model(f"{run}/incumbent", "incumbent", "mlp", "network", w.network, metric, config=job.config.model_dump())
    return {"incumbent": base, "ideas": ideas, "seeds": job.seeds, "evaluations": len(ideas) + 1}


def _search(job: Any, run: str, w: World) -> dict[str, Any]:
    trials = [{"id": str(i), "config": {}, "value": w.network, "epochs": 1, "state": "finished"} for i in range(job.trials)]
    best = model(f"{run}/best", "search", "mlp", "network", w.network, job.data.metric, config=job.config.model_dump())
    return {"trials": trials, "best": best, "best_change": {"train.lr": 0.002}, "evaluations": job.trials}


def _combine(job: Any, run: str, w: World) -> dict[str, Any]:
    metric = job.data.metric
    best = model(f"{run}/average", "average of 5", "ensemble", "ensemble", w.network + 0.03, metric)
    return {"singles": [], "ensembles": [best], "best": best, "gain": 0.03, "low": 0.01, "high": 0.05}


def _open_vault(job: Any, run: str, w: World) -> dict[str, Any]:
    metric = job.data.metric
    return {
        "test": score(w.test, metric), "validation": score(w.network, metric), "corrected": w.network, "evaluations": job.evaluations, "z": 0.5,
        "verdict": "confirmed", "reason": "planted", "looks": 1, "manifest": "m" * 64, "freeze": job.freeze,
    }


def _field(job: Any, run: str, w: World) -> dict[str, Any]:
    return {"name": job.name, "file": job.file, "rows": 200, "score": score(w.test, job.data.metric), "loop": "none"}


def _export(job: Any, run: str, w: World) -> dict[str, Any]:
    return {"files": [{"format": f, "path": f"export/{f}", "size": 1, "ok": f != w.bad_format, "note": "planted" if f == w.bad_format else ""} for f in job.formats]}


def _inspect(job: Any, run: str, w: World) -> dict[str, Any]:
    return {"model": job.model, "metrics": {job.data.metric: w.network}}


def _ablate(job: Any, run: str, w: World) -> dict[str, Any]:
    """The first component is worth something, the rest is noise."""
    metric = job.data.metric
    parts = [{"id": s.id, "title": s.title, "drop": 0.01 * (not i), "low": 0.005 if not i else -0.004, "high": 0.02, "p": 0.5, "p_holm": 0.5} for i, s in enumerate(job.components)]
    config = job.config
    for spec in job.components[1:]:
        config = apply_change(config, spec.change)
    pruned = model(f"{run}/pruned", "pruned", "mlp", "network", w.network, metric, config=config.model_dump()) if job.prune and len(parts) > 1 else None
    return {
        "full": model(f"{run}/full", "full", "mlp", "network", w.network, metric), "components": parts, "prune": job.prune, "pruned": pruned,
        "removed": [p["id"] for p in parts[1:]] if job.prune else [], "evaluations": 3 * len(parts),
    }


_RESULTS = {
    "inspect": _inspect, "ablate": _ablate,
    "profile": _profile, "split": _split, "checks": _checks, "baselines": _baselines, "checkup": _checkup, "find_lr": _find_lr, "fit": _fit,
    "ladder": _ladder, "try_ideas": _try_ideas, "search": _search, "combine": _combine, "open_vault": _open_vault, "field": _field, "export": _export,
}


class FakeRecipe:
    """A recipe of a table kind, small and complete."""

    families = {"one_hidden": "one hidden layer", "mlp": "MLP"}
    recipes = ({"id": "table", "title": "a table", "reason": "Rows and columns of mixed type."},)
    losses = {"binary": ["bce"], "multiclass": ["cross_entropy"], "regression": ["mse", "huber"]}
    baselines = {"classification": ["dummy", "linear", "trees"], "regression": ["dummy", "ridge", "trees"]}
    space = {"train.lr": {"low": 1e-4, "high": 1e-1, "log": True}}
    ideas = (
        {"id": "dropout-last", "title": "dropout 0.25 before the last layer", "category": "regularise", "change": {"network.dropout": [0.25]}, "cures": ["high_variance"], "complexity": 1},
        {"id": "decay", "title": "more weight decay", "category": "regularise", "change": {"train.weight_decay": 0.1}, "cures": ["high_variance"], "complexity": 1},
        {"id": "wider", "title": "a wider network", "category": "architecture", "change": {"network.hidden": [256]}, "cures": ["high_bias"], "complexity": 2},
        {"id": "smoothing", "title": "label smoothing", "category": "loss", "change": {"train.label_smoothing": 0.05}, "cures": ["high_variance", "high_bias"], "complexity": 1},
    )
    ladders = {"step4": ["dropout-last", "decay"]}
