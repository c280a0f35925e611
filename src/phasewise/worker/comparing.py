"""Configs side by side over the same seeds: which keys may change, paired values, the adoption rule (B07, V10, I11)."""

import difflib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from phasewise.kinds.base import Kind
from phasewise.records.errors import UsageError
from phasewise.records.models import ModelConfig, apply_change
from phasewise.stats.adoption import Adoption, Noise, decide, pooled
from phasewise.stats.paired import Gain, two_level
from phasewise.stats.sequential import Stage
from phasewise.worker.bench import Bench
from phasewise.worker.thresholds import crossfitted
from phasewise.worker.trials import Batch, Outcome, Trial
from phasewise.worker.verdicts import sign

FREE = ("network.options", "train.schedule_options", "train.loss_options", "train.augment", "prepare")
"""Parts whose keys belong to a family or kind and are not listed here."""


RESAMPLES = 500
"""Draws of rows and seeds: the ends of the interval are then known to a tenth of its width."""


def resolved(kind: Kind, config: ModelConfig) -> ModelConfig:
    """A config whose open network settings are filled by its kind, so that a relative change (twice the width) has something to act on."""
    fill = getattr(kind.recipe, "resolve", None)
    return config if fill is None else config.model_copy(update={"network": fill(config.network)})


def options_of(kind: Kind) -> Sequence[str] | None:
    """The preparing options a kind knows, or None where it does not list them."""
    return getattr(kind.room("preparing"), "OPTIONS", None)


def known_keys(config: ModelConfig) -> list[str]:
    """Every dotted path a change may name, besides keys inside `FREE` parts."""
    data = config.model_dump()
    return [f"{part}.{k}" for part in ("network", "train") for k in data[part]] + ["seed", "prepare"]


def changed(config: ModelConfig, change: dict[str, Any], *, prepare: Sequence[str] | None = None) -> ModelConfig:
    """The config with a change applied; a UsageError names an unknown key (with the nearest one) or a value that does not fit.

    `prepare` lists the options that the kind's preparing step knows; None lets every `prepare.*` pass.
    """
    known = known_keys(config) + [f"prepare.{name}" for name in prepare or ()]
    free = FREE[:-1] if prepare is not None else FREE
    for key in change:
        if key not in known and not any(key.startswith(f"{part}.") for part in free):
            near = difflib.get_close_matches(key, known, n=1)
            raise UsageError(f"unknown setting {key!r} in a change", "A change names settings as network.* , train.* or prepare.*.", f"Did you mean {near[0]!r}?" if near else f"Valid: {', '.join(known[:12])} ...")
    try:
        return apply_change(config, change)
    except (ValidationError, KeyError, TypeError) as err:
        detail = err.errors()[0]["msg"] if isinstance(err, ValidationError) else str(err)
        raise UsageError(f"the change {', '.join(change)} cannot be applied", detail, "Give values of the right type and range.") from err


def trials_of(name: str, config: ModelConfig, seeds: Sequence[int]) -> list[Trial]:
    """One trial per seed, `<name>.s<seed>`."""
    return [Trial(id=f"{name}.s{s}", config=config, seed=s) for s in seeds]


def outcomes_of(batch: Batch, name: str, seeds: Sequence[int]) -> list[Outcome | None]:
    """Outcomes in the order of the seeds; None where a stop left one out."""
    return [batch.outcomes.get(f"{name}.s{s}") for s in seeds]


def values_of(batch: Batch, name: str, seeds: Sequence[int]) -> list[float]:
    """Validation values per seed; nan for broken or missing ones."""
    return [o.value if o is not None and o.stopped != "diverged" else math.nan for o in outcomes_of(batch, name, seeds)]


def on_other_rows(bench: Bench, mine: Sequence[Outcome | None], base: Sequence[Outcome | None]) -> Gain | None:
    """The gain with rows and seeds drawn anew together (checks.md 8.2): seeds alone say nothing of other rows. None where a run is missing."""
    if not mine or any(o is None or not o.finite for o in (*mine, *base)):
        return None
    rows = base[0].stored.rows
    held = [[o.stored.at(rows) for o in side] for side in (mine, base)]
    y = held[0][0].y
    a, b = ([crossfitted(bench.metric, y, s.predictions) for s in side] for side in held)
    return two_level(bench.metric, y, a, b, bench.groups(rows), resamples=RESAMPLES)


def best_of(outcomes: Sequence[Outcome | None]) -> Outcome | None:
    """The outcome nearest to the median value: a typical model, not the luckiest."""
    found = [o for o in outcomes if o is not None and math.isfinite(o.value)]
    if not found:
        return None
    middle = float(np.median([o.value for o in found]))
    return min(found, key=lambda o: abs(o.value - middle))


def noise_of(metric_id: str, values: Sequence[Sequence[float]], base: Sequence[float], *, without: int) -> Noise | None:
    """The spread of paired differences shared by the other ideas of this run; those without further seeds are paired with the first ones."""
    direction = sign(metric_id)
    series = [[direction * (v - b) for v, b in zip(row, base[: len(row)], strict=True)] for i, row in enumerate(values) if i != without]
    return pooled(series, beside=True) if series else None


def decided(metric_id: str, values: Sequence[Sequence[float]], base: Sequence[float], which: int, margin: float = 0.0, stage: Stage | None = None) -> Adoption:
    """The adoption rule for one of several ideas tried over the same seeds."""
    row = values[which]
    return decide(row, base[: len(row)], maximize=sign(metric_id) > 0, margin=margin, noise=noise_of(metric_id, values, base, without=which), stage=stage)


def flat(change: dict[str, Any]) -> str:
    """A change as one line."""
    return ", ".join(f"{k} = {v}" for k, v in change.items())
