"""The minimal-model ladder (B06): a config made simple, then one simplification undone per run until a run gets worse: that one is the suspect."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from phasewise.records.models import ModelConfig, apply_change


@dataclass(frozen=True, kw_only=True)
class Step:
    """One simplification: what is set while it holds, and what the full config has instead."""

    id: str
    title: str
    simple: Mapping[str, Any]
    full: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Undone:
    """One run of the ladder: values over seeds before and after undoing a step, and whether it got worse beyond noise."""

    id: str
    title: str
    before: tuple[float, ...]
    after: tuple[float, ...]
    loss: float
    noise: float
    worse: bool


@dataclass(frozen=True, kw_only=True)
class MinimalLadder:
    """All runs in order; `suspect` is the step at which the ladder stopped, or empty."""

    start: tuple[float, ...]
    steps: list[Undone] = field(default_factory=list)
    suspect: str = ""
    advice: str = ""


ORDER = ("rows", "hidden", "members", "dropout", "weight_decay", "label_smoothing", "augment", "sampling", "schedule", "precision")
"""Undone in this order: data, network size, regularisers, augmentation, sampling, schedule, precision (B06)."""


def simplifications(config: ModelConfig, rows: int, quick_rows: int | None = None) -> list[Step]:
    """What can be made simpler in a config, in the order in which it will be undone; `quick_rows` is the subset that learns (B02)."""
    net, train = config.network, config.train
    found: dict[str, Step] = {}

    def add(id: str, title: str, path: str, simple: Any, full: Any) -> None:
        if simple != full:
            found[id] = Step(id=id, title=title, simple={path: simple}, full={path: full})

    if quick_rows and quick_rows < rows:
        found["rows"] = Step(id="rows", title=f"all {rows:,} rows instead of {quick_rows:,}", simple={"rows": quick_rows}, full={"rows": rows})
    if len(net.hidden) > 1:
        found["hidden"] = Step(
            id="hidden", title="all hidden layers", simple={"network.hidden": net.hidden[:1], "network.dropout": net.dropout[:1]},
            full={"network.hidden": net.hidden, "network.dropout": [0.0] * len(net.dropout)},
        )
    add("members", "all implicit members", "network.members", min(net.members, 2), net.members)
    if any(net.dropout):
        found["dropout"] = Step(id="dropout", title="dropout", simple={"network.dropout": [0.0] * len(net.dropout)}, full={"network.dropout": net.dropout})
        if "hidden" in found:  # while the network is short its dropout list is short too
            found["hidden"] = Step(id="hidden", title="all hidden layers", simple={"network.hidden": net.hidden[:1], "network.dropout": [0.0]}, full={"network.hidden": net.hidden, "network.dropout": [0.0] * len(net.dropout)})
            found["dropout"] = Step(id="dropout", title="dropout", simple={}, full={"network.dropout": net.dropout})
    add("weight_decay", "weight decay", "train.weight_decay", 0.0, train.weight_decay)
    add("label_smoothing", "label smoothing", "train.label_smoothing", 0.0, train.label_smoothing)
    add("augment", "augmentation", "train.augment", {}, train.augment)
    add("sampling", "class sampling", "train.sampling", "none", train.sampling)
    add("schedule", "the schedule", "train.schedule", "constant", train.schedule)
    add("precision", "lower precision", "train.precision", "fp32", train.precision if train.precision not in ("auto", "fp32") else "fp32")
    return [found[name] for name in ORDER if name in found]


def applied(config: ModelConfig, steps: Sequence[Step], undone: int) -> tuple[ModelConfig, int | None]:
    """The config with the first `undone` steps at their full value and the rest simple, and the number of rows (None: all)."""
    change: dict[str, Any] = {}
    for step in steps:  # every simple value first, so that a later simple never overwrites an earlier full
        change |= step.simple
    for step in steps[:undone]:
        change |= step.full
    rows = change.pop("rows", None)
    return apply_change(config, change), rows


def climb(
    config: ModelConfig, steps: Sequence[Step], fit_once: Callable[[ModelConfig, int | None], Sequence[float]], *, maximize: bool, sigmas: float = 2.0,
    least: float = 0.0,
) -> MinimalLadder:
    """Undoes one step per run; stops at the first run worse than its predecessor beyond noise and names it.

    `fit_once(config, rows)` gives the metric over the same seeds on every call (paired). Noise is `sigmas` standard errors of the
    paired difference, and at least `least`. A value that is not finite is worse than any.
    """
    values = tuple(float(v) for v in fit_once(*applied(config, steps, 0)))
    start, done = values, []
    for count, step in enumerate(steps, start=1):
        after = tuple(float(v) for v in fit_once(*applied(config, steps, count)))
        loss, noise = _loss(values, after, maximize, sigmas)
        noise = max(noise, least)
        worse = not math.isfinite(loss) or loss > noise
        done.append(Undone(id=step.id, title=step.title, before=values, after=after, loss=loss, noise=noise, worse=worse))
        if worse:
            advice = f"Look at {step.title}: undoing this simplification cost {loss:.3g} (noise {noise:.2g}), everything before it was sound."
            return MinimalLadder(start=start, steps=done, suspect=step.id, advice=advice)
        values = after
    return MinimalLadder(start=start, steps=done, advice="Every simplification is undone and none made it worse.")


def _loss(before: Sequence[float], after: Sequence[float], maximize: bool, sigmas: float) -> tuple[float, float]:
    gaps = [(b - a) if maximize else (a - b) for b, a in zip(before, after, strict=True)]
    if not all(math.isfinite(g) for g in gaps):
        return math.inf, 0.0
    mean = sum(gaps) / len(gaps)
    if len(gaps) < 2:
        return mean, 0.0
    variance = sum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1)
    return mean, sigmas * math.sqrt(variance / len(gaps))
