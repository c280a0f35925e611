"""A journal of a whole project, made of real records, for the report's tests."""

from dataclasses import dataclass, field
from typing import Any

from phasewise.records.findings import CheckRun, Finding
from phasewise.records.ideas import Idea, Outcome, Prediction
from phasewise.records.results import (
    BaselinesResult,
    ChecksResult,
    ColumnSummary,
    CombineResult,
    Component,
    Diagnosis,
    DriftRow,
    ExportedFile,
    ExportResult,
    FieldResult,
    FileIdentity,
    FinderResult,
    FitResult,
    IdeaResult,
    InspectResult,
    ModelResult,
    NeedVerdict,
    PairedRow,
    PartSummary,
    ProfileResult,
    Score,
    SearchResult,
    SliceRow,
    SplitResult,
    Suggestion,
    TrialResult,
    TryIdeasResult,
    VerifyResult,
)
from phasewise.records.results.tune import AblateResult


@dataclass
class FakeEntry:
    """One entry as the project room gives it."""

    seq: int
    t: float
    kind: str
    data: dict[str, Any]


@dataclass
class FakeJournal:
    """Entries in memory."""

    items: list[FakeEntry] = field(default_factory=list)

    def append(self, kind: str, data: dict[str, Any]) -> None:
        """Add an entry one second later."""
        self.items.append(FakeEntry(len(self.items), 1_700_000_000.0 + len(self.items), kind, data))

    def evidence(self, job: str, result: Any, **more: Any) -> None:
        """Add evidence the way the session does."""
        run = more.pop("run", f"r{len(self.items):03d}-{job}")
        self.append("evidence", {"job": job, "run": run, "phase": more.pop("phase", "train"), "title": "", "inputs": more.pop("inputs", {}), "seconds": 1.5,
                                 "environment": {"versions": {"torch": "2.13"}, "device": "cpu", "threads": 1}, "result": result.model_dump(mode="json"), **more})

    def entries(self) -> list[FakeEntry]:
        """All entries."""
        return list(self.items)


@dataclass
class FakeProject:
    """A project with a journal."""

    name: str = "demo"
    journal: FakeJournal = field(default_factory=FakeJournal)


def score(value: float, half: float = 0.0123) -> Score:
    """A score with a symmetric interval."""
    return Score(metric="roc_auc", value=value, low=value - half, high=value + half, n=500, method="delong")


def model(name: str, value: float, source: str = "network", family: str = "mlp", run: str = "r1") -> ModelResult:
    """A model on record."""
    return ModelResult(ref=f"{run}/{name}", name=name, family=family, source=source, train=score(value + 0.02), validation=score(value), seconds=2.25, parameters=1234, size_mb=0.5, latency_ms=0.125)


def small() -> FakeProject:
    """Only created: every section must say why it is empty."""
    project = FakeProject()
    project.journal.append("created", {"name": "demo", "tool": "phasewise"})
    return project


def whole(column: str = "age", title: str = "an idea", openings: int = 1) -> FakeProject:
    """Every kind of entry once (openings as often as asked)."""
    p = FakeProject()
    j = p.journal
    j.append("created", {"name": "demo"})
    j.append("answers", {"phase": "goals", "values": {"metric": "roc_auc", "target": 0.91234567}, "sources": {"metric": "typed"}})
    j.evidence("profile", ProfileResult(files=[FileIdentity(name=f"{column}.csv", size=1234, sha256="ab" * 32, rows=2000)], kind="tabular", rows=2000,
               columns=[ColumnSummary(name=column, role="number", dtype="Float64", rows=2000, missing=17, distinct=73, minimum=17.0, maximum=90.0, mean=38.6437, std=13.71)], target="y", task="binary"), inputs={"data.target": "f1"})
    j.evidence("checks", ChecksResult(findings=[Finding(id=f"constant:{column}", check="constant", severity="warn", title=f"Column {column} is constant", seen="99.93 %")],
               coverage=[CheckRun(check="constant", state="ran"), CheckRun(check="leak", state="skipped", why="too few rows")], trust="with_reservations", trust_reason="one check did not run", rows=1500, rows_looked=1500))
    j.append("remedy", {"finding": f"constant:{column}", "action": "drop-column"})
    j.evidence("split", SplitResult(policy="stratified", seed=7, parts={"train": PartSummary(rows=1201), "validation": PartSummary(rows=401), "test": PartSummary(rows=398)}, digest="d1", manifest="m1"))
    j.append("answers", {"phase": "approach", "values": {"recipe": "tabular"}, "sources": {}})
    j.evidence("baselines", BaselinesResult(models=[model("trees", 0.9171234, "baseline", "trees")], need=NeedVerdict(verdict="maybe", reason="The gap is inside the interval.", gap=0.004321)))
    j.evidence("find_lr", FinderResult(lrs=[1e-4, 1e-3, 1e-2, 1e-1], losses=[0.7, 0.6, 0.4, 2.0], smooth=[0.7, 0.6, 0.45, 1.5], suggestions=[Suggestion(name="phasewise", lr=0.00317)], chosen=0.00317, sweeps=5))
    j.evidence("fit", FitResult(model=model("fit-0", 0.9234321), curves={"train_loss": [[1, 0.7], [2, 0.5]], "validation_loss": [[1, 0.7], [2, 0.55]]},
               diagnosis=Diagnosis(verdict="high_variance", reason="Validation is worse than training by 0.0313.", train_error=0.05, validation_error=0.0813, variance=0.0313, se=0.004), watch=[{"layer": "fc1", "quantity": "dead", "step": 10, "value": 0.6, "bound": 0.5}]), inputs={"data.target": "f1"})
    j.append("idea", {"idea": Idea(id="i1", title=title, category="regularise", status="no_gain", prediction=Prediction(gain=0.01, low=-0.01, high=0.03, success=0.3),
             outcome=Outcome(gain=0.0007654, low=-0.004, high=0.0061, seeds=5, adopted=False, reason="the interval includes 0")).model_dump(mode="json")})
    j.evidence("try_ideas", TryIdeasResult(incumbent=model("base", 0.92), ideas=[IdeaResult(id="i1", title=title, change={"network.dropout": [0.25]}, gain=0.0007654, low=-0.004, high=0.0061, verdict="noise")], seeds=[0, 1, 2, 3, 4]), phase="tune")
    j.evidence("search", SearchResult(trials=[TrialResult(id="t0", config={"train.lr": 0.004}, value=0.9254, epochs=8, state="finished")], best=model("search-best", 0.9254), optimism=0.0061, evaluations=24), phase="tune")
    j.evidence("ablate", AblateResult(full=model("full", 0.925), components=[Component(id="bn", title="batch norm", drop=0.0111, low=0.004, high=0.018, p=0.004, p_holm=0.008)], interaction=0.0005), phase="tune")
    j.evidence("inspect", InspectResult(model="r1/fit-0", slices=[SliceRow(name=f"{column} > 60", rows=88, value=0.8314, low=0.75, high=0.9, rest=0.93, p=0.001, q=0.012, significant=True)],
               calibration={"bins": [{"mean": 0.1, "observed": 0.12}, {"mean": 0.8, "observed": 0.7}], "ece": 0.0345, "temperature": 1.4, "ece_after": 0.011}, confusion={"labels": ["no", column], "counts": [[300, 20], [30, 50]]},
               importance=[{"column": column, "drop": 0.0567, "low": 0.04, "high": 0.07}]), phase="tune")
    j.evidence("combine", CombineResult(singles=[model("fit-0", 0.9234)], ensembles=[model("average", 0.9288, "ensemble", "ensemble")], best=model("average", 0.9288, "ensemble", "ensemble"), gain=0.0054, low=0.0011, high=0.0097, weights={"fit-0": 0.625}), phase="strengthen")
    j.append("override", {"phase": "baseline", "gate": "need", "reason": f"because {column}"})
    for k in range(1, openings + 1):
        j.append("look", {"run": f"v{k}", "looks": k, "generation": 1, "reason": "final"})
        j.evidence("open_vault", VerifyResult(test=score(0.9188765 + k / 1000), validation=score(0.9288), corrected=0.9241, evaluations=31, z=0.53, verdict="confirmed", reason="interval above target", looks=k, rows=398,
                   paired=[PairedRow(name="trees", value=0.915, difference=0.0038, low=-0.002, high=0.0096)], claim="target", target=0.9123, warning="not the first look" if k > 1 else ""), run=f"v{k}", phase="verify")
    j.evidence("field", FieldResult(name=column, file="new.csv", rows=300, score=score(0.88), drift=[DriftRow(column=column, p=0.0001, q=0.0004, effect=0.31, drifted=True, detail="mean moved")], domain_auc=0.71, loop="new_sets", loop_reason="drift", do_not_trust=["rows over 60"]), phase="field")
    j.evidence("export", ExportResult(files=[ExportedFile(format="bundle", path="export/bundle", size=4096, parity=1.5e-7, rows=64)]), phase="ship")
    return p
