"""What a training would do if it began now: the learning rate over its steps, before any is done (T09-T16)."""

from dataclasses import dataclass
from typing import Any

from phasewise.workflow import config, recipes

MOST_STEPS = 2_000_000
"""Steps up to which every rate is computed, a few hundredths of a second."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The training that the present answers describe; `curve` holds (step, learning rate)."""

    schedule: str
    optimizer: str
    epochs: int
    steps_per_epoch: int
    curve: list[tuple[float, float]]
    notes: list[str]
    problems: list[str]


def rates(view: Any, points: int = 200) -> list[tuple[float, float]]:
    """(step, learning rate) as the answers of now have it; cheap, nothing is trained. `plateau` shows its constant start."""
    from phasewise.records import schedules  # numpy only where somebody looks

    train = config.chosen(view).train
    return [(float(step), rate) for step, rate in schedules.preview(train, max(1, recipes.train_rows(view) // train.batch_size), points)]


def turns(view: Any, most: int) -> list[tuple[float, float]]:
    """The exact steps at which a rate that is held for long takes another value, and the last step; empty for curves that never rest."""
    import numpy as np

    from phasewise.records import schedules

    train = config.chosen(view).train
    steps = max(1, recipes.train_rows(view) // train.batch_size)
    total = train.epochs * steps
    if total > MOST_STEPS:
        return []
    trace = schedules.trace(train, steps, 0, total)
    places = [0, *(np.flatnonzero(np.diff(trace)) + 1).tolist(), total - 1]
    return [(float(i), float(trace[i])) for i in dict.fromkeys(places)] if len(places) <= most else []


def training(view: Any, points: int = 200) -> Plan:
    """The whole plan with what a curve cannot show."""
    from phasewise.workflow.phases.train import by_hand

    train = config.chosen(view).train
    notes = []
    if view.explicit("train.lr") is None and view.current("find_lr") is None:
        notes.append(f"the finder has not run on these answers: the start rate {train.lr:.3g} may still change")
    if view.latest("split") is None:
        notes.append("the rows are not split yet: the number of steps may still change")
    if train.schedule == "plateau":
        notes.append("plateau: the rate falls to a tenth whenever the validation objective has not improved for ten epochs; that cannot be seen beforehand")
    if train.optimizer == "swats":
        when = f"after {train.switch_epoch} epochs" if train.switch_epoch else "once the projected rate has settled"
        rate = f"{train.switch_lr:.3g}" if train.switch_lr else "the best of ten rates tried then" if train.switch_epoch else "the projected rate"
        notes.append(f"swats: SGD takes over {when}, at {rate}; the curve above scales it from there on")
    return Plan(
        schedule=train.schedule, optimizer=train.optimizer, epochs=train.epochs, steps_per_epoch=max(1, recipes.train_rows(view) // train.batch_size),
        curve=turns(view, points) or rates(view, points), notes=notes, problems=[f"{p.key}: {p.message} {p.remedy}" for p in by_hand(view)],
    )
