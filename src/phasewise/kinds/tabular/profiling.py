"""What a table holds: columns with roles and small pictures, target, task, split policy; one pass, no models."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from phasewise.checks.time_checks import timelike
from phasewise.kinds.tabular import casting, targets
from phasewise.kinds.tabular.reading import ROW, RawTable, read_raw
from phasewise.kinds.tabular.roles import Facts, is_group, propose_role
from phasewise.records.jobs import DataView
from phasewise.records.results.data import Bin, ColumnSummary, ProfileResult, Proposal
from phasewise.records.text import safe_text

PREVIEW_ROWS = 20
SAMPLE = 100_000
_SENTINELS = (-999, -9999, 999, 9999, 99999, -99)
Progress = Callable[..., Any]


def quiet(done: float, total: float, **_: Any) -> None:
    """A progress callback that says nothing."""


def profile(view: DataView, progress: Progress = quiet) -> ProfileResult:
    """The profile of the view's file; roles and task of the view win over proposals.

    Raises `BadInputError` for files and targets that cannot be used.
    """
    progress(0, 3, note="reading")
    raw = read_raw(view, sampled=True)
    frame = raw.frame.drop(ROW)
    progress(1, 3, note="columns")
    facts = column_facts(frame)
    roles, reasons = _roles(frame, facts, view)
    columns = [summarise(frame[c], roles[c], facts[c], reasons[c]) for c in frame.columns]
    progress(2, 3, note="target and split")
    proposals = targets.propose_targets(frame.columns, roles, facts, reasons)
    target = targets.find_target(frame.columns, view.target) if view.target else (proposals[0].value if proposals else "")
    task, bars, notes = _target(raw.whole(target) if target else None, view)
    if task == "regression":
        measured, more = _measured(frame[target])
        columns = [summarise(measured, "number", facts[c.name], c.reason) if c.name == target else c for c in columns]
        notes += more
    notes = raw.notes + notes + _cell_notes(frame, roles, facts, target)
    groups = [c for c in frame.columns if c != target and is_group(c, facts[c], roles[c])]
    times = [c for c in frame.columns if c != target and (roles[c] == "date" or timelike(frame[c]))]
    result = ProfileResult(
        files=[raw.identity], kind="tabular", rows=raw.rows, columns=columns, targets=proposals, target=target, task=task,
        classes=bars, preview=_preview(frame), notes=notes, policy=propose_policy(task, groups, times, str(view.options.get("claim", "")), raw.rows),
        group_columns=groups, time_columns=times, reading=raw.reading, facts=_table_facts(raw, frame, columns, roles, target),
    )
    progress(3, 3, note="done")
    return result


def column_facts(frame: pl.DataFrame) -> dict[str, Facts]:
    """Rows, missing and distinct values of every column (distinct counts are exact up to 100,000 rows, else from HyperLogLog)."""
    missing = frame.null_count().row(0)
    exact = frame.height <= SAMPLE
    distinct = [(s.n_unique() if exact else max(s.approx_n_unique(), 1)) - (m > 0) for s, m in zip(frame.get_columns(), missing, strict=True)]
    return {n: Facts(rows=frame.height, missing=m, distinct=min(d, frame.height - m)) for n, m, d in zip(frame.columns, missing, distinct, strict=True)}


def _roles(frame: pl.DataFrame, facts: dict[str, Facts], view: DataView) -> tuple[dict[str, str], dict[str, str]]:
    roles, reasons = {}, {}
    for name in frame.columns:
        role, reason = propose_role(frame[name], facts[name])
        if name in view.roles:
            role, reason = view.roles[name], f"set by you (proposed: {role}, {reason})" if view.roles[name] != role else reason
        roles[name], reasons[name] = role, reason
    return roles, reasons


def summarise(column: pl.Series, role: str, facts: Facts, reason: str = "") -> ColumnSummary:
    """One column at a glance: range, mean, quantiles and ten bars."""
    shared: dict[str, Any] = {
        "name": column.name, "role": role, "dtype": str(column.dtype).split("(")[0].lower(), "rows": facts.rows,
        "missing": facts.missing, "distinct": facts.distinct, "reason": reason,
    }
    if role == "number" or column.dtype.is_numeric() and role != "category":
        numbers = casting.parse_numbers(column, casting.number_format(column) or "plain") if column.dtype == pl.String else column
        return ColumnSummary(**shared, **_numbers(numbers))
    if role == "date":
        parsed = column if column.dtype.is_temporal() else casting.parse_dates(column, (casting.date_format(column) or ("%Y-%m-%d", 0))[0])
        low, high = parsed.min(), parsed.max()
        return ColumnSummary(**shared, minimum=str(low) if low else None, maximum=str(high) if high else None, bars=_date_bars(parsed))
    return ColumnSummary(**shared, bars=_top(column))


def _numbers(column: pl.Series) -> dict[str, Any]:
    values = column.drop_nulls().cast(pl.Float64)
    values = values.filter(values.is_finite())
    if len(values) == 0:
        return {}
    array = values.to_numpy()
    low, high = float(array.min()), float(array.max())
    part = array if len(array) <= SAMPLE else array[:: len(array) // SAMPLE + 1]
    counts, edges = np.histogram(array, bins=10, range=(low, high) if high > low else (low - 0.5, low + 0.5)) if np.isfinite(high - low) else ([], [])
    return {
        "minimum": low, "maximum": high, "mean": float(array.mean()), "std": float(array.std()),
        "quantiles": [float(q) for q in np.quantile(part, (0.05, 0.25, 0.5, 0.75, 0.95))],
        "bars": [Bin(label=f"{edges[i]:.4g}", count=int(c)) for i, c in enumerate(counts)],
    }


def _date_bars(parsed: pl.Series) -> list[Bin]:
    stamps = parsed.drop_nulls().dt.epoch("s")
    if len(stamps) == 0:
        return []
    counts, edges = np.histogram(stamps.to_numpy(), bins=10)
    labels = pl.Series(edges[:-1].astype(np.int64)).cast(pl.Int64)
    days = pl.from_epoch(labels, time_unit="s").dt.strftime("%Y-%m-%d")
    return [Bin(label=days[i], count=int(c)) for i, c in enumerate(counts)]


def _top(column: pl.Series, limit: int = 10) -> list[Bin]:
    sample = column.drop_nulls()
    if len(sample) > SAMPLE:
        sample = sample.gather_every(len(sample) // SAMPLE + 1)
    if sample.dtype == pl.String:
        sample = sample.str.slice(0, 80)
    counts = sample.alias("value").value_counts(sort=True).head(limit)  # a column may be called count
    return [Bin(label=safe_text(v, 40), count=int(c)) for v, c in counts.iter_rows()]


def _target(column: pl.Series | None, view: DataView) -> tuple[str, list[Bin], list[str]]:
    if column is None:
        return "", [], ["no column looks like a target: name one"]
    target = column.name
    targets.check_target(column, view.task)
    notes = []
    if column.null_count():
        notes.append(f"{column.null_count():,} rows have no {safe_text(target, 60)!r}: they cannot be learnt from or judged and are left out of the split")
    task, why = (view.task, "as set") if view.task else targets.propose_task(column)
    notes.append(f"task {task}: {why}")
    if task == "regression":
        return task, [], notes
    notes += targets.label_notes(column, view)
    text = targets.read_labels(column, view)
    classes = targets.order_classes(text, view)
    counts = dict(text.drop_nulls().alias("value").value_counts().iter_rows())
    return task, [Bin(label=safe_text(c, 60), count=int(counts.get(c, 0))) for c in classes], notes


def _measured(column: pl.Series) -> tuple[pl.Series, list[str]]:
    """A target of numbers without codes for "no value" (-200, -999): its spread, and a goal drawn from it, are those of what was measured."""
    from phasewise.checks.values import codes

    values = casting.parse_numbers(column, casting.number_format(column) or "plain") if column.dtype == pl.String else column.cast(pl.Float64)
    cells = values.drop_nulls().to_numpy()
    cells = cells[np.isfinite(cells)]
    found = [code for code, _ in codes(cells)] if len(np.unique(cells[:5000])) >= 4 else []
    if not found:
        return column, []
    share = float(np.isin(cells, found).mean())
    shown = ", ".join(f"{v:g}" for v in found)
    return values.filter(~values.is_in(found).fill_null(False)), [f"{share:.0%} of {safe_text(column.name, 60)!r} is {shown}, which looks like a code for no value: the first goal leaves it out"]


def _cell_notes(frame: pl.DataFrame, roles: dict[str, str], facts: dict[str, Facts], target: str) -> list[str]:
    notes = []
    empty = [c for c in frame.columns if facts[c].filled == 0]
    if empty:
        notes.append(f"{_some(empty)}: every cell is missing; ignored")
    if len(frame.columns) > 2000:
        return notes
    for name in frame.columns:
        column = frame[name]
        if column.dtype == pl.String and facts[name].filled:
            marks = int(casting.is_missing_token(column).sum())
            if marks and name != target:
                seen = column.filter(casting.is_missing_token(column))[0]
                if roles[name] == "category" and seen.lower() in ("none", "missing"):
                    continue  # a level of its own as likely as not
                notes.append(f"{safe_text(name, 40)!r} holds {marks:,} cells {safe_text(seen, 12)!r} that look like a missing mark")
            if roles[name] == "number":
                fmt = casting.number_format(column) or "plain"
                lost = casting.parse_numbers(column, fmt).null_count() - facts[name].missing - marks
                if lost > 0:
                    notes.append(f"{safe_text(name, 40)!r} mixes numbers with {lost:,} other cells, which become missing")
                if fmt == "comma":
                    notes.append(f"{safe_text(name, 40)!r} is read with a decimal comma")
            elif roles[name] == "category" and (share := _mixed(column)):
                notes.append(f"{safe_text(name, 40)!r} has mixed types: {share:.0%} of its cells are numbers")
        elif column.dtype.is_integer() and roles[name] == "number" and name != target:
            notes.extend(_sentinels(column))
    return notes


def _mixed(column: pl.Series) -> float:
    few = column.drop_nulls().head(5000)
    share = 1 - few.cast(pl.Float64, strict=False).null_count() / max(len(few), 1)
    return share if 0.1 < share < 0.95 else 0.0


def _sentinels(column: pl.Series) -> list[str]:
    low, high = column.min(), column.max()
    out = []
    for mark in _SENTINELS:
        if mark not in (low, high):
            continue
        count = int((column == mark).sum())
        rest = column.filter(column != mark).drop_nulls()
        if count >= max(0.001 * len(column), 2) and len(rest) and abs(mark - (rest.max() if mark == high else rest.min())) > 0.5 * max(rest.max() - rest.min(), 1):
            out.append(f"{safe_text(column.name, 40)!r} holds {mark} in {count:,} rows, far from its other values: it may mean missing")
    return out


def _some(names: list[str]) -> str:
    return ", ".join(repr(safe_text(n, 40)) for n in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def propose_policy(task: str, groups: list[str], times: list[str], claim: str, rows: int) -> Proposal:
    """Split policy from the claim first, then from what the columns offer (checks.md 7.1)."""
    if claim == "later_time" and times:
        return Proposal(value="time", reason=f"the claim is about later time; {safe_text(times[0], 40)!r} orders the rows", confidence=0.9)
    if claim == "new_groups" and groups:
        return Proposal(value="grouped", reason=f"the claim is about new groups; {safe_text(groups[0], 40)!r} names them", confidence=0.9)
    hint = f" (if the model will meet new groups, split by {safe_text(groups[0], 40)!r})" if groups else f" (if it will meet later rows, split by {safe_text(times[0], 40)!r})" if times else ""
    return Proposal(value="stratified", reason=f"the claim is about new rows of the same kind: parts alike in {'classes' if task != 'regression' else 'target range'}{hint}", confidence=0.8)


def _preview(frame: pl.DataFrame) -> list[list[str]]:
    head = frame.head(PREVIEW_ROWS)
    if head.width > 200:
        head = head.select(head.columns[:200])
    return [["" if v is None else safe_text(v, 60) for v in row] for row in head.iter_rows()]


def _table_facts(raw: RawTable, frame: pl.DataFrame, columns: list[ColumnSummary], roles: dict[str, str], target: str) -> dict[str, float | str]:
    counts = {role: sum(1 for n, r in roles.items() if r == role and n != target) for role in ("number", "category", "date", "text", "ignore")}
    cells = max(frame.height * frame.width, 1)
    return {
        "columns": frame.width, "missing_share": sum(c.missing for c in columns) / cells, "memory_mb": round(frame.estimated_size("mb"), 2),
        "bytes": raw.identity.size, **{f"{role}_columns": float(n) for role, n in counts.items()},
    }
