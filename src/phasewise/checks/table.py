"""What a check looks at."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from phasewise.checks.facts import Facts

ROW = "__row__"
"""A column of this name is the row number in the source file and never an input."""

WIDEST = 5_000
CELLS = 400_000_000
"""Per-column checks look at no more columns and cells than these; the check wide-table says so."""


@dataclass(kw_only=True, eq=False)
class CheckTable:
    """Development rows as read (natural types, remedies applied, roles not yet cast), never test rows.

    `train` and `validation` are row index arrays into `frame` (validation may be empty under cross-validation);
    `groups` [n] are declared group keys; `time` names the declared time column. `options`: `declared_classes`
    (list of str), `declared_ranges` ({column: [low, high]}), `declared_levels` ({column: [level]}), `real_prior`
    ({class: share}), `source` (data-card fields), `folds`, `policy`, `metric`, `previous` ({"sha256", "rows"}),
    `file` ({"sha256", "rows"}), `accepted` (ids of findings the person accepted with a reason).
    """

    frame: pl.DataFrame
    target: str
    roles: dict[str, str] = field(default_factory=dict)
    task: Literal["binary", "multiclass", "regression"] = "binary"
    train: np.ndarray | None = None
    validation: np.ndarray | None = None
    groups: np.ndarray | None = None
    group: str | None = None
    time: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    subject: Any = None
    """The kind's own development object, for checks that look at more than columns (pictures)."""

    @property
    def rows(self) -> int:
        """Number of development rows."""
        return self.frame.height

    def number(self, position: int) -> int:
        """The row number in the source file (from 0) of a row of this table."""
        return int(self.frame[ROW][position]) if ROW in self.schema else position

    @property
    def classification(self) -> bool:
        """Whether the target is a class."""
        return self.task != "regression"

    def role(self, column: str) -> str:
        """The column's role; guessed from its type where none is given."""
        if column in self.roles:
            return self.roles[column]
        dtype = self.schema[column]
        return "number" if dtype.is_numeric() else "date" if dtype.is_temporal() else "category"

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """Column types, read once: asking the frame again for each column is slow on wide tables."""
        return dict(self.frame.schema)

    @cached_property
    def features(self) -> list[str]:
        """Input columns looked at: all but the target, the row number and those with the role `ignore`, at most `widest`."""
        return self.inputs[: self.widest]

    @property
    def widest(self) -> int:
        """How many columns per-column checks look at."""
        return min(WIDEST, max(200, CELLS // max(self.rows, 1)))

    @cached_property
    def inputs(self) -> list[str]:
        """All input columns."""
        return [c for c in self.frame.columns if c not in (self.target, ROW) and self.role(c) != "ignore"]

    @cached_property
    def left_out(self) -> list[str]:
        """Columns with the role `ignore` (proposed or chosen), at most `widest`: some checks say why they are left out."""
        return [c for c in self.frame.columns if c not in (self.target, ROW) and self.role(c) == "ignore"][: self.widest]

    @cached_property
    def facts(self) -> "Facts":
        """Counts and samples that several checks share, computed once."""
        from phasewise.checks.facts import Facts

        return Facts(self)


class Skip(Exception):
    """Raised by a check that cannot run on this table; the message goes into the coverage line."""
