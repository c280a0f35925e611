"""Remedies as pure, replayable steps: nothing is learned from the file they are applied to.

A view stores them as finding id -> spelled remedy: `drop-column`, or with arguments `to-missing?{"values":[-999]}`.
Whatever a remedy needs to know was learned by the check on development rows and travels in those arguments.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from phasewise.checks import actions
from phasewise.records.errors import UsageError
from phasewise.records.findings import Finding, Remedy


@dataclass(frozen=True, kw_only=True)
class Action:
    """One verb: its words, what it does to a frame, and whether it removes rows or acts elsewhere."""

    id: str
    title: str
    effect: str
    apply: Callable[[pl.DataFrame, list[str], dict[str, Any], str], pl.DataFrame] | None = None
    """None: nothing in the frame changes; another room reads the decision (split, training, review)."""
    drops_rows: bool = False
    needs: tuple[str, ...] = ()
    """Arguments without which it means nothing."""


ACTIONS: dict[str, Action] = {
    a.id: a
    for a in (
        Action(id="accept", title="keep as it is", effect="Nothing changes; the reason is written down."),
        Action(id="drop-column", title="leave the column out", effect="The column is no input any more.", apply=actions.drop_column),
        Action(id="drop-exact-duplicates", title="keep the first of equal rows", effect="Every later copy of a row leaves the data.", apply=actions.drop_exact_duplicates, drops_rows=True),
        Action(id="drop-conflicts", title="drop contradicting rows", effect="Rows with equal inputs and different targets leave the data.", apply=actions.drop_conflicts, drops_rows=True),
        Action(id="majority-label", title="give equal inputs their most frequent label", effect="Contradicting rows get the label most of them have.", apply=actions.majority_label, drops_rows=True),
        Action(id="drop-missing-target", title="drop rows without a target", effect="Rows whose target is missing leave the data.", apply=actions.drop_missing_target, drops_rows=True),
        Action(id="drop-rows-outside", title="drop rows outside the range", effect="Rows whose value lies outside the range leave the data.", apply=actions.drop_outside, drops_rows=True, needs=("low", "high")),
        Action(id="to-missing", title="treat these values as missing", effect="The listed cells become missing.", apply=actions.to_missing, needs=("values",)),
        Action(id="outside-to-missing", title="treat values outside the range as missing", effect="Cells below or above the range become missing, in later files too.", apply=actions.outside_to_missing, needs=("low", "high")),
        Action(id="infinite-to-missing", title="treat infinite values as missing", effect="Infinite cells become missing.", apply=actions.infinite_to_missing),
        Action(id="strip-and-fold-case", title="merge spellings", effect="Case, blanks, hyphens and underscores no longer make two levels.", apply=actions.strip_and_fold),
        Action(id="merge-levels", title="merge levels", effect="The listed levels become one.", apply=actions.merge_levels, needs=("map",)),
        Action(id="merge-rare", title="merge rare classes into one", effect="The listed classes become 'other'.", apply=actions.merge_levels, needs=("map",)),
        Action(id="as-category", title="treat as category", effect="The column's numbers become levels.", apply=actions.as_category),
        Action(id="as-number", title="read as number", effect="Cells that are no number become missing.", apply=actions.as_number),
        Action(id="as-date", title="read as date", effect="Cells are read as dates.", apply=actions.as_date, needs=("format",)),
        Action(id="winsorise", title="cap at the train quantiles", effect="Values outside are set to the nearest end.", apply=actions.winsorise, needs=("low", "high")),
        Action(id="rescale", title="bring to one unit", effect="The values of the other unit are divided by the factor.", apply=actions.rescale, needs=("above", "factor")),
        Action(id="strip-name", title="strip the column name", effect="Blanks around the name are removed.", apply=actions.strip_name),
        Action(id="hash-column", title="replace by a salted hash", effect="Equal values stay equal; the values themselves are gone.", apply=actions.hash_column, needs=("salt",)),
        Action(id="keep-together", title="keep copies in one part", effect="The split puts copies and near copies into the same part."),
        Action(id="group-split", title="split by group", effect="All rows of one group go into the same part."),
        Action(id="time-split", title="split by time", effect="The newest rows validate and test."),
        Action(id="stratify", title="split within classes", effect="Every part gets its share of every class."),
        Action(id="folds", title="use cross-validation", effect="Every development row is used for validation once."),
        Action(id="shuffle", title="shuffle before splitting", effect="The order of the file no longer matters."),
        Action(id="review-labels", title="review the labels", effect="The most doubtful labels are shown one by one."),
        Action(id="class-weights", title="weigh classes", effect="Rare classes count more in the loss."),
        Action(id="over-sample", title="repeat rare classes", effect="Rows of rare classes are drawn more often, in training only."),
        Action(id="under-sample", title="thin out common classes", effect="Rows of common classes are drawn less often, in training only."),
        Action(id="prior-correction", title="correct to the real shares", effect="Probabilities are shifted to the class shares you entered."),
        Action(id="log-target", title="learn the logarithm of the target", effect="The model learns log(1 + target); scores stay in the target's unit."),
        Action(id="pca", title="reduce with PCA", effect="Inputs are replaced by principal components fitted on train."),
        Action(id="drop-rows", title="leave these rows out", effect="The listed rows leave the data.", apply=actions.drop_rows, drops_rows=True, needs=("rows",)),
        Action(id="note", title="note it", effect="Nothing changes; it is kept in the report."),
    )
}


def remedy(action: str, *, recommended: bool = False, title: str = "", effect: str = "", **args: Any) -> Remedy:
    """A remedy of a finding."""
    known = ACTIONS[action]
    return Remedy(action=action, title=title or known.title, effect=effect or known.effect, recommended=recommended, args=args)


_OF_NUMBERS = ("drop-rows-outside", "to-missing", "infinite-to-missing", "outside-to-missing", "winsorise", "rescale")


def written(finding: Finding, formats: Mapping[str, str]) -> Finding:
    """The finding on columns whose numbers are text in the file (`formats`: column -> `numerals.number_format`): its remedies read them the same way."""
    forms = {formats[c] for c in finding.columns if c in formats}
    if len(forms) != 1:
        return finding
    offers = [r.model_copy(update={"args": r.args | {"written": next(iter(forms))}}) if r.action in _OF_NUMBERS else r for r in finding.remedies]
    return finding.model_copy(update={"remedies": offers})


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """Action id and arguments of a spelled remedy; `UsageError` for an unknown action or broken arguments."""
    action, _, raw = text.partition("?")
    if action not in ACTIONS:
        import difflib

        near = difflib.get_close_matches(action, ACTIONS, n=1)
        raise UsageError(f"unknown remedy {action!r}", "", f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(ACTIONS)}.")
    try:
        args = json.loads(raw) if raw else {}
    except json.JSONDecodeError as error:
        raise UsageError(f"cannot read the arguments of remedy {action!r}", str(error), 'Write action?{"name": value}.') from None
    missing = [n for n in ACTIONS[action].needs if n not in args]
    if not isinstance(args, dict) or missing:
        raise UsageError(f"remedy {action!r} needs {', '.join(missing)}", "", "Take the remedy as the finding spells it.")
    return action, args


def choice(finding: Finding, action: str) -> str:
    """The spelled remedy of a finding by action id, with the arguments the check learned."""
    return next((r.spelled for r in finding.remedies if r.action == action), action)


def columns_of(finding_id: str, args: Mapping[str, Any]) -> list[str]:
    """The columns a remedy acts on: `args["columns"]`, else what follows the first colon of the finding id."""
    if "columns" in args:
        return list(args["columns"])
    _, colon, column = finding_id.partition(":")
    return [column] if colon else []


def apply(frame: pl.DataFrame, remedies: Mapping[str, str], target: str, *, drop_rows: bool = True) -> pl.DataFrame:
    """The frame after all remedies in their order; the same remedies on another file do the same.

    Columns a file does not have are passed over. `drop_rows=False` leaves out remedies that remove or merge rows, for
    files whose rows must all be answered (test, field, predict).
    """
    for finding_id, text in remedies.items():
        action, args = parse(text)
        step = ACTIONS[action]
        if step.apply is None or (step.drops_rows and not drop_rows):
            continue
        named = columns_of(finding_id, args)
        present = [c for c in named if c in frame.columns]
        if named and not present and "rows" not in args:
            continue
        frame = step.apply(frame, present, args, target)
    return frame
