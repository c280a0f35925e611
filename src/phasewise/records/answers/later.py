"""Phases 7 to 10: strengthen, verify, field, ship."""

from typing import Literal

from phasewise.records.answers.ask import PhaseAnswers, ask


class StrengthenAnswers(PhaseAnswers):
    """Phase 7: is more worth it? (optional; X01-X12)"""

    do: bool | None = ask(None, order=1)
    members: int = ask(5, ge=2, le=64, asked_when="strengthen.do", order=2)
    combine: list[Literal["average", "weighted", "vote"]] = ask(["average", "weighted", "vote"], asked_when="strengthen.do", order=3, advanced=True)
    with_baselines: bool = ask(True, asked_when="strengthen.do", order=4, advanced=True)
    tta: bool = ask(False, asked_when="strengthen.do", order=5, kinds=("images",))
    prune: bool = ask(False, asked_when="strengthen.do", order=6, kinds=("images",), advanced=True)


class VerifyAnswers(PhaseAnswers):
    """Phase 8: does it hold on the sealed test set? (E01-E04, L06)"""

    candidate: str | None = ask(None, choices_from="candidates", order=1)
    claim: Literal["target", "better_than_baseline"] | None = ask(None, order=2)
    margin: float = ask(0.0, ge=0, asked_when="verify.claim=better_than_baseline", order=3, advanced=True)
    predicted: float | None = ask(None, order=4)
    reason: str | None = ask(None, widget="text", order=5, advanced=True)
    """Reason and list of changes, required from the second opening on."""


class FieldAnswers(PhaseAnswers):
    """Phase 9: does it hold in the real world? (E05-E07, L07, X14)"""

    files: list[str] = ask([], widget="path", flag="--field-data", order=1)
    name: str | None = ask(None, order=2, advanced=True)


class ShipAnswers(PhaseAnswers):
    """Phase 10: can others use it? (E08 X13)"""

    formats: list[Literal["bundle", "onnx", "torch", "script"]] = ask(["bundle"], order=1, tables_only=("script",))
    title: str | None = ask(None, widget="text", order=2, advanced=True)
    intended_use: str | None = ask(None, widget="text", order=3, advanced=True)
    limits: str | None = ask(None, widget="text", order=4, advanced=True)
