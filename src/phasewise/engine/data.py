"""What the engine trains on: tensors on one device, rows picked by index, never a Python loop over samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from phasewise.records.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """All development rows of a kind.

    `inputs` holds one tensor per kind of input, rows first: `num` float32 [n, d], `cat` int32 [n, c], `image` uint8 [n, C, H, W];
    `y` is int64 [n] for classes and float32 [n] (standardised) for regression; `classes` is 0 for regression.
    """

    inputs: dict[str, Tensor]
    y: Tensor
    task: str
    classes: int = 0
    names: tuple[str, ...] = ()
    """Names of the classes, for what is said to people."""
    at_home: frozenset[str] = frozenset()
    """Inputs that stay where they lie (a file mapped into memory), because they fit on no device: rows are moved as they are taken."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.y.shape[0])

    @property
    def device(self) -> torch.device:
        """Where the rows lie."""
        return self.y.device

    def to(self, device: torch.device) -> "Dataset":
        """The same rows on a device; no copy when they are there already."""
        moved = {name: x if name in self.at_home else x.to(device, non_blocking=True) for name, x in self.inputs.items()}
        return replace(self, inputs=moved, y=self.y.to(device))

    def take(self, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Inputs and targets of the rows of an index tensor [b]."""
        y = self.y.index_select(0, rows)
        if not self.at_home:
            return {name: x.index_select(0, rows) for name, x in self.inputs.items()}, y
        return {name: x.index_select(0, rows.to(x.device)).to(y.device, non_blocking=True) for name, x in self.inputs.items()}, y

    def class_counts(self, rows: Tensor) -> Tensor:
        """Rows per class among some rows: int64 [classes], on the CPU; empty for regression."""
        if not self.classes:
            return torch.zeros(0, dtype=torch.int64)
        return torch.bincount(self.y[rows].to("cpu"), minlength=self.classes)

    def check(self) -> None:
        """Raises BadInputError for shapes, types or values that no network can train on; names the input and the column."""
        for name, x in self.inputs.items():
            if x.shape[0] != self.rows:
                raise BadInputError(f"input {name!r} has {x.shape[0]} rows, the target {self.rows}", "Inputs and target must be row by row.")
            if x.is_floating_point() and not bool(torch.isfinite(x.sum())):
                flat = x.reshape(self.rows, -1)
                column = int((~torch.isfinite(flat)).any(0).nonzero()[0])
                rows = int((~torch.isfinite(flat[:, column])).sum())
                if rows:
                    raise BadInputError(
                        f"input {name!r} holds NaN or infinite values", f"Column {column} has {rows} of them after preparation.",
                        "Fill missing values or drop the column in the data phase.",
                    )
        if self.y.dim() != 1:
            raise BadInputError(f"the target has shape {tuple(self.y.shape)}", "One number or class per row is needed.", "Flatten (n, 1) to (n).")
        if self.task == "regression" and not bool(torch.isfinite(self.y).all()):
            raise BadInputError("the target holds NaN or infinite values", remedy="Drop those rows in the data phase.")
        if self.classes and self.rows and (int(self.y.min()) < 0 or int(self.y.max()) >= self.classes):
            raise BadInputError("the target holds a class outside the known ones", f"Classes run from 0 to {self.classes - 1}.")


@dataclass(frozen=True, kw_only=True)
class InputInfo:
    """The sizes a network must fit: numeric columns, categories per column, output units, image (C, H, W), and column statistics."""

    numbers: int = 0
    cardinalities: tuple[int, ...] = ()
    outputs: int = 1
    auxiliary: int = 0
    """Further targets that are learned along and dropped afterwards (R20)."""
    image: tuple[int, int, int] | None = None
    stats: Mapping[str, Tensor] = field(default_factory=dict)
    """Statistics some networks need, for example `bins` of piecewise-linear embeddings."""
