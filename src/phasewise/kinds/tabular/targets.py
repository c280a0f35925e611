"""The target: which column it may be, which task it makes, how its cells become class numbers or values."""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from phasewise.kinds.shared.labels import Labels
from phasewise.kinds.shared.naming import class_named
from phasewise.kinds.tabular import casting
from phasewise.kinds.tabular.roles import MAX_CARD, Facts
from phasewise.records.errors import BadInputError, UsageError
from phasewise.records.jobs import DataView
from phasewise.records.metrics import Task
from phasewise.records.results.data import Proposal
from phasewise.records.text import safe_text

_STRONG = re.compile(r"^(target|label|labels|class|y|outcome|response|output|result)$|_(target|label|class)$", re.I)
_WEAK = re.compile(
    r"surviv|churn|^income$|price|value$|default|fraud|spam|diagnos|species|quality|score|rating|attrition|cover_type|sale|salary|"
    r"delay|approved|converted|clicked|click|disease|risk|type$|category$|medv|charges$|strength|consumption|progression|deceased|died|death|count$|cnt$", re.I,
)
_COUNT_NAME = re.compile(r"(^|_)(nb|nbr|counts?|cnt|claims?|visits|incidents|accidents|events|children|calls|goals)(_|$)|^(n|num|number|no)_(of_)?[a-z]")
_CLASS_NAME = re.compile(r"class|type|label|species|categor|cover|group|digit|diagnos|kind", re.I)
_VALUE_NAME = re.compile(r"score|rating|quality|stars|satisfaction|likert|grade|count|age|amount|price|number|rings|days|hours", re.I)
_POSITIVE = ("1", "yes", "true", "y", "t", "positive", "pos", "spam", ">50k", "fraud", "bad", "churn", "malignant", "died", "default", "sick", "success", "good", "m")
_NEGATIVE = ("0", "no", "false", "n", "f", "negative", "neg", "ham", "<=50k", "-1", "benign", "healthy", "normal", "none", "b")
_TRAIT = re.compile(r"^(sex|gender|age|race|country|city|state|region|year|month)$", re.I)
_UNSURE = ("unknown", "undefined", "unspecified", "missing", "not available", "tbd", "unlabelled", "unlabeled", "unbekannt", "k.a.", "(blank)")
MAX_CLASSES = 200


def propose_targets(order: Sequence[str], roles: dict[str, str], facts: dict[str, Facts], reasons: dict[str, str], limit: int = 5) -> list[Proposal]:
    """Columns that may be the target, most likely first, each with its reason."""
    found, lowered = [], {str(c).strip().lower() for c in order}
    for place, name in enumerate(order):
        fact, role = facts[name], roles[name]
        if fact.distinct < 2 or fact.filled == 0:
            continue
        score, why = 0.0, []
        if _STRONG.search(name) and not (name.lower() == "y" and "x" in lowered):  # beside an x it is a place
            score, why = score + 3, why + ["its name says so"]
        elif _WEAK.search(name) or _counts(name) and not fact.distinct > 1000:
            score, why = score + 2.0, why + ["its name is a usual outcome"]
        if place == len(order) - 1:
            score, why = score + 1.5, why + ["it is the last column"]
        elif place == 0:
            score, why = score + 0.3, why + ["it is the first column"]
        if 2 <= fact.distinct <= 2:
            score, why = score + 0.8, why + ["it has two values"]
        elif fact.distinct <= MAX_CARD:
            score, why = score + 0.3, why + [f"it has {fact.distinct} values"]
        if role in ("text", "date", "ignore"):
            score -= 3
        if fact.missing > 0.2 * fact.rows or _TRAIT.search(name):
            score -= 1
        if why and score > 0:
            found.append((score, -place, Proposal(value=name, reason=", ".join(why), confidence=min(score / 5, 0.95))))
    return [p for _, _, p in sorted(found, key=lambda f: f[:2], reverse=True)[:limit]]


def _counts(name: str) -> bool:
    """Whether a name says that something was counted (ClaimNb, n_visits)."""
    return bool(_COUNT_NAME.search(re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))


def find_target(columns: Sequence[str], target: str) -> str:
    """The target's name if the table has it; else a `BadInputError` with the nearest name."""
    if target in columns:
        return target
    import difflib

    lowered = {c.lower().strip(): c for c in columns}
    near = lowered.get(target.lower().strip()) or next(iter(difflib.get_close_matches(target, columns, n=1, cutoff=0.5)), None)
    hint = f"Did you mean {safe_text(near, 60)!r}? " if near else ""
    shown = ", ".join(safe_text(c, 30) for c in columns[:12]) + (", ..." if len(columns) > 12 else "")
    raise BadInputError(f"no column named {safe_text(target, 60)!r}", f"The target is not among the {len(columns):,} columns.", f"{hint}Columns: {shown}.", where=target)


def read_labels(column: pl.Series, view: DataView, classes: Sequence[str] = ()) -> pl.Series:
    """The target's cells as class labels: text, spellings of one class joined, marks of no label missing."""
    from phasewise.checks.spelling import labels_read

    kept = [str(c) for c in view.options.get("declared_classes") or ()]
    return labels_read(casting.to_category(column), [*kept, *view.relabel.values(), *([view.positive] if view.positive else [])], classes)


def label_notes(column: pl.Series, view: DataView) -> list[str]:
    """What was read into the labels, for a person."""
    from phasewise.checks.spelling import changed

    marks, spelled = changed(text := casting.to_category(column), read_labels(column, view))
    out = []
    if marks:
        out.append(f"{sum(marks.values()):,} labels {', '.join(repr(safe_text(m, 12)) for m in marks)} are read as missing (declare the class to keep it: --set data.declared_classes=...)")
    if spelled:
        shown = ", ".join(f"{safe_text(a, 20)!r} as {safe_text(b, 20)!r}" for a, b in list(spelled.items())[:4])
        out.append(f"spellings of one class are joined: {shown}{' ...' if len(spelled) > 4 else ''}")
    unsure = [v for v in text.drop_nulls().unique().sort() if v.strip().lower() in _UNSURE]
    if unsure and text.drop_nulls().n_unique() > 2:
        out.append(f"{', '.join(repr(safe_text(v, 20)) for v in unsure)} may say that nobody gave a label rather than name a class: blank these cells if so")
    return out


def check_target(column: pl.Series, task: str | None = None) -> None:
    """Refuse a target that is all missing or holds a single value (`BadInputError`)."""
    name, filled = safe_text(column.name, 60), len(column) - column.null_count()
    if filled == 0:
        raise BadInputError(f"the target {name!r} is empty", f"All {len(column):,} cells are missing.", "Choose another target column or fill in the labels.", where=column.name)
    if column.drop_nulls().n_unique() == 1:
        value = safe_text(column.drop_nulls()[0], 40)
        what = "one class" if column.dtype == pl.String or task in ("binary", "multiclass") else "one value"
        raise BadInputError(f"the target {name!r} has only {what}", f"All {filled:,} filled cells hold {value!r}: there is nothing to predict.", "Choose another target column or add rows with other outcomes.", where=column.name)


def propose_task(column: pl.Series) -> tuple[Task, str]:
    """Task and reason for a target column (natural types)."""
    if column.dtype == pl.String and not (casting.number_format(column) and column.n_unique() > MAX_CARD):
        from phasewise.checks.spelling import labels_read

        column = labels_read(column)
    distinct = column.drop_nulls().n_unique()
    if distinct == 2:
        return "binary", "two values"
    if column.dtype == pl.String:
        fmt = casting.number_format(column)
        if fmt and distinct > MAX_CARD:
            return "regression", "numbers stored as text"
        return "multiclass", f"{distinct} text labels"
    if column.dtype.is_integer() and distinct <= MAX_CARD:
        low, high = int(column.min()), int(column.max())
        if _CLASS_NAME.search(column.name):
            return "multiclass", f"{distinct} whole numbers and a name of classes"
        if low == 0 and _counts(column.name):
            return "regression", f"counts from 0 to {high}, by its name; if each is a class of its own, take multiclass (--set data.task=multiclass)"
        if low in (0, 1) and high - low + 1 == distinct and not _VALUE_NAME.search(column.name):
            return "multiclass", f"whole numbers from {low} to {high} without a gap; if their order counts (grades, ratings: 4 for a 5 is a smaller error than 1), take regression (--set data.task=regression)"
        return "regression", f"ordered whole numbers from {low} to {high}: the distance between them counts; if each is a class of its own, take multiclass (--set data.task=multiclass)"
    return "regression", f"numbers with {distinct:,} distinct values"


def encode(column: pl.Series, view: DataView, classes: Sequence[str] | None = None) -> Labels:
    """The target column in numbers; for a binary task class 1 is the positive one.

    `classes` fixes the classes (of a saved model or of the whole labelled file); unseen labels become missing.
    """
    task = view.task or propose_task(column)[0]
    if task == "regression":
        values = casting.parse_numbers(column, casting.formats_of(view).get(column.name) or _format(column)).to_numpy().astype(np.float64)
        if not np.isfinite(values).any():
            raise UsageError(f"the target {safe_text(column.name, 60)!r} holds no numbers", "The task is regression but no cell is a number.", "Set the task to multiclass, or choose another target.")
        return Labels(task=task, classes=(), y=np.where(np.isfinite(values), values, np.nan))
    text = read_labels(column, view, classes or ())
    if view.relabel and all(not k.isdigit() for k in view.relabel):
        text = text.replace(view.relabel)
    found = tuple(classes) if classes else order_classes(text, view)
    index = {c: i for i, c in enumerate(found)}
    codes = text.replace_strict(list(index), list(index.values()), default=-1, return_dtype=pl.Int64) if index else pl.Series([], dtype=pl.Int64)
    return Labels(task=task, classes=found, y=codes.fill_null(-1).to_numpy().astype(np.int64))


def _format(column: pl.Series) -> str:
    return (casting.number_format(column) or "plain") if column.dtype == pl.String else "plain"


def order_classes(text: pl.Series, view: DataView) -> tuple[str, ...]:
    """Class names in a stable order (numbers by value, else alphabetic); the positive class of two comes second."""
    levels = text.drop_nulls().unique().to_list()
    if len(levels) > MAX_CLASSES and view.task != "multiclass":
        raise UsageError(f"the target has {len(levels):,} classes", f"More than {MAX_CLASSES} distinct text labels.", "Choose another target, or say that these are the classes: --set data.task=multiclass.")
    try:
        levels.sort(key=lambda v: (float(v), v))
    except ValueError:
        levels.sort()
    if len(levels) == 2:
        levels = sorted(levels, key=lambda v: v == positive_class(text, levels, view.positive))
    return tuple(levels)


def positive_class(text: pl.Series, levels: Sequence[str], wish: str | None) -> str:
    """The positive class of two: as wished, by a usual name, else the rarer one."""
    if wish is not None:
        return class_named(wish, levels)
    folded = {v.strip().strip("'\"").rstrip(".").lower(): v for v in levels}
    for name in _NEGATIVE:
        if name in folded and len(folded) == 2:
            return next(v for k, v in folded.items() if k != name)
    for name in _POSITIVE:
        if name in folded:
            return folded[name]
    counts = {v: int((text == v).sum()) for v in levels}
    return min(levels, key=lambda v: (counts[v], v))
