"""What saved models of every wing share: card, members and their mixture, the decision threshold, ensembles in a folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from phasewise.kinds import folders
from phasewise.records.errors import BadInputError
from phasewise.stats.predictions import Predictions
from phasewise.stats.scores import joined


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedModel:
    """A model ready to predict: its `card`, and `predict(table)`; an ensemble has `members` and `weights` instead of an `answer`."""

    BATCH: ClassVar[int] = 16_384
    """Rows answered at once."""

    card: dict[str, Any]
    preparing: Any
    answer: Any = None
    """Function of what `inputs` gives -> Predictions; None for an ensemble."""
    members: list[Any] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    @property
    def threshold(self) -> float | None:
        """Decision threshold on the positive class's probability (binary), or None for the largest probability."""
        found = self.card.get("threshold")
        return None if found is None else float(found)

    @property
    def sets(self) -> float | None:
        """Limit of the 90 % prediction sets (`stats.conformal`), or None: too few held-out rows, or class shares other than those it was found on."""
        found = self.card.get("sets")
        return None if not found or self.card.get("prior_ratio") else float(found["limit"])

    @property
    def first(self) -> Any:
        """The model itself, or the first of the members (of the members) that has a preparation of its own."""
        return self if self.preparing is not None else self.members[0].first

    def inputs(self, table: pl.DataFrame) -> Any:
        """What `answer` takes for a block of rows."""
        return table

    def predict(self, table: pl.DataFrame) -> Predictions:
        """Predictions for every row of a table [n]; extra columns are ignored.

        Raises `BadInputError` naming missing columns.
        """
        if self.members:
            said = folders.mixed([m.predict(table) for m in self.members], self.weights, str(self.card.get("method", "average")))
        else:
            parts = [self.answer(self.inputs(table.slice(start, self.BATCH))) for start in range(0, max(table.height, 1), self.BATCH)]
            said = parts[0] if len(parts) == 1 else joined(parts)
        return folders.shifted(said, self.card.get("prior_ratio"))


def save_ensemble(folder: Path, *, members: Sequence[tuple[Path, float]], method: str, card: Mapping[str, Any], taken: Sequence[str]) -> None:
    """Members (model folder, weight) copied inside; the keys `taken` come from the first one's card; `method` is `average`, `weighted` or `vote`."""
    if method not in ("average", "weighted", "vote"):
        raise ValueError(f"unknown way to combine: {method!r}")
    folder.mkdir(parents=True, exist_ok=True)
    entries = folders.copy_members(folder, members)
    first = folders.read_card(folders.member_path(folder, entries[0]))
    shared = {k: first[k] for k in ("task", "classes", "target", "columns", *taken) if k in first}
    folders.write_card(folder, {"kind": first["kind"], "type": "ensemble", "metric": "", "threshold": None, **shared, **card, "members": entries, "method": method})


def opened(folder: Path, kind: str, title: str, load: Callable[[Path], Any]) -> tuple[dict[str, Any], list[Any]]:
    """Card and loaded members (none for a single model) of a model folder.

    Raises `BadInputError` when it is of another kind, damaged, or an ensemble of nothing.
    """
    card = folders.read_card(folder)
    if card.get("kind") != kind:
        raise BadInputError(f"this is not a model for {title}", f"Its kind is {card.get('kind')!r}.", "Use the kind it was trained for.", where=str(folder))
    if card.get("type") != "ensemble":
        return card, []
    members = [load(folders.member_path(folder, entry)) for entry in card.get("members", [])]
    if not members:
        raise BadInputError("the ensemble has no members", "Its card lists none.", "Combine again.", where=str(folder))
    return card, members
