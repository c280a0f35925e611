"""Counts, samples and codes that several checks share; each is computed once and only when asked for."""

from functools import cached_property

import numpy as np
import polars as pl

from phasewise.checks.table import CheckTable, Skip

MODEL_ROWS = 6_000
"""Rows for checks that fit models."""
LEAK_ROWS = 20_000
"""Rows for one-column scores and pairwise comparisons."""
QUANTILE_ROWS = 100_000
"""Rows for quantiles and most frequent values."""
APPROXIMATE_FROM = 300_000
"""Rows from which distinct counts are approximate (HyperLogLog) at first look."""

ABSURD = 20.0
"""Quartile ranges from the quartiles beyond which a number target is taken for a slip by the checks that fit models."""

PLACEHOLDERS = frozenset({"", "?", "-", "--", ".", "na", "n/a", "#n/a", "nan", "null", "<na>", "#null!", "#value!", "#div/0!", "#ref!", "#name?", "#num!", "nil", "(missing)", "not available", "\\n"})
SOFT_PLACEHOLDERS = frozenset({"none", "unknown", "missing", "undefined", "unspecified"})


class Facts:
    """Lazy facts of one table."""

    def __init__(self, table: CheckTable) -> None:
        self.table = table
        self._distinct: dict[str, int] = {}
        self._uniques: dict[str, pl.DataFrame] = {}
        self._floats: dict[str, np.ndarray] = {}

    def rng(self, salt: int = 0) -> np.random.Generator:
        """A generator that depends on the table's seed only."""
        return np.random.default_rng([self.table.seed, salt])

    # -- target -------------------------------------------------------------------------------------------------
    @cached_property
    def target_series(self) -> pl.Series:
        """The target as text (classes) or Float64."""
        column = self.table.frame[self.table.target]
        if self.table.classification:
            from phasewise.checks.coding import as_text
            from phasewise.checks.spelling import labels_read

            return labels_read(as_text(column), [str(c) for c in self.table.options.get("declared_classes") or ()])
        return column.cast(pl.Float64, strict=False)

    @cached_property
    def classes(self) -> list[str]:
        """Class names in sorted order (only those that occur)."""
        return sorted(self.target_series.drop_nulls().unique().to_list())

    @cached_property
    def y(self) -> np.ndarray:
        """Class codes int [n] (-1 missing) or values float [n] (nan missing)."""
        if not self.table.classification:
            return self.target_series.to_numpy().astype(float)
        mapped = self.target_series.replace_strict(self.classes, list(range(len(self.classes))), default=-1, return_dtype=pl.Int64)
        return mapped.fill_null(-1).to_numpy()

    @cached_property
    def class_counts(self) -> np.ndarray:
        """Rows per class [k]."""
        return np.bincount(self.y[self.y >= 0], minlength=len(self.classes))

    @cached_property
    def known(self) -> np.ndarray:
        """Row numbers whose target is known."""
        return np.flatnonzero(self.y >= 0 if self.table.classification else np.isfinite(self.y))

    # -- samples ------------------------------------------------------------------------------------------------
    def sample(self, limit: int, *, known: bool = False) -> np.ndarray:
        """At most `limit` row numbers, ascending, drawn at random (proportional to classes in expectation)."""
        rows = self.known if known else np.arange(self.table.rows)
        if len(rows) <= limit:
            return rows
        return np.sort(self.rng(limit).choice(rows, limit, replace=False))

    @cached_property
    def leak_rows(self) -> np.ndarray:
        """Rows for one-column scores."""
        return self.sample(LEAK_ROWS, known=True)

    @cached_property
    def model_positions(self) -> np.ndarray:
        """Positions within `leak_rows` on which quick models are fitted."""
        if len(self.leak_rows) <= MODEL_ROWS:
            return np.arange(len(self.leak_rows))
        return np.sort(self.rng(MODEL_ROWS).choice(len(self.leak_rows), MODEL_ROWS, replace=False))

    @cached_property
    def quantile_frame(self) -> pl.DataFrame:
        """At most 100,000 rows of the features, for quantiles and frequencies."""
        rows = self.sample(QUANTILE_ROWS)
        frame = self.table.frame.select(self.table.features)
        return frame if len(rows) == self.table.rows else frame[rows]

    @cached_property
    def distinct_rows(self) -> pl.DataFrame:
        """The different rows of `quantile_frame`."""
        return self.quantile_frame.unique()

    @cached_property
    def leak_frame(self) -> pl.DataFrame:
        """The features on `leak_rows`."""
        return self.table.frame.select(self.table.features)[self.leak_rows]

    # -- columns ------------------------------------------------------------------------------------------------
    @cached_property
    def nulls(self) -> dict[str, int]:
        """Missing cells per column (null, and nan of floats)."""
        frame = self.table.frame
        names = [*self.table.features, *self.table.left_out, self.table.target]
        exprs = [
            (pl.col(c).is_null() | pl.col(c).is_nan()).sum().alias(c) if self.table.schema[c].is_float() else pl.col(c).null_count()
            for c in names
        ]
        return dict(zip(names, frame.select(exprs).row(0), strict=True))

    def distinct(self, column: str) -> int:
        """Distinct filled values; approximate at first look from 300,000 rows, exact where it matters (above 90 %)."""
        if column not in self._distinct:
            series = self.table.frame[column].drop_nulls()
            count = series.approx_n_unique() if len(series) > APPROXIMATE_FROM else series.n_unique()
            if len(series) > APPROXIMATE_FROM and (count > 0.9 * len(series) or count <= 3):
                count = series.n_unique()
            self._distinct[column] = min(int(count), len(series))
        return self._distinct[column]

    def filled(self, column: str) -> int:
        """Filled cells."""
        return self.table.rows - self.nulls[column]

    def uniques(self, column: str) -> pl.DataFrame:
        """Distinct filled text values of a column with their counts (`value`, `count`), most frequent first.

        From 300,000 rows on counted on the 100,000-row sample when more than 5,000 values are distinct.
        """
        if column not in self._uniques:
            series = self.table.frame[column]
            if len(series) > APPROXIMATE_FROM and self.distinct(column) > 5_000:
                series = series.sample(QUANTILE_ROWS, seed=self.table.seed)
            counted = series.drop_nulls().alias("value").value_counts(sort=True, name="count")
            self._uniques[column] = counted.sort(["count", "value"], descending=[True, False])
        return self._uniques[column]

    def texts(self) -> list[str]:
        """Feature columns held as text."""
        return [c for c in self.table.features if self.table.schema[c] == pl.String]

    def written(self) -> list[str]:
        """Columns held as text, those left out included: words among numbers make a column look like a key that is left out."""
        return [*self.texts(), *(c for c in self.table.left_out if self.table.schema[c] == pl.String)]

    def numbers(self) -> list[str]:
        """Feature columns held as numbers."""
        return [c for c in self.table.features if self.table.schema[c].is_numeric()]

    def cells(self, column: str) -> np.ndarray:
        """Finite filled cells of a number column on the quantile sample, float."""
        if column not in self._floats:
            values = self.quantile_frame[column].cast(pl.Float64, strict=False).drop_nulls().to_numpy()
            self._floats[column] = values[np.isfinite(values)]
        return self._floats[column]

    @cached_property
    def coded(self) -> dict[str, np.ndarray]:
        """Every usable feature as floats on `leak_rows` [m] (text as level codes, dates as seconds, nan missing)."""
        from phasewise.checks.coding import coded

        usable = [c for c in self.table.features if self.table.role(c) != "text" or self.distinct(c) <= 200]
        return {c: coded(self.leak_frame[c]) for c in usable}

    @cached_property
    def is_level(self) -> dict[str, bool]:
        """Whether a coded feature holds levels (no order) and not numbers."""
        return {c: self.table.schema[c] in (pl.String, pl.Boolean) or isinstance(self.table.schema[c], pl.Categorical | pl.Enum) for c in self.coded}

    @cached_property
    def leak_y(self) -> np.ndarray:
        """The target on `leak_rows`; a number beyond 20 quartile ranges from the quartiles counts as one at that distance, so that a slip hides no signal."""
        y = self.y[self.leak_rows]
        if self.table.classification or not np.isfinite(y).any():
            return y
        low, high = np.nanquantile(y[np.isfinite(y)], [0.25, 0.75])
        return np.clip(y, low - ABSURD * (high - low), high + ABSURD * (high - low)) if high > low else y

    @cached_property
    def leaks(self) -> dict[str, "object"]:
        """One-column score of every coded feature (`onecolumn.Score`)."""
        from phasewise.checks.onecolumn import column_score

        k = len(self.classes) if self.table.classification else 0
        return {c: column_score(v, self.leak_y, k, levels=self.is_level[c], seed=self.table.seed) for c, v in self.coded.items()}

    @cached_property
    def quick(self) -> "object":
        """Out-of-fold predictions of the quick model on all features (`quick.Quick`)."""
        return self.quick_without()

    def quick_without(self, *left_out: str) -> "object":
        """The quick model without some columns; `Skip` when there is too little to fit on."""
        from phasewise.checks.quick import out_of_fold

        inside = self.model_positions
        names = [c for c in self.coded if c not in left_out]
        if len(inside) < 40 or not names:
            raise Skip("too few rows or columns for a quick model")
        matrix = np.stack([self.coded[c][inside] for c in names], 1)
        k = len(self.classes) if self.table.classification else 0
        return out_of_fold(matrix, self.leak_y[inside], k, names=tuple(names), rows=self.leak_rows[inside], seed=self.table.seed)

    @cached_property
    def second_opinion(self) -> np.ndarray:
        """Out-of-fold probabilities of another kind of model on the rows and folds of `quick`."""
        from phasewise.checks.quick import second_opinion

        return second_opinion(np.stack([v[self.model_positions] for v in self.coded.values()], 1), self.quick)

    @cached_property
    def row_hash(self) -> np.ndarray:
        """Wrapping sum of per-column hashes over the features, uint64 [n]; leaving a column out is a subtraction."""
        from phasewise.checks.hashing import column_hash

        total = np.zeros(self.table.rows, dtype=np.uint64)
        for i, c in enumerate(self.table.features):
            total += column_hash(self.table.frame[c], i)
        return total

    @cached_property
    def fine(self) -> bool:
        """Whether a column with more than 20 % distinct values takes part, so that equal rows are no coincidence."""
        return any(self.distinct(c) > 0.2 * max(self.filled(c), 1) and self.filled(c) > 0.5 * self.table.rows for c in self.table.features)
