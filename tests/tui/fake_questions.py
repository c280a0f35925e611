"""Question records as the session hands them out, with texts as the content files would hold."""

from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from phasewise.records.metrics import METRICS

CHOICES = {
    "metrics": [(m.id, m.title) for m in METRICS.values() if "binary" in m.tasks],
    "recipes": [("tabular-classification", "Classify rows of a table"), ("tabular-regression", "Predict a number from a table")],
    "losses": [("cross_entropy", "cross entropy"), ("focal", "focal"), ("bce", "binary cross entropy")],
    "families": [("linear", "linear"), ("one_hidden", "one hidden layer"), ("mlp", "several layers"), ("tabm", "TabM"), ("realmlp", "RealMLP")],
    "baselines": [("dummy", "majority class"), ("logistic", "logistic regression"), ("knn", "nearest neighbours"), ("random_forest", "random forest"), ("hist_gradient_boosting", "gradient boosting")],
    "kinds": [("tabular", "a table"), ("images", "images")],
    "columns": [("age", "number · 73 values · 17 to 90"), ("workclass", "category · 8 values · Private, Self-emp-not-inc"), ("class", "category · 2 values · <=50K, >50K"), ("sex", "category · 2 values · Male, Female")],
    "classes": [("<=50K", "<=50K"), (">50K", ">50K")],
    "candidates": [("run-c/weighted", "weighted ensemble · 0.9317"), ("run-s/t00", "network t00 · 0.9300"), ("run-b/hist_gradient_boosting", "gradient boosting · 0.9283")],
}
TEXTS = {
    "goals.metric": ("Which number decides whether the model is good?", "One number; the others are shown beside it.", "A single number ends arguments.\n\nPick the one whose rise you would pay for. **ROC AUC** asks how well rows are ranked, accuracy how often the top class is right.\n\nSource: G04"),
    "goals.target": ("From which value on is the model good enough?", "In the metric's own unit.", "A target set before training keeps the end honest."),
    "goals.claim": ("On what must it hold?", "Decides how the test rows are chosen.", ""),
    "goals.expected_low": ("What do you expect, at the least?", "A guess now; compared with the result later.", ""),
    "goals.expected_high": ("What do you expect, at the most?", "", ""),
    "goals.expected_why": ("Why do you expect that?", "", ""),
    "goals.budget_trials": ("How many trials may tuning take?", "Budgets are trials, never seconds.", ""),
    "data.file": ("Which file holds the data?", "CSV or Parquet, also compressed.", "One row an example, one column a feature."),
    "data.target": ("Which column is to be predicted?", "", ""),
    "data.policy": ("How are the test rows chosen?", "Must match what the model is used for.", ""),
    "train.lr": ("How large is a step?", "The LR finder suggests it.", ""),
    "verify.predicted": ("Which score do you predict on the sealed rows?", "Asked before the vault opens; it shows how well you know your model.", ""),
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question with its present value; the same fields as `workflow.questions.Question`."""

    phase: str
    name: str
    text: str
    hint: str = ""
    why: str = ""
    source_text: str = "G04"
    type: str
    widget: str = ""
    choices: list[tuple[Any, str]]
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    unit: str = ""
    advanced: bool = False
    visible: bool = True
    required: bool = False
    optional: bool = True
    locked: str = ""
    flag: str = ""
    value: Any = None
    source: str = "default"
    default: Any = None
    recommendation: Any = None
    order: int = 0

    @property
    def key(self) -> str:
        return f"{self.phase}.{self.name}"


def question_type(info: Any, meta: dict) -> tuple[str, list[tuple[Any, str]]]:
    """The type word of a field and the choices its annotation names."""
    if meta["widget"] == "path":
        return ("paths" if get_origin(info.annotation) is list else "path"), []
    if meta["widget"] == "column":
        return "column", []
    if meta["widget"] == "columns":
        return "map", []
    kind = info.annotation
    args = [a for a in get_args(kind) if a is not NoneType]
    if get_origin(kind) is not Literal and NoneType in get_args(kind) and len(args) == 1:
        kind = args[0]
    if get_origin(kind) is Literal:
        return "choice", [(a, str(a).replace("_", " ")) for a in get_args(kind)]
    if get_origin(kind) is list:
        inner = get_args(kind)[0]
        named = [(a, str(a).replace("_", " ")) for a in get_args(inner)] if get_origin(inner) is Literal else []
        return ("choices" if named or meta["choices_from"] else "list"), named
    if meta["choices_from"]:
        return "choice", []
    return {bool: "bool", int: "int", float: "float"}.get(kind, "text"), []
