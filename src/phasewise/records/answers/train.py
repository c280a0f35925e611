"""Phase 5: can it fit the training set?"""

import math
from typing import Literal

from pydantic import field_validator

from phasewise.records.answers.ask import PhaseAnswers, ask


def rate_keys(texts: list[str]) -> list[list[float]]:
    """`["10:0.001", "20:1e-4"]` as [[epochs done, learning rate], ...], in order; ValueError names the entry that is none."""
    found: dict[float, float] = {}
    for text in texts:
        epoch, colon, rate = text.partition(":")
        try:
            key = (float(epoch), float(rate))
        except ValueError:
            key = (math.nan, math.nan)
        if not colon or not (0 < key[0] < math.inf and 0 < key[1] <= 100):
            raise ValueError(f"{text[:40]!r} is not EPOCH:RATE with an epoch above 0 and a rate above 0 and at most 100; write for example 10:0.001")
        if key[0] in found:
            raise ValueError(f"epoch {key[0]:g} has two rates")
        found[key[0]] = key[1]
    return [[epoch, rate] for epoch, rate in sorted(found.items())]


DEEPEST, WIDEST = 16, 8192


def widths(texts: list[str]) -> list[int]:
    """`["256", "128"]` or `["256 128"]` as units per hidden layer, the layer next to the inputs first; ValueError names the entry that is none."""
    found = []
    for text in " ".join(texts).replace(",", " ").split():
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= WIDEST:
            raise ValueError(f"{text[:40]!r} is no width: write whole numbers from 1 to {WIDEST:,}, one a layer, for example 256 128")
        found.append(int(text))
    if len(found) > DEEPEST:
        raise ValueError(f"{len(found)} hidden layers are more than {DEEPEST}")
    return found


class TrainAnswers(PhaseAnswers):
    """LR finder, optimiser, schedule, step-3 ladder (T01-T29)."""

    purpose: Literal["quick", "best"] = ask("best", order=1)
    family: str | None = ask(None, choices_from="families", order=2)
    hidden: list[str] = ask([], asked_when="train.family=mlp|tabm|realmlp", order=2, kinds=("tabular",), advanced=True)
    dropout: float | None = ask(None, ge=0, lt=1, asked_when="train.family=mlp|tabm|realmlp", order=2, kinds=("tabular",), advanced=True, example=0.1)
    activation: Literal["relu", "gelu", "silu", "mish", "selu", "tanh", "sigmoid"] | None = ask(None, asked_when="train.family=mlp|realmlp", order=2, kinds=("tabular",), advanced=True)
    optimizer: Literal["sgd", "adam", "adamw", "rmsprop", "adadelta", "swats"] | None = ask(None, order=3)
    lr: float | None = ask(None, gt=0, le=100, order=4, example=0.001)
    schedule: Literal["constant", "exponential", "staircase", "manual", "plateau", "cosine", "restarts", "cyclic", "one_cycle"] | None = ask(None, order=5)
    rate_keys: list[str] = ask([], asked_when="train.schedule=manual", order=5)
    decay_factor: float | None = ask(None, gt=0, lt=1, asked_when="train.schedule=exponential|staircase|plateau", order=5, advanced=True, example=0.5)
    decay_every: float | None = ask(None, gt=0, le=100_000, asked_when="train.schedule=staircase", order=5, unit="epochs", advanced=True, example=5)
    plateau_patience: int | None = ask(None, ge=1, le=100_000, asked_when="train.schedule=plateau", order=5, unit="epochs", advanced=True, example=5)
    momentum: float | None = ask(None, ge=0, lt=1, asked_when="train.optimizer=sgd", order=5, advanced=True, example=0.9)
    nesterov: bool = ask(False, asked_when="train.optimizer=sgd", order=5, advanced=True)
    switch_epoch: int | None = ask(None, ge=1, le=100_000, asked_when="train.optimizer=swats", order=5, advanced=True, example=10)
    switch_lr: float | None = ask(None, gt=0, le=100, asked_when="train.switch_epoch", order=5, advanced=True, example=0.05)
    epochs: int | None = ask(None, ge=1, le=100_000, order=6, example=20)
    batch_size: int | None = ask(None, ge=1, le=65_536, order=7, example=256)
    seeds: int = ask(1, ge=1, le=64, order=8, advanced=True)
    weight_decay: float | None = ask(None, ge=0, le=10, order=9, advanced=True, example=0.01)
    clip_norm: float | None = ask(None, gt=0, order=10, advanced=True, example=1.0)
    clip_value: float | None = ask(None, gt=0, order=10, advanced=True, example=0.5)
    init: Literal["he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "orthogonal", "torch"] | None = ask(None, order=11, advanced=True)
    cycle_len: int = ask(1, ge=1, le=1000, asked_when="train.schedule=restarts|cyclic", order=12, advanced=True)
    cycle_mult: int = ask(2, ge=1, le=10, asked_when="train.schedule=restarts", order=13, advanced=True)
    unfrozen: int | None = ask(None, ge=0, le=3, asked_when="train.family=pretrained", order=13, kinds=("images",), advanced=True, example=1)
    unfreeze_every: int | None = ask(None, ge=1, le=1000, asked_when="train.family=pretrained", order=13, kinds=("images",), advanced=True, example=1)
    layer_rates: Literal["one", "ulmfit", "geometric"] = ask("one", asked_when="train.family=pretrained", order=13, kinds=("images",), advanced=True)
    ladder: bool = ask(False, order=14, advanced=True)
    device: Literal["auto", "cpu", "cuda"] = ask("auto", order=15, advanced=True)
    precision: Literal["auto", "fp32", "tf32", "bf16"] = ask("auto", order=16, advanced=True)
    seed: int = ask(0, ge=0, le=2**31 - 1, order=17, advanced=True)

    @field_validator("hidden")
    @classmethod
    def _whole_widths(cls, value: list[str]) -> list[str]:
        return [str(w) for w in widths(value)]

    @field_validator("rate_keys")
    @classmethod
    def _whole_keys(cls, value: list[str]) -> list[str]:
        rate_keys(value)
        return [v.strip() for v in value]
