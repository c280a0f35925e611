"""From a table to tensors' arrays: learned on training rows, frozen, stored as JSON, the same bits ever after (D07-D10, D19, D20)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from phasewise.kinds.tabular import casting, dateparts, reading, scaling, wording
from phasewise.kinds.tabular.development import Development
from phasewise.records.errors import BadInputError, UsageError
from phasewise.records.jobs import DataView
from phasewise.records.text import safe_text

VERSION = 1
OPTIONS = ("numbers", "features", "pca", "text", "min_count", "indicators", "log_target", "auxiliary")
"""What a config's `prepare` may name."""
MAX_LEVELS = 10_000


@dataclass(frozen=True, kw_only=True)
class Target:
    """How the target is coded: class names, or mean and standard deviation (ddof 0) of the (logged) training values."""

    name: str
    task: str
    classes: list[str] = field(default_factory=list)
    mean: float = 0.0
    std: float = 1.0
    log: bool = False

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Class indices int64 [n], or standardised values float32 [n]."""
        if self.task != "regression":
            return np.asarray(y, np.int64)
        values = np.log1p(np.asarray(y, np.float64)) if self.log else np.asarray(y, np.float64)
        return ((values - self.mean) / self.std).astype(np.float32)

    def decode(self, values: np.ndarray) -> np.ndarray:
        """Standardised outputs -> values in the target's unit, float64 [n]."""
        out = np.asarray(values, np.float64) * self.std + self.mean
        return np.expm1(np.clip(out, -50, 50)) if self.log else out


@dataclass(frozen=True, kw_only=True)
class Preparing:
    """A fitted, frozen preparation; `transform` maps any table with the same columns to arrays."""

    target: Target
    roles: dict[str, str]
    """Input columns and their roles, in order."""
    formats: dict[str, str]
    remedies: dict[str, str]
    numbers: scaling.Numbers
    levels: dict[str, list[str]]
    """Categorical feature -> levels of the training rows; level i has code i + 1, code 0 is unseen or missing."""
    dates: dict[str, bool]
    """Date column -> whether its time of day is used."""
    texts: list[str]
    """Text columns whose words are hashed."""
    words: dict[str, list[str]] = field(default_factory=dict)
    """Text column -> its vocabulary, learned on the training rows."""
    options: dict[str, Any] = field(default_factory=dict)
    rows: int = 0

    @property
    def columns(self) -> list[str]:
        """The input columns that a table must have."""
        return list(self.roles)

    @property
    def number_names(self) -> list[str]:
        """Names of the columns of `num`."""
        return self.numbers.features

    @property
    def category_names(self) -> list[str]:
        """Names of the columns of `cat`."""
        return list(self.levels)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Codes per categorical column, the unseen one included."""
        return tuple(len(v) + 1 for v in self.levels.values())

    @property
    def outputs(self) -> int:
        """Units of a network's last layer: one for a value or a yes-or-no, else one per class."""
        return len(self.target.classes) if self.target.task == "multiclass" else 1

    def table(self, natural: pl.DataFrame) -> pl.DataFrame:
        """A natural table with the remedies replayed (rows are kept) and every input column cast to its role."""
        view = DataView(kind="tabular", file="", target=self.target.name, remedies=self.remedies)
        return casting.cast_roles(reading.remedied(natural, view, drop_rows=False), self.roles, self.formats)

    def features(self, table: pl.DataFrame) -> tuple[dict[str, np.ndarray], dict[str, pl.Series]]:
        """Numeric and categorical features of a table (natural or already cast), before any scaling."""
        return features(casting.cast_roles(table, self.roles, self.formats), self.roles, self.dates, self.texts, self.words)

    def transform(self, table: pl.DataFrame) -> dict[str, np.ndarray]:
        """`num` float32 [n, d] and `cat` int32 [n, c] of a table (natural or already cast).

        Raises `BadInputError` naming the columns that are missing.
        """
        present = set(table.columns)
        lacking = [c for c in self.roles if c not in present]
        if lacking:
            names = ", ".join(repr(safe_text(c, 40)) for c in lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
            raise BadInputError("the table lacks columns of the model", f"{names} {'is' if len(lacking) == 1 else 'are'} missing.", "Give the table the columns the model was trained on.", where=lacking[0])
        raw, categories = self.features(table)
        x = np.stack([raw[n] for n in self.numbers.names], axis=1) if self.numbers.names else np.zeros((table.height, 0))
        codes = [self._codes(categories[n], found) for n, found in self.levels.items()]
        return {
            "num": scaling.transform_numbers(self.numbers, x),
            "cat": np.stack(codes, axis=1) if codes else np.zeros((table.height, 0), np.int32),
        }

    def _codes(self, column: pl.Series, found: list[str]) -> np.ndarray:
        if not found:
            return np.zeros(len(column), np.int32)
        return column.replace_strict(found, list(range(1, len(found) + 1)), default=0, return_dtype=pl.Int32).fill_null(0).to_numpy().astype(np.int32)

    def raw_matrix(self, table: pl.DataFrame) -> np.ndarray:
        """Unscaled numbers (NaN where missing) followed by category codes (0 unseen or missing) as float64 [n, d + c], for trees."""
        raw, categories = self.features(table)
        parts = [raw[n] for n in self.numbers.names] + [self._codes(categories[n], found).astype(np.float64) for n, found in self.levels.items()]
        return np.stack(parts, axis=1) if parts else np.zeros((table.height, 0))

    def unseen(self, table: pl.DataFrame) -> dict[str, int]:
        """Rows per categorical feature whose level was not in the training rows (missing cells not counted)."""
        _, categories = self.features(table)
        out = {}
        for name, found in self.levels.items():
            column = categories[name].drop_nulls()
            count = len(column) - int(column.is_in(found).sum()) if found else len(column)
            if count:
                out[name] = count
        return out

    def to_json(self) -> str:
        """Canonical JSON; `from_json` gives back the same numbers bit by bit."""
        from dataclasses import asdict

        return json.dumps({"version": VERSION, "kind": "tabular", **asdict(self)}, ensure_ascii=False, sort_keys=False)

    @staticmethod
    def from_json(text: str) -> "Preparing":
        """A frozen preparation read back."""
        data = json.loads(text)
        if data.pop("version") != VERSION or data.pop("kind") != "tabular":
            raise BadInputError("a preparation of another version", "preparing.json was written by another Phasewise.", "Use the version that wrote the model.")
        return Preparing(**{**data, "target": Target(**data["target"]), "numbers": scaling.Numbers(**data["numbers"])})


def features(table: pl.DataFrame, roles: Mapping[str, str], dates: Mapping[str, bool], texts: list[str], words: Mapping[str, list[str]]) -> tuple[dict[str, np.ndarray], dict[str, pl.Series]]:
    """Numeric features (float64 [n], NaN where missing) and categorical features (text) of a cast table, in column order."""
    numbers: dict[str, np.ndarray] = {}
    categories: dict[str, pl.Series] = {}
    for name, role in roles.items():
        column = table[name]
        if role == "number":
            numbers[name] = column.cast(pl.Float64).to_numpy()
        elif role == "category":
            categories[name] = column
        elif role == "date" and name in dates:
            parts = dateparts.date_parts(column, time=dates[name])
            for part in dateparts.LINEAR + dateparts.FLAGS:
                numbers[f"{name} {part}"] = parts[part].cast(pl.Float64).to_numpy()
            for part in dateparts.CALENDAR + (("Hour",) if dates[name] else ()):
                categories[f"{name} {part}"] = parts[part].cast(pl.String)
        elif role == "text" and (name in texts or name in words):
            numbers |= wording.numbers(column, words.get(name))
    return numbers, categories


def fit(dev: Development, rows: np.ndarray, view: DataView, options: Mapping[str, Any] | None = None) -> Preparing:
    """Learn a preparation from some development rows (positions, int array) and nothing else.

    Options: `numbers` (`standard`, `quantile`, `robust`, `none`), `features` (names kept), `pca` (share of variance),
    `text` (`words`, `hash`, `ignore`), `min_count` (rows a level needs), `indicators` (bool), `log_target` (bool),
    `auxiliary` (names of columns that are learned along, R20).
    Raises `UsageError` for validation rows (D09), unknown options' values, or when no input column is left.
    """
    chosen = {k: v for k, v in (options or {}).items() if k in OPTIONS}
    rows = np.asarray(rows, np.int64)
    if dev.folds is None and not np.isin(rows, dev.train).all():
        raise UsageError("a preparation is fitted on training rows only", f"{int((~np.isin(rows, dev.train)).sum()):,} of the {len(rows):,} rows are validation rows.", "Fit on training rows; apply the result everywhere.")
    scaler = str(chosen.get("numbers", "standard"))
    if scaler not in scaling.SCALERS:
        raise UsageError(f"unknown scaling {safe_text(scaler, 40)!r}", "", f"Choose one of {', '.join(scaling.SCALERS)}.")
    wanted = chosen.get("features")
    roles = {c: dev.roles[c] for c in dev.features if wanted is None or c in wanted}
    table = dev.table.select([*roles])
    how = chosen.get("text", "words")
    texts = [c for c, r in roles.items() if r == "text" and how == "hash"]
    words = {c: wording.vocabulary(table[c], rows) for c, r in roles.items() if r == "text" and how == "words"}
    roles = {c: r for c, r in roles.items() if r != "text" or c in texts or c in words}
    if not roles:
        raise UsageError("no input column is left", "Every column is the target, ignored or text.", "Give at least one column the role number, category or date.")
    dates = {c: dateparts.has_clock(table[c]) for c, r in roles.items() if r == "date"}
    raw, categories = features(table, roles, dates, texts, words)
    names = list(raw)
    x = np.stack([raw[n] for n in names], axis=1) if names else np.zeros((table.height, 0))
    # Which columns get an indicator is a question of form, asked of all development rows so that folds have the same columns.
    gaps = [j for j in range(len(names)) if not np.isfinite(x[:, j]).all()] if chosen.get("indicators", True) else []
    numbers = scaling.fit_numbers(x[rows], names, scaler=scaler, indicators=gaps, pca=chosen.get("pca"))
    levels = {n: _levels(c.gather(rows), int(chosen.get("min_count", 1))) for n, c in categories.items()}
    return Preparing(
        target=_target(dev, rows, view, bool(chosen.get("log_target"))), roles=roles, formats={c: f for c, f in dev.formats.items() if c in roles},
        remedies=dict(view.remedies), numbers=numbers, levels=levels, dates=dates, texts=texts, words=words, options=chosen, rows=len(rows),
    )


def _levels(column: pl.Series, min_count: int) -> list[str]:
    counts = column.drop_nulls().alias("value").value_counts()  # a column may be called count
    kept = counts.filter(pl.col("count") >= min_count).sort(["count", "value"], descending=[True, False]).head(MAX_LEVELS)
    return sorted(kept["value"].to_list())


def _target(dev: Development, rows: np.ndarray, view: DataView, log: bool) -> Target:
    if dev.task != "regression":
        return Target(name=dev.target, task=dev.task, classes=list(dev.classes))
    y = dev.y[rows]
    log = log or any(v.partition("?")[0] == "log-target" for v in view.remedies.values())
    log = bool(log and float(y.min()) > -1)
    values = np.log1p(y) if log else y
    std = float(values.std())
    return Target(name=dev.target, task=dev.task, mean=float(values.mean()), std=std if std > 0 else 1.0, log=log)
