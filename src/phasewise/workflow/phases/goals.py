"""Phase 1: what does success look like, in numbers? (G01-G07, L08)"""

from typing import Any

from phasewise.records.metrics import METRICS, meets
from phasewise.workflow.phases.base import Phase
from phasewise.workflow.phases.data import PROFILE
from phasewise.workflow.trivial import between, constant_value
from phasewise.workflow.words import GateItem, Problem, Recommendation

RARE = 0.10
"""Below this share of the rarer class a ranking of the rare cases (average precision) says more than ROC AUC (Davis & Goadrich 2006)."""


def own_target(view: Any) -> bool:
    """Whether a person chose the target, and did not just take the proposed one."""
    return view.book.source("goals", "target") not in ("recommended", "default")


def recommended_metric(profile: Any) -> Recommendation | None:
    """A metric for the task and its balance, with the numbers behind it (G04)."""
    if profile is None or not profile.task:
        return None
    if profile.task == "regression":
        return Recommendation(value="rmse", reason="Numbers are predicted; RMSE is in the target's own unit and is what squared loss fits.")
    counts = sorted((b.count for b in profile.classes), reverse=True)
    total = sum(counts) or 1
    rarest, most = (counts[-1] / total, counts[0] / total) if counts else (0.0, 0.0)
    if profile.task == "binary" and rarest < RARE:
        return Recommendation(value="average_precision", reason=f"Only {rarest:.1%} of the rows are of the rarer class: finding them is what counts.")
    if profile.task == "binary":
        return Recommendation(value="roc_auc", reason=f"Two classes ({most:.0%} to {1 - most:.0%}): ROC AUC judges the ranking and needs no threshold yet.")
    if most > 2 / max(len(counts), 1):
        return Recommendation(value="balanced_accuracy", reason=f"{len(counts)} classes of unequal size (the largest holds {most:.0%}): every class counts the same.")
    return Recommendation(value="accuracy", reason=f"{len(counts)} classes of similar size: accuracy is what it says.")


class Goals(Phase):
    """Metric, target, limits, budget, expected range."""

    id = "goals"
    advice_from = ("profile",)
    required = ("metric", "target")

    def next_job(self, view: Any) -> Any:
        """With data at hand it is profiled first, so that the questions come with recommendations."""
        if view.explicit("data.file") and view.current(PROFILE.slot) is None:
            return PROFILE.build(view)
        return None

    def recommend(self, view: Any) -> dict[str, Recommendation]:
        """Metric by task and balance, a first target, a claim by the columns, a budget by the rows."""
        profile = view.profile()
        out: dict[str, Recommendation] = {}
        proposed = recommended_metric(profile)
        if proposed:
            out["metric"] = proposed
        metric = view.explicit("goals.metric") or (proposed.value if proposed else None)
        if metric in METRICS and profile is not None:
            start = constant_value(metric, profile)
            share = 0.8 if METRICS[metric].bounded else 0.5
            target = between(metric, profile, share)
            if target is not None and start is not None:
                out["target"] = Recommendation(value=target, reason=f"A first goal: {share:.0%} of the way from a constant ({start:.4g}) to perfect. Put the number you need here.")
                low, high = between(metric, profile, 0.4), between(metric, profile, 0.95)
                ends = sorted((low, high)) if low is not None and high is not None else None
                if ends:
                    why = "A wide guess until you write your own: well above a constant, short of perfect."
                    out["expected_low"] = Recommendation(value=ends[0], reason=why)
                    out["expected_high"] = Recommendation(value=ends[1], reason=why)
        claim, why = "new_rows", "The rows look independent: the claim is about more rows of the same kind."
        policy = profile.policy.value if profile is not None and profile.policy else ""
        if policy == "time":
            claim, why = "later_time", f"There is a time column ({', '.join(profile.time_columns[:2])}): the claim should be about later rows."
        elif policy == "grouped":
            claim, why = "new_groups", f"Rows share {', '.join(profile.group_columns[:2])}: the claim should be about groups never seen."
        out["claim"] = Recommendation(value=claim, reason=why)
        rows = profile.rows if profile is not None else 0
        trials = 24 if rows < 50_000 else 12
        out["budget_trials"] = Recommendation(value=trials, reason=f"{trials} trials keep a table of {rows:,} rows at minutes, not hours." if rows else "A first budget: minutes, not hours.")
        return out

    def problems(self, view: Any) -> list[Problem]:
        """Metric and task must agree, ranges must be in order."""
        out: list[Problem] = []
        metric, task = view.value("goals.metric"), view.value("data.task")
        if metric and metric not in METRICS:
            out.append(Problem(phase="goals", field="metric", message=f"{metric!r} is no metric of Phasewise.", remedy=f"Choose one of {', '.join(METRICS)}."))
        elif metric and task and task not in METRICS[metric].tasks:
            fit = [m for m, d in METRICS.items() if task in d.tasks]
            out.append(Problem(phase="goals", field="metric", message=f"{METRICS[metric].title} does not fit a {task} task.", remedy=f"Choose one of {', '.join(fit)}."))
        low, high = view.value("goals.expected_low"), view.value("goals.expected_high")
        if low is not None and high is not None and low > high:
            out.append(Problem(phase="goals", field="expected_low", message="The expected range runs backwards.", remedy="Put the smaller number first."))
        target = view.value("goals.target")
        if metric in METRICS and METRICS[metric].bounded and target is not None and (target > 1 or target < 0 and metric != "r2"):
            out.append(Problem(phase="goals", field="target", message=f"{METRICS[metric].title} lies between 0 and 1; {target:g} does not.", remedy="Write 0.9 for 90 %."))
        return out

    def gate(self, view: Any) -> list[GateItem]:
        """A number to reach, and one that a constant does not reach already (G03)."""
        metric, target = view.value("goals.metric"), view.value("goals.target")
        named = metric in METRICS and target is not None
        items = [GateItem(id="goal-number", ok=named, overridable=False, text=f"goal: {METRICS[metric].title} {'>=' if METRICS[metric].maximize else '<='} {target:g}" if named else "a metric and a target number")]
        if named:
            start = constant_value(metric, view.profile())
            if start is None:
                items.append(GateItem(id="better-than-constant", ok=True, text="compared with a constant as soon as the data is known"))
            else:
                met = meets(metric, start, target)
                say = f"a constant already reaches {start:.4g}, the goal is {target:g}" if met else f"a constant reaches {start:.4g}: the goal asks for more"
                items.append(GateItem(id="better-than-constant", ok=not met, text=say, remedy="Set a target that is better than a constant, or another metric."))
        return items

    def choices(self, view: Any, name: str) -> list[tuple[str, str]] | None:
        """Metrics that fit the task."""
        if name != "metrics":
            return None
        task = view.value("data.task")
        return [(m.id, m.title) for m in METRICS.values() if not task or task in m.tasks]

    def locked_fields(self, view: Any) -> dict[str, str]:
        """The expected range is a prediction: once a model has been scored it stays as it was (G07)."""
        if any(view.facts.evidence.latest(s) for s in ("baselines", "fit", "checkup")):
            why = "A model has been scored already; an expectation written now would not be one."
            return {"expected_low": why, "expected_high": why, "expected_why": why}
        return {}

    def summary(self, view: Any) -> str:
        """The goal as one line."""
        metric, target = view.value("goals.metric"), view.value("goals.target")
        if metric not in METRICS or target is None:
            return "no goal yet"
        return f"{METRICS[metric].title} {'>=' if METRICS[metric].maximize else '<='} {target:g}"
