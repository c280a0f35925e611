"""Labels as people write them: spellings of one class, and marks that mean there is no label."""

from collections.abc import Collection

import polars as pl

NO_LABEL = frozenset({"?", "na", "n/a", "#n/a", "nan", "null", "<na>", "#null!", "\\n", "-", "--"})
"""Labels that say that nobody gave one; words such as `none` or `unknown` may be classes of their own."""


def key(text: pl.Series) -> pl.Series:
    """What is alike in spellings of one label: case and blanks do not count; labels of one character stay as they are (a and A)."""
    bare = text.str.strip_chars().str.replace_all(r"\s+", " ")
    return pl.Series(text.name, pl.select(pl.when(bare.str.len_chars() > 1).then(bare.str.to_lowercase()).otherwise(bare)).to_series())


def labels_read(text: pl.Series, kept: Collection[str] = (), classes: Collection[str] = ()) -> pl.Series:
    """Class labels with marks of no label as null and every spelling of a class as its most frequent one.

    `kept` are labels a person declared: no mark and no spelling of another. `classes` are known classes, to which their spellings lead.
    """
    levels = text.drop_nulls().alias("label").value_counts(sort=True, name="rows")
    if levels.height == 0:
        return text
    own = [*kept, *classes]
    levels = levels.sort(["rows", "label"], descending=[True, False]).with_columns(key(levels.sort(["rows", "label"], descending=[True, False])["label"]).alias("key"))
    first: dict[str, str] = {k: label for label, k in zip(reversed(own), reversed(key(pl.Series(own, dtype=pl.String)).to_list()), strict=True)}
    out: dict[str, str | None] = {}
    marks = [v for v in levels["label"] if v.strip().lower() in NO_LABEL and v not in own]
    if levels.height - len(marks) >= 2 or classes:
        out |= dict.fromkeys(marks)
    for label, k in zip(levels["label"], levels["key"], strict=True):
        if label in out or label in own:
            continue
        known = first.setdefault(k, label.strip())
        if known != label:
            out[label] = known
    return text.replace_strict(list(out), list(out.values()), default=text, return_dtype=pl.String) if out else text


def changed(text: pl.Series, read: pl.Series) -> tuple[dict[str, int], dict[str, str]]:
    """Marks of no label with their rows, and other spellings with the class they are read as."""
    both = pl.DataFrame({"given": text, "read": read}).drop_nulls("given").filter(pl.col("given").ne_missing(pl.col("read")))
    marks = {str(v): int(n) for v, n in both.filter(pl.col("read").is_null()).group_by("given").len().sort("given").iter_rows()}
    spelled = {str(a): str(b) for a, b in both.drop_nulls("read").unique().sort("given").select("given", "read").iter_rows()}
    return marks, spelled
