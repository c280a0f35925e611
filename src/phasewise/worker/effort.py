"""How much of a training the finder may cost: pictures get fewer sweeps where the whole form would take too long."""

import math
from dataclasses import dataclass, replace

from phasewise.engine.watch_probe import STEPS
from phasewise.records.jobs import FindLrJob

WARM, PICTURE_WARM, SHORT_WARM = 100, 25, 25
"""Steps before the probe of stability; a step on pictures costs a thousand times one on a table's rows."""
SHORT_SWEEPS, SHORT_POINTS, SHORT_STEPS = 2, 60, 25
LEAST_POINTS = 50
"""Of the one sweep that is left, without a probe of stability, where the short form takes more steps than the training in all its folds: a ResNet-18 on
46 photographs took a quarter of an hour to find a rate for some minutes of training."""
SHARE = 0.2
"""Of the steps of the training the finder is for; on large pictures the whole form took longer than the training. Tables keep the whole form: two sweeps
of 60 rates said 0.00046 on california-housing where five of 100 say 0.0071, and the rate in force was lowered for it (RMSE 44,630 instead of 42,160)."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Sweeps of so many rates, and the steps of the stability probe: before it, and each of its three trainings."""

    sweeps: int
    points: int
    warm: int
    probe: int
    note: str = ""

    @property
    def steps(self) -> int:
        """All steps of networks that train one at a time."""
        return self.sweeps * self.points + self.warm + 3 * self.probe


def effort(job: FindLrJob, *, rows: int, pictures: bool, large: bool) -> Effort:
    """The whole form for tables, and where it costs at most a fifth of the planned training; else the short one."""
    train = job.config.train
    planned = train.epochs * math.ceil(rows / train.batch_size)
    whole = Effort(sweeps=job.sweeps, points=job.points, warm=PICTURE_WARM if pictures else WARM, probe=STEPS)
    if not large and (not pictures or whole.steps <= SHARE * planned):
        return whole
    short = Effort(sweeps=min(job.sweeps, SHORT_SWEEPS), points=min(job.points, SHORT_POINTS), warm=SHORT_WARM, probe=SHORT_STEPS)
    every = planned * max(job.data.folds, 1)
    if large and short.steps > every:
        points = min(job.points, LEAST_POINTS)
        return Effort(sweeps=1, points=points, warm=0, probe=0, note=f"1 sweep of {points} rates instead of {job.sweeps} of {job.points}, and no probe of stability: a step takes long, and the training has {every:,} of them.")
    sweeps, points = short.sweeps, short.points
    why = "a step on pictures of this size takes long" if large else f"the whole form takes {whole.steps} steps, the training {planned:,}"
    note = f"{sweeps} sweeps of {points} rates instead of {job.sweeps} of {job.points}: {why}." if (sweeps, points) != (job.sweeps, job.points) else ""
    return replace(short, note=note)
