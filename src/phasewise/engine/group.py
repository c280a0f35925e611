"""One tile of members and its place in the epoch: orders, learning rates, and the blocks of steps between two looks."""

import time
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from phasewise.engine import sampling
from phasewise.engine.data import Dataset
from phasewise.engine.population import Maker, Population, Setting
from phasewise.engine.sampling import BatchPlan
from phasewise.engine.tracking import Track
from phasewise.records import schedules


class Group:
    """Members that share a bucket, the population that executes them, and the position within the present epoch."""

    def __init__(self, tracks: Sequence[Track], setting: Setting, plan: BatchPlan, maker: Maker, kind: str, tile: int = 1, *, blank: bool = False) -> None:
        self.tracks, self.setting, self.plan, self.maker, self.kind, self.tile = list(tracks), setting, plan, maker, kind, tile
        self.population: Population = maker([t.member for t in tracks], setting, plan, blank=blank)
        self.epoch = -1
        self.shown = 0
        self.limit = plan.steps
        self.table = torch.zeros(plan.steps, len(self.tracks), dtype=torch.float64)
        self.frozen: set[int] = set()
        self.bucket = id(self)

    def key(self) -> tuple[object, ...]:
        """Equal for groups whose members may step together."""
        return (self.bucket, self.kind, self.plan, self.tile)

    @property
    def size(self) -> int:
        """Members in this tile."""
        return len(self.tracks)

    @property
    def done(self) -> int:
        """Steps done in the present epoch."""
        return self.population.done

    def begin(self, epoch: int, factor: float) -> None:
        """Draws the orders of an epoch and lays out its learning rates."""
        self.epoch, self.shown = epoch, 0
        self.table = self.rates(factor)
        self.population.begin(epoch, self.orders(epoch), self.table)

    def orders(self, epoch: int) -> Tensor:
        """Row numbers, int64 [size, steps * batch]."""
        if self.setting.stream is not None:
            return self.setting.stream.orders([t.member.seed for t in self.tracks], self.plan, epoch, self.setting.device)
        y = self.setting.data.y
        drawn = [
            sampling.draw(self.setting.drawn_from(t.member), y, self.setting.sampling(t.member), self.plan, t.member.seed, epoch) for t in self.tracks
        ]
        return torch.stack(drawn)

    def rates(self, factor: float) -> Tensor:
        """Learning rates of the epoch, float64 [steps, size]; members that were frozen get 0."""
        s = self.plan.steps
        columns = []
        for slot, t in enumerate(self.tracks):
            lrs = schedules.trace(t.member.config.train, s, self.epoch * s, (self.epoch + 1) * s) * factor
            columns.append(lrs * (t.plateau.factor if t.plateau else 1.0) * (0.0 if slot in self.frozen else 1.0))
        return torch.from_numpy(np.stack(columns, axis=1))

    def set_rates(self, factor: float) -> None:
        """Lays the rates of this epoch out anew: another factor, or a member frozen."""
        self.table = self.rates(factor)
        self.population.set_rates(self.table)

    def windows(self) -> Iterator[Dataset]:
        """The rows this epoch steps through, part by part: all of them at once where they are resident."""
        stream = self.setting.stream
        if stream is None:
            self.limit = self.plan.steps
            yield self.setting.data
            return
        for end, data in stream.windows(self.epoch, self.plan.batch, self.done, self.setting.device):
            self.limit = end
            yield data

    def run(self, data: Dataset, stop: int) -> float:
        """Steps up to `stop`; seconds taken (as seen by the host)."""
        began = time.perf_counter()
        before = self.population.done
        try:
            self.population.run(data, before, stop)
        finally:
            seconds = time.perf_counter() - began
            for t in self.tracks:
                t.seconds += seconds / self.size
                t.steps += self.population.done - before
        return seconds

    def rest(self) -> None:
        """Gives back memory that is needed in its turn only, where the population has such."""
        getattr(self.population, "rest", int)()

    def release(self) -> None:
        """Lets the population go, whose members were carried over: its memory is free again."""
        del self.population

    def keep(self, slots: Sequence[int]) -> None:
        """Drops all other members by compaction; the survivors' state is carried over bit for bit."""
        held = [self.population.slot(s) for s in slots]
        self.tracks = [self.tracks[s] for s in slots]
        self.frozen = set()
        self.release()
        self.population = self.maker([t.member for t in self.tracks], self.setting, self.plan, blank=True)
        for i, slot in enumerate(held):
            self.population.load(i, slot)
