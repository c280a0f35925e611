"""Phase 1: what does success look like, in numbers?"""

import difflib
from typing import Literal

from pydantic import field_validator

from phasewise.records.answers.ask import PhaseAnswers, ask
from phasewise.records.metrics import METRICS


class GoalsAnswers(PhaseAnswers):
    """Metric, target, limits, budget, expected range (G01-G07, L08)."""

    metric: str | None = ask(None, choices_from="metrics", order=1)
    target: float | None = ask(None, order=2)
    claim: Literal["new_rows", "new_groups", "later_time"] | None = ask(None, order=3, tables_only=("later_time",))
    expected_low: float | None = ask(None, order=4)
    expected_high: float | None = ask(None, order=5)
    expected_why: str | None = ask(None, widget="text", order=6)
    max_latency_ms: float | None = ask(None, unit="ms a row", gt=0, order=20, advanced=True)
    max_size_mb: float | None = ask(None, unit="MB", gt=0, order=21, advanced=True)
    budget_trials: int | None = ask(None, unit="trials", ge=1, le=100_000, order=7)
    budget_hours: float | None = ask(None, unit="hours", gt=0, le=10_000, order=22, advanced=True)
    stop_rule: Literal["point", "interval"] = ask("point", order=23, advanced=True)
    ideas_without_gain: int = ask(10, ge=1, le=1000, order=24, advanced=True)
    shortcuts: list[Literal["less_data", "preprocessing", "heuristic", "smaller_input"]] = ask([], order=25, advanced=True)

    @field_validator("metric")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is None or value in METRICS:
            return value
        near = difflib.get_close_matches(value, METRICS, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"no metric of this name. {hint}Metrics: {', '.join(METRICS)}")
