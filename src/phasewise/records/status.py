"""`phasewise status --json`: the stable contract of design/interface.md; additive changes only."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="null")


class PhaseStatus(_Part):
    """One phase as derived."""

    id: str
    state: str
    summary: str = ""
    stale_because: list[str] = Field(default_factory=list)
    overrides: list[str] = Field(default_factory=list)


class StatusDocument(_Part):
    """Where the project stands."""

    project: str
    kind: str
    phase: str
    phases: list[PhaseStatus]
    goal: dict[str, Any]
    data: dict[str, Any]
    baselines: list[dict[str, Any]] = Field(default_factory=list)
    need_deep_learning: dict[str, Any] | None = None
    checkup: list[dict[str, Any]] = Field(default_factory=list)
    stages: list[dict[str, Any]] = Field(default_factory=list)
    candidate: dict[str, Any] | None = None
    diagnosis: dict[str, Any] | None = None
    ideas: list[dict[str, Any]] = Field(default_factory=list)
    test: dict[str, Any] | None = None
    field: list[dict[str, Any]] = Field(default_factory=list)
    runs: list[dict[str, Any]] = Field(default_factory=list)
    next: dict[str, Any] = Field(default_factory=dict)
