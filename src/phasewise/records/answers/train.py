"""Phase 5: can it fit the training set?"""

from typing import Literal

from phasewise.records.answers.ask import PhaseAnswers, ask


class TrainAnswers(PhaseAnswers):
    """LR finder, optimiser, schedule, step-3 ladder (T01-T29)."""

    purpose: Literal["quick", "best"] = ask("best", order=1)
    family: str | None = ask(None, choices_from="families", order=2)
    optimizer: Literal["sgd", "adam", "adamw", "rmsprop", "adadelta", "swats"] | None = ask(None, order=3)
    lr: float | None = ask(None, gt=0, le=100, order=4)
    schedule: Literal["constant", "exponential", "staircase", "plateau", "cosine", "restarts", "cyclic", "one_cycle"] | None = ask(None, order=5)
    epochs: int | None = ask(None, ge=1, le=100_000, order=6)
    batch_size: int | None = ask(None, ge=1, le=65_536, order=7)
    seeds: int = ask(1, ge=1, le=64, order=8, advanced=True)
    weight_decay: float | None = ask(None, ge=0, le=10, order=9, advanced=True)
    clip_norm: float | None = ask(None, gt=0, order=10, advanced=True)
    init: Literal["he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "orthogonal", "torch"] | None = ask(None, order=11, advanced=True)
    cycle_len: int = ask(1, ge=1, le=1000, asked_when="train.schedule=restarts|cyclic", order=12, advanced=True)
    cycle_mult: int = ask(2, ge=1, le=10, asked_when="train.schedule=restarts", order=13, advanced=True)
    ladder: bool = ask(False, order=14, advanced=True)
    device: Literal["auto", "cpu", "cuda"] = ask("auto", order=15, advanced=True)
    precision: Literal["auto", "fp32", "tf32", "bf16"] = ask("auto", order=16, advanced=True)
    seed: int = ask(0, ge=0, le=2**31 - 1, order=17, advanced=True)
