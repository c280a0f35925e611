"""What a training would do if it began now: the learning rate over its steps, before any is done (T09-T16)."""

from typing import Any

from phasewise.workflow import config, recipes


def rates(view: Any, points: int = 200) -> list[tuple[float, float]]:
    """(step, learning rate) as the answers of now have it; cheap, nothing is trained. `plateau` shows its constant start."""
    from phasewise.records import schedules  # numpy only where somebody looks

    train = config.chosen(view).train
    return [(float(step), rate) for step, rate in schedules.preview(train, max(1, recipes.train_rows(view) // train.batch_size), points)]
