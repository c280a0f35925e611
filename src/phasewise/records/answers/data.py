"""Phase 2: is the data fit for it?"""

from typing import Literal

from phasewise.records.answers.ask import PhaseAnswers, ask

Role = Literal["number", "category", "date", "text", "ignore"]
TABLES = ("tabular",)


class DataAnswers(PhaseAnswers):
    """Where the data is, what each column is, how it is split, which remedies are applied (D01-D21)."""

    file: str | None = ask(None, widget="path", flag="--data", order=1)
    target: str | None = ask(None, widget="column", choices_from="columns", flag="--target", order=2)
    kind: str | None = ask(None, choices_from="kinds", flag="--kind", order=3)
    task: Literal["binary", "multiclass", "regression"] | None = ask(None, order=4, advanced=True)
    positive: str | None = ask(None, order=5, asked_when="data.task=binary", choices_from="classes", advanced=True)
    test_file: str | None = ask(None, widget="path", order=20, advanced=True)
    split_file: str | None = ask(None, widget="path", order=21, advanced=True, kinds=TABLES)
    policy: Literal["random", "stratified", "grouped", "time", "file"] | None = ask(None, order=6, tables_only=("time",))
    group: str | None = ask(None, widget="column", choices_from="groups", asked_when="data.policy=grouped", order=7)
    time: str | None = ask(None, widget="column", choices_from="columns", asked_when="data.policy=time", order=8)
    gap: float = ask(0.0, ge=0, asked_when="data.policy=time", order=9, advanced=True)
    test_share: float | None = ask(None, gt=0, lt=0.9, order=10)
    validation_share: float | None = ask(None, ge=0, lt=0.9, order=11, advanced=True)
    folds: int | None = ask(None, ge=0, le=20, order=12, advanced=True)
    seed: int = ask(0, ge=0, le=2**31 - 1, order=13, advanced=True)
    roles: dict[str, Role] = ask({}, widget="columns", order=14, advanced=True, kinds=TABLES)
    remedies: dict[str, str] = ask({}, widget="hidden", order=15)
    relabel: dict[str, str] = ask({}, widget="hidden", order=16)
    real_prior: dict[str, float] = ask({}, widget="hidden", order=26, advanced=True)
    declared_classes: list[str] = ask([], order=27, advanced=True)
    pca: float | None = ask(None, gt=0, lt=1, order=28, advanced=True, kinds=TABLES)
    delimiter: str | None = ask(None, order=30, advanced=True, kinds=TABLES)
    encoding: str | None = ask(None, order=31, advanced=True, kinds=TABLES)
    source: str | None = ask(None, widget="text", order=40, advanced=True)
    licence: str | None = ask(None, widget="text", order=41, advanced=True)
    collected: str | None = ask(None, widget="text", order=42, advanced=True)
    label_source: str | None = ask(None, widget="text", order=43, advanced=True)
    confidence: float | None = ask(None, unit="%", ge=0, le=100, order=44, advanced=True)
    known_biases: str | None = ask(None, widget="text", order=45, advanced=True)
