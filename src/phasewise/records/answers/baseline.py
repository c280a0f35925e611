"""Phase 4: what must a network beat, and is the smallest network sound?"""

from phasewise.records.answers.ask import PhaseAnswers, ask


class BaselineAnswers(PhaseAnswers):
    """Baselines, smallest network, check-up, need-DL verdict (G01 G02 B01-B08)."""

    models: list[str] | None = ask(None, choices_from="baselines", order=1)
    subset: int | None = ask(None, ge=16, unit="rows", order=2, advanced=True)
    checkup: bool = ask(True, order=3, advanced=True)
    go_on_reason: str | None = ask(None, widget="text", order=4)
    expected_low: float | None = ask(None, order=5, advanced=True)
    expected_high: float | None = ask(None, order=6, advanced=True)
