"""The metrics a goal can name; computation lives in `phasewise.stats.scores`, names are scikit-learn's (G04)."""

import re
from dataclasses import dataclass
from typing import Literal

from phasewise.records.errors import UsageError

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What is known of a metric without computing it."""

    id: str
    title: str
    maximize: bool
    tasks: tuple[Task, ...]
    needs: Literal["labels", "probabilities", "values"]
    bounded: bool = True
    """Whether values lie in [0, 1] (or have 1 as best)."""

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """The word of the status contract."""
        return "maximize" if self.maximize else "minimize"


_BOTH: tuple[Task, ...] = ("binary", "multiclass")

METRICS: dict[str, Metric] = {
    m.id: m
    for m in (
        Metric(id="accuracy", title="accuracy", maximize=True, tasks=_BOTH, needs="labels"),
        Metric(id="balanced_accuracy", title="balanced accuracy", maximize=True, tasks=_BOTH, needs="labels"),
        Metric(id="f1_macro", title="macro F1", maximize=True, tasks=_BOTH, needs="labels"),
        Metric(id="f1_weighted", title="weighted F1", maximize=True, tasks=_BOTH, needs="labels"),
        Metric(id="roc_auc", title="ROC AUC", maximize=True, tasks=_BOTH, needs="probabilities"),
        Metric(id="average_precision", title="average precision", maximize=True, tasks=_BOTH, needs="probabilities"),
        Metric(id="log_loss", title="log loss", maximize=False, tasks=_BOTH, needs="probabilities", bounded=False),
        Metric(id="brier", title="Brier score", maximize=False, tasks=_BOTH, needs="probabilities"),
        Metric(id="rmse", title="RMSE", maximize=False, tasks=("regression",), needs="values", bounded=False),
        Metric(id="mae", title="MAE", maximize=False, tasks=("regression",), needs="values", bounded=False),
        Metric(id="mape", title="MAPE", maximize=False, tasks=("regression",), needs="values", bounded=False),
        Metric(id="r2", title="R2", maximize=True, tasks=("regression",), needs="values"),
        Metric(id="mase", title="MASE", maximize=False, tasks=("regression",), needs="values", bounded=False),
    )
}

_GOAL = re.compile(r"^\s*([a-z0-9_]+)\s*(>=|<=|>|<|=)\s*([-+0-9.eE]+%?)\s*$")


def metric(metric_id: str) -> Metric:
    """The metric of an id; a `UsageError` names the nearest valid id."""
    if metric_id in METRICS:
        return METRICS[metric_id]
    import difflib

    near = difflib.get_close_matches(metric_id, METRICS, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise UsageError(f"unknown metric {metric_id!r}", "It is not one of Phasewise's metric ids.", f"{hint}Valid: {', '.join(METRICS)}.")


def better(metric_id: str, a: float, b: float) -> bool:
    """Whether value `a` is strictly better than `b` on a metric."""
    return a > b if metric(metric_id).maximize else a < b


def meets(metric_id: str, value: float, target: float) -> bool:
    """Whether a value reaches a target."""
    return value >= target if metric(metric_id).maximize else value <= target


def standing(metric_id: str, low: float, high: float, target: float) -> Literal["reached", "open", "missed"]:
    """How an interval stands to a target: wholly beyond it, on both sides, or wholly short of it."""
    worst, best = (low, high) if metric(metric_id).maximize else (high, low)
    return "reached" if meets(metric_id, worst, target) else "open" if meets(metric_id, best, target) else "missed"


def parse_goal(text: str) -> tuple[str, float]:
    """`"roc_auc>=0.92"` as metric id and target; the sign must agree with the metric's direction."""
    match = _GOAL.match(text)
    if not match:
        raise UsageError(f"cannot read the goal {text!r}", "A goal is METRIC>=NUMBER or METRIC<=NUMBER.", 'Write for example --goal "roc_auc>=0.92".')
    found = metric(match[1])
    if match[2] in (">", ">=") and not found.maximize or match[2] in ("<", "<=") and found.maximize:
        sign = ">=" if found.maximize else "<="
        raise UsageError(f"the goal {text!r} points the wrong way", f"{found.title} is better when {'higher' if found.maximize else 'lower'}.", f'Write --goal "{found.id}{sign}{match[3]}".')
    raw = match[3]
    value = float(raw[:-1]) / 100 if raw.endswith("%") else float(raw)
    return found.id, value
