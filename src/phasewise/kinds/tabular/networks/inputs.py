"""From a batch of numbers and category codes to one feature matrix: the front every strong tabular network shares."""

import torch
from torch import Tensor, nn

from phasewise.kinds.tabular.networks import embeddings

ONE_HOT_LIMIT = 9
"""Largest number of levels that is one-hot coded under `one_hot_small` (RealMLP, arXiv 2407.04491); more get a look-up table."""


class Categories(nn.Module):
    """Category codes `[n, c]` to features: one-hot up to a limit, a look-up table above it (N04, N05).

    Code 0 means unknown; codes at or above the cardinality are read as unknown too, so a new level never fails.
    """

    def __init__(self, cardinalities: tuple[int, ...], *, rule: str = "fastai", one_hot_limit: int = 0, embed: bool = True) -> None:
        super().__init__()
        self.cardinalities = tuple(cardinalities)
        self.tables = nn.ModuleList()
        self.plan: list[int] = []
        for levels in self.cardinalities:
            if not embed or levels <= one_hot_limit:
                self.plan.append(-levels)
                continue
            self.plan.append(len(self.tables))
            self.tables.append(nn.Embedding(levels, embeddings.width(levels, rule)))
        self.register_buffer("levels", torch.tensor(self.cardinalities, dtype=torch.long), persistent=False)
        hot = [-p for p in self.plan if p < 0]
        self.features = sum(hot) + sum(t.embedding_dim for t in self.tables)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes `[n, c]` (any integer dtype) to float features `[n, features]`."""
        codes = codes.long()
        codes = torch.where((codes >= 0) & (codes < self.levels), codes, torch.zeros_like(codes))
        parts = []
        for column, plan in enumerate(self.plan):
            code = codes[:, column]
            if plan < 0:
                parts.append(torch.nn.functional.one_hot(code, -plan).to(torch.get_default_dtype()))
            else:
                parts.append(self.tables[plan](code))
        return torch.cat(parts, dim=1)


class Front(nn.Module):
    """Numbers through a numeric embedding and categories through tables or one-hot, side by side.

    `chunks` says which output columns come from the same input column (TabM's first adapter draws one number per chunk).
    """

    def __init__(self, numeric: nn.Module | None, categories: Categories | None) -> None:
        super().__init__()
        self.numeric, self.categories = numeric, categories
        self.features = (numeric.features if numeric else 0) + (categories.features if categories else 0)
        self.chunks = list(numeric.chunks) if numeric else []
        for plan in categories.plan if categories else []:
            self.chunks.append(-plan if plan < 0 else categories.tables[plan].embedding_dim)
        if not self.features:
            raise ValueError("a network needs at least one input column")

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """`num` float `[n, d]` and `cat` integer `[n, c]` to features `[n, features]`."""
        parts = []
        if self.numeric is not None:
            parts.append(self.numeric(inputs["num"]))
        if self.categories is not None:
            parts.append(self.categories(inputs["cat"]))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
