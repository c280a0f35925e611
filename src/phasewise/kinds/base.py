"""A kind: one wing of the house. Every wing has the same rooms, found by name, so that heavy code loads only in the worker."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phasewise.records.results.data import Proposal

ROOMS = (
    "reading", "profiling", "splitting", "development", "preparing", "baselines", "batches", "networks",
    "predictor", "exporting", "showing", "checks", "arriving", "renewing",
)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A data kind: its id, its title and the package that holds its rooms; importing it loads nothing heavy."""

    id: str
    title: str
    package: str
    looks: Callable[[Path], Proposal | None]

    def looks_like(self, path: Path | str) -> Proposal | None:
        """Whether a file or folder looks like this kind, from its name and first bytes; None when it does not."""
        return self.looks(Path(path))

    @property
    def recipe(self) -> Any:
        """The kind's recipe (pure data): `RECIPE` of its recipe module, or the module itself."""
        module = importlib.import_module(f"{self.package}.recipe")
        return getattr(module, "RECIPE", module)

    def has(self, name: str) -> bool:
        """Whether this kind has a room of its own of that name."""
        return importlib.util.find_spec(f"{self.package}.{name}") is not None

    def room(self, name: str) -> ModuleType:
        """The module of a room by name, imported on first use (worker side)."""
        return importlib.import_module(f"{self.package}.{name}")
