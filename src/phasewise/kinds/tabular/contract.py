"""What a model expects of a table, and what a new table does instead; rows are never refused for it, only said."""

from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.tabular import casting
from phasewise.kinds.tabular.preparing import Preparing
from phasewise.kinds.tabular.reading import ROW
from phasewise.records.errors import BadInputError
from phasewise.records.findings import Finding
from phasewise.records.text import safe_text

ENOUGH = 10
"""Rows from which on a column without any value is odd."""


def ranges(preparing: Preparing) -> dict[str, list[float]]:
    """Smallest and largest training value per numeric column where the preparation knows them (quantile scaling), else centre and scale."""
    numbers = preparing.numbers
    if numbers.references:
        return {n: [r[0], r[-1]] for n, r in zip(numbers.names, numbers.references, strict=True)}
    return {n: [c - 5 * s, c + 5 * s] for n, c, s in zip(numbers.names, numbers.center, numbers.scale, strict=True) if numbers.scaler == "standard"}


def require(table: pl.DataFrame, preparing: Preparing) -> None:
    """Raise `BadInputError` naming the columns that are missing, with the nearest names found."""
    import difflib

    present = set(table.columns)
    lacking = [c for c in preparing.roles if c not in present]
    if not lacking:
        return
    near = [f"{safe_text(c, 30)!r} (found {safe_text(m[0], 30)!r})" for c in lacking[:3] if (m := difflib.get_close_matches(c, table.columns, n=1, cutoff=0.6))]
    hint = f"Renamed? {', '.join(near)}. " if near else ""
    names = ", ".join(repr(safe_text(c, 40)) for c in lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
    raise BadInputError("the table lacks columns of the model", f"{names} {'is' if len(lacking) == 1 else 'are'} missing.", f"{hint}Give the table the columns the model was trained on.", where=lacking[0])


def check(natural: pl.DataFrame, preparing: Preparing, card: dict[str, Any]) -> list[Finding]:
    """Findings about a natural table: cells that are no number or date, unseen levels, values far outside training, ignored columns."""
    require(natural, preparing)
    table = preparing.table(natural)
    out = []
    for name, role in preparing.roles.items():
        if role in ("number", "date") and natural[name].dtype == pl.String:
            lost = int((table[name].is_null() & natural[name].is_not_null() & ~casting.is_missing_token(natural[name].fill_null(""))).sum())
            if lost:
                out.append(Finding(id=f"other-type:{name}", check="other-type", severity="warn", title=f"{safe_text(name, 40)}: cells that are no {role}", seen=f"{lost:,} of {natural.height:,} cells are read as missing.", columns=[name], rows=lost, source="P10"))
    told = {c for f in out for c in f.columns}
    empty = [c for c in preparing.roles if c not in told and natural.height >= ENOUGH and table[c].null_count() == natural.height]
    if empty:
        names = ", ".join(safe_text(c, 40) for c in empty[:6]) + (f" and {len(empty) - 6} more" if len(empty) > 6 else "")
        out.append(Finding(id="empty-columns", check="empty-columns", severity="warn", title="Columns of the model are empty", seen=f"{names}: no value in any of {natural.height:,} rows; every prediction rests on what stands for missing.", columns=empty[:20], rows=natural.height, source="D03"))
    for name, count in preparing.unseen(table).items():
        out.append(Finding(id=f"unseen-levels:{name}", check="unseen-levels", severity="warn" if count > 0.01 * natural.height else "info", title=f"{safe_text(name, 40)}: levels not seen in training", seen=f"{count:,} of {natural.height:,} rows; they are treated as unknown.", columns=[name], rows=count, source="P08"))
    schema = dict(table.schema)
    for name, (low, high) in (card.get("ranges") or {}).items():
        if name in schema and schema[name].is_numeric():
            values = table[name].cast(pl.Float64).to_numpy()
            outside = int(((values < low) | (values > high))[np.isfinite(values)].sum())
            if outside > max(0.01 * natural.height, 1):
                out.append(Finding(id=f"out-of-range:{name}", check="out-of-range", severity="info", title=f"{safe_text(name, 40)}: values outside the training range", seen=f"{outside:,} of {natural.height:,} rows lie outside {low:.4g} to {high:.4g}.", columns=[name], rows=outside, source="D03"))
    extra = [c for c in natural.columns if c not in preparing.roles and c not in (ROW, preparing.target.name)]
    if extra:
        out.append(Finding(id="extra-columns", check="extra-columns", severity="info", title="Columns the model does not use", seen=f"{len(extra)}: {', '.join(safe_text(c, 30) for c in extra[:6])}.", columns=extra[:20]))
    return out
