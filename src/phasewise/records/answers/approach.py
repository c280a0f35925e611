"""Phase 3: which solved problem is this like?"""

from typing import Literal

from phasewise.records.answers.ask import PhaseAnswers, ask

IMAGES = ("images",)


class ApproachAnswers(PhaseAnswers):
    """Recipe by analogy, loss, first architecture, imbalance, transfer (A01-A16, D11-D15, D21)."""

    recipe: str | None = ask(None, choices_from="recipes", order=1)
    loss: str | None = ask(None, choices_from="losses", order=2)
    family: str | None = ask(None, choices_from="families", order=3)
    loss_file: str | None = ask(None, widget="path", order=2, advanced=True)
    hidden_rule: Literal["midpoint", "samples"] = ask("midpoint", order=4, kinds=("tabular",))
    hidden_divisor: float = ask(5.0, ge=2, le=10, asked_when="approach.hidden_rule=samples", order=5, advanced=True, kinds=("tabular",))
    imbalance: Literal["none", "weights", "over", "under", "smote"] | None = ask(None, order=6, tables_only=("smote",))
    embeddings: bool = ask(True, order=7, advanced=True, kinds=("tabular",))
    embedding_rule: Literal["fastai", "half"] = ask("fastai", order=8, advanced=True, kinds=("tabular",))
    weights_file: str | None = ask(None, widget="path", order=9, kinds=IMAGES)
    weights_network: str | None = ask(None, widget="text", asked_when="approach.weights_file", order=9, kinds=IMAGES, advanced=True)
    mirror_ok: bool | None = ask(None, order=10, kinds=IMAGES)
    upside_down_ok: bool | None = ask(None, order=11, kinds=IMAGES)
    rotation_ok: bool | None = ask(None, order=12, kinds=IMAGES)
    colour_matters: bool | None = ask(None, order=13, kinds=IMAGES)
    text_in_image: bool | None = ask(None, order=14, kinds=IMAGES)
    auxiliary: list[str] = ask([], choices_from="auxiliary", order=16, advanced=True, kinds=("tabular",))
    auxiliary_learned: bool = ask(False, asked_when="approach.auxiliary", order=17, advanced=True, kinds=("tabular",))
    auxiliary_weight: float = ask(0.3, gt=0, le=100, asked_when="approach.auxiliary", order=17, advanced=True, kinds=("tabular",))
    similar_work: str | None = ask(None, widget="text", order=20, advanced=True)
    claimed_score: float | None = ask(None, order=21, advanced=True)
    image_size: int | None = ask(None, ge=8, le=1024, unit="px", order=15, kinds=IMAGES, advanced=True)
