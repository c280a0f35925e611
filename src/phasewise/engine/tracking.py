"""What is remembered of a member while it trains: curves, best epoch, patience, plateau, smoothed loss."""

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from phasewise.engine.member import Member
from phasewise.records.schedules import Plateau

SMOOTHING = 0.98


@dataclass(kw_only=True)
class Track:
    """The bookkeeping of one member; `best` is signed so that smaller is better."""

    member: Member
    position: int
    curves: dict[str, list[float]] = field(default_factory=dict)
    best: float = math.inf
    best_value: float = math.nan
    best_epoch: int = 0
    bad: int = 0
    stopped: str = ""
    steps: int = 0
    seconds: float = 0.0
    smooth: float = 0.0
    weight: float = 0.0
    plateau: Plateau | None = None
    outputs: Tensor | None = None
    """Raw outputs on the validation rows at the best epoch; not part of a checkpoint."""

    @classmethod
    def of(cls, member: Member, position: int) -> "Track":
        """A fresh track."""
        train = member.config.train
        plateau = Plateau(train.schedule_options, train.lr) if train.schedule == "plateau" else None
        return cls(member=member, position=position, plateau=plateau)

    def add(self, **values: float) -> None:
        """One point per curve, at an epoch end."""
        for name, value in values.items():
            self.curves.setdefault(name, []).append(value)

    def smoothed(self, losses: list[float]) -> list[float]:
        """The debiased moving average (decay .98 per step) after each of some new losses (V02)."""
        out = []
        for loss in losses:
            if math.isfinite(loss):
                self.smooth = SMOOTHING * self.smooth + (1 - SMOOTHING) * loss
                self.weight = SMOOTHING * self.weight + (1 - SMOOTHING)
            out.append(self.smooth / self.weight if self.weight else math.nan)
        return out

    def judge(self, signed: float, value: float, epoch: int) -> bool:
        """Takes the objective of an epoch; true when it is the best so far."""
        if signed < self.best:
            self.best, self.best_value, self.best_epoch, self.bad = signed, value, epoch, 0
            return True
        self.bad += 1
        return False

    def out_of_patience(self) -> bool:
        """Whether the member has gone its patience of epochs without a better objective."""
        patience = self.member.config.train.patience
        return patience is not None and self.bad >= patience

    def state(self) -> dict[str, Any]:
        """As plain JSON."""
        names = ("curves", "best", "best_value", "best_epoch", "bad", "stopped", "steps", "seconds", "smooth", "weight")
        return {n: getattr(self, n) for n in names} | {"plateau": self.plateau.state() if self.plateau else None}

    def load(self, state: dict[str, Any]) -> None:
        """From plain JSON."""
        for name, value in state.items():
            if name != "plateau":
                setattr(self, name, value)
        if self.plateau and state["plateau"]:
            self.plateau.load(state["plateau"])
