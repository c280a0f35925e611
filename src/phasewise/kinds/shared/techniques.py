"""What a recipe is made of: families, solved problems to start from, techniques with estimates (A01, I02, I03). Pure data."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BIAS, VARIANCE, FAILURE, HEALTHY, BOTH = "high_bias", "high_variance", "optimisation_failure", "healthy", "both"
CLASSES = ("binary", "multiclass")


@dataclass(frozen=True, kw_only=True)
class Family:
    """A network family, smallest first in a recipe."""

    id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Analogy:
    """A solved problem to start from (A01)."""

    id: str
    title: str
    reason: str
    family: str


@dataclass(frozen=True, kw_only=True)
class Technique:
    """One idea of the list: a config change with default estimates, where it applies, and the diagnoses it is a cure for.

    `hours` is left open: the engine's throughput says it (I03). `impact` is a share of the gap it addresses, as a prior;
    `likelihood` starts near the .15 of M29 and is moved by the project's own history (I06).
    """

    id: str
    title: str
    category: str
    source: str
    change: dict[str, Any] = field(default_factory=dict)
    cures: tuple[str, ...] = ()
    complexity: int = 1
    likelihood: float = 0.15
    impact: float | None = None
    hours: float | None = None
    families: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    by_hand: bool = False
    """True where a person must act first (new data, new columns): no config change can do it."""
    why: str = ""


def applicable(techniques: Iterable[Technique], family: str, task: str) -> tuple[Technique, ...]:
    """Techniques for a family and task, simplest first, then likeliest."""
    fits = [t for t in techniques if (not t.families or family in t.families) and (not t.tasks or task in t.tasks)]
    return tuple(sorted(fits, key=lambda t: (t.by_hand, t.complexity, -t.likelihood, t.id)))
