"""Class names in order and class numbers of pictures."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from phasewise.kinds.shared.labels import Labels
from phasewise.kinds.shared.naming import class_named
from phasewise.records.errors import BadInputError
from phasewise.records.jobs import DataView
from phasewise.records.text import safe_text


def classes_of(names: Sequence[str], positive: str | None = None) -> tuple[str, ...]:
    """Class names by value when they are numbers, else by alphabet; the positive one of two comes second."""
    found = sorted(set(names))
    try:
        found.sort(key=lambda v: (float(v), v))
    except ValueError:
        found.sort()
    if positive is not None and len(found) == 2:
        chosen = class_named(positive, found)
        found.sort(key=lambda v: v == chosen)
    return tuple(found)


def encode(column: pl.Series, view: DataView, classes: Sequence[str] | None = None) -> Labels:
    """Class index of each picture; a label that is none of `classes` becomes missing.

    Raises `BadInputError` for fewer than two classes.
    """
    renames = {k: v for k, v in view.relabel.items() if not k.isdigit()}
    text = column.replace(renames) if renames else column
    found = tuple(classes) if classes else classes_of([v for v in text.drop_nulls().unique().to_list() if v], view.positive)
    if len(found) < 2:
        raise BadInputError("only one class", f"All pictures are of class {safe_text(found[0] if found else '?', 60)!r}.", "A classifier needs at least two class folders.", where=view.file)
    codes = text.replace_strict(list(found), list(range(len(found))), default=-1, return_dtype=pl.Int64).fill_null(-1)
    return Labels(task="binary" if len(found) == 2 else "multiclass", classes=found, y=codes.to_numpy().astype(np.int64))


def relabelled(frame: pl.DataFrame, view: DataView, target: str, row: str) -> pl.DataFrame:
    """Corrected labels by row number (from 0): `{"17": "cat"}`; an empty value takes the label away (D18)."""
    fixes = {int(k): v for k, v in view.relabel.items() if k.isdigit()}
    if not fixes:
        return frame
    new = pl.col(row).replace_strict(list(fixes), list(fixes.values()), default=None, return_dtype=pl.String)
    return frame.with_columns(pl.when(pl.col(row).is_in(list(fixes))).then(new.replace({"": None})).otherwise(pl.col(target)).alias(target))
