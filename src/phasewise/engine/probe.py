"""The short probe that chooses a plan: a few real steps of each candidate on throw-away members, well under a second in all."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from phasewise.engine.group import Group
from phasewise.engine.native import threads
from phasewise.engine.population import Setting
from phasewise.engine.tracking import Track

if TYPE_CHECKING:
    from phasewise.engine.plan import Bucket

WORTH_SECONDS = 3.0
"""Below this much training the probe would cost more than it can win."""
BUDGET, SHARE = 0.6, 0.02
"""Seconds at most, and as a share of the training that is to come."""
STEPS, ROUNDS, MOST_ROUNDS = 2, 2, 12
RULE = {"stacked": "hand-written", "compiled": "compiled"}
SLOW_CORE, CALLS = 2e10, 1e-4
"""Operations a second of a slow core, and seconds of a member-step that are not arithmetic."""


def keep(bucket: "Bucket", before: Sequence[dict[str, Any]], notes: list[str]) -> bool:
    """Takes over the plan that a bucket had before an interruption; false where there is none, or it cannot run here."""
    for record in before:
        if record["plan"] in bucket.possible and record["members"] == len(bucket.tracks):
            bucket.choice, bucket.tile, bucket.why = record["plan"], record["tile"], "as before the interruption"
            return True
        notes.append(f"resumed with another plan than {record['plan']}, which cannot run here: equal up to rounding, not bit for bit")
    return False


def choose(bucket: "Bucket", setting: Setting, asked: str, notes: list[str], tile: int | None, share: float = 1.0) -> None:
    """Sets choice, tile, reason and figures of a bucket, of whose members' epochs a `share` will be trained (halving)."""
    from phasewise.engine.plan import CPU_TILE, GPU_TILE, STEPPED

    widest = GPU_TILE if setting.device.type == "cuda" else CPU_TILE
    n = len(bucket.tracks)
    if asked != "auto":
        if asked in bucket.possible:
            bucket.choice, bucket.why = asked, "asked for"
        else:
            bucket.choice, bucket.why = "one", f"{asked} was asked for but cannot execute this network"
            notes.append(f"plan: {asked} cannot execute this network; one at a time is used")
        bucket.tile = 1 if bucket.choice == "one" else min(n, tile or default_tile(bucket, widest))
        return
    if bucket.possible == ("one",):
        bucket.choice, bucket.tile, bucket.why = "one", 1, "this network runs one member at a time only"
        return
    together = bucket.possible[-1]
    stepped = together in STEPPED
    usual = min(n, widest if together == "compiled" else default_tile(bucket, widest))
    if setting.device.type == "cuda" and stepped:
        bucket.choice, bucket.tile, bucket.why = together, min(n, tile or widest), "GPU: a step is bound by launches, so members share them in one graph"
        return
    if stepped and (n == 1 or tile):
        bucket.choice, bucket.tile, bucket.why = together, min(n, tile or 1), f"rule: the {RULE[together]} step is the faster one even for one member"
        return
    if n == 1:
        bucket.choice, bucket.tile, bucket.why = "one", 1, "one member"
        return
    if setting.stream is not None:
        bucket.choice, bucket.tile, bucket.why = together if stepped else "one", usual if stepped else 1, "rule: rows stream from disk, no probe"
        return
    member_steps = bucket.plan.steps * sum(t.member.config.train.epochs for t in bucket.tracks) * share
    if stepped and (most := member_steps * slowest(bucket)) < WORTH_SECONDS:
        bucket.choice, bucket.tile, bucket.why = together, usual, f"less than {most:.1f} s of training in all by the size of the network: too short to probe"
        return
    first, *others = contestants(bucket, n, widest)
    candidate = Candidate(bucket, setting, *first)
    for _ in range(ROUNDS):
        candidate.block()
    total = candidate.best * member_steps
    if total < WORTH_SECONDS:
        bucket.choice, bucket.tile = (together, usual) if stepped else ("one", 1)
        bucket.why = f"about {total:.1f} s of training in all: too short to probe"
        bucket.measured = {candidate.name: candidate.best}
        return
    bucket.measured = compared(bucket, setting, candidate, others, min(BUDGET, SHARE * total))
    best = min(bucket.measured, key=bucket.measured.__getitem__)
    bucket.choice, size = best.split(" x")
    bucket.tile, bucket.why = int(size), "fastest per member-step in a short probe"


def contestants(bucket: "Bucket", n: int, widest: int) -> list[tuple[str, int]]:
    """Plans and tiles worth trying, the likeliest first."""
    together = bucket.possible[-1]
    if together == "compiled":  # members do not meet in a step, so its tile hardly matters
        return [(together, min(n, widest)), ("stacked", min(n, default_tile(bucket, widest)))]
    if together == "stacked":
        return [(together, size) for size in sizes(n, widest, units(bucket))]
    return [(together, min(n, 8)), ("one", 1)]


def sizes(n: int, widest: int, units: int = 0) -> list[int]:
    """Tile sizes worth trying, the safest first; small ones only where a member alone fills the cache."""
    order = (4, 2, 1, 8) if units >= 256 else (8, 16, 4)
    return [s for s in order if s <= min(n, widest)] or [min(n, widest)]


def units(bucket: "Bucket") -> int:
    """Units of the widest layer."""
    return max((p.shape[0] for p in bucket.example.parameters()), default=1)


def slowest(bucket: "Bucket") -> float:
    """Seconds that a member-step hardly exceeds on any core of today: six operations a weight and row, and what calls cost."""
    return 6 * sum(p.numel() for p in bucket.example.parameters()) * bucket.plan.batch / SLOW_CORE + CALLS


def default_tile(bucket: "Bucket", widest: int) -> int:
    """Without a probe: fewer members the wider the network (ms per member-step by tile on the kernels of now: H=32 .15, .13 at 8, 16;
    H=128 .80, .73, .70 at 4, 8, 16; both level off there)."""
    if widest > 64:
        return widest
    return widest if units(bucket) <= 64 else 8


def clock(setting: Setting) -> Callable[[], float]:
    """Seconds of this thread alone where it does all the work (a busy machine then misleads nobody), else of the wall."""
    return time.thread_time if setting.device.type == "cpu" and torch.get_num_threads() == threads.cores(2) == 1 else time.perf_counter


class Candidate:
    """Throw-away members under one plan; each call of `block` does a few real steps."""

    def __init__(self, bucket: "Bucket", setting: Setting, plan: str, size: int) -> None:
        from phasewise.engine.plan import makers

        self.name, self.setting, self.size, self.now = f"{plan} x{size}", setting, size, clock(setting)
        self.group = Group([Track.of(t.member, 0) for t in bucket.tracks[:size]], setting, bucket.plan, makers()[plan], plan, size)
        self.best = float("inf")
        self.epoch = 0
        self.group.begin(0, 1.0)
        self.group.run(setting.data, 1)

    def block(self) -> None:
        """Times `STEPS` steps; the best block counts."""
        if self.group.done >= self.group.plan.steps:
            self.epoch += 1
            self.group.begin(self.epoch, 1.0)
        stop = min(self.group.plan.steps, self.group.done + STEPS)
        steps = stop - self.group.done
        began = self.now()
        self.group.run(self.setting.data, stop)
        if self.setting.device.type == "cuda":
            torch.cuda.synchronize()
        self.best = min(self.best, (self.now() - began) / steps / self.size)


def compared(bucket: "Bucket", setting: Setting, first: Candidate, trials: list[tuple[str, int]], budget: float) -> dict[str, float]:
    """Seconds per member-step of `first` and the others, blocks taken in turn so that all see the same machine, until the budget is spent."""
    began = time.perf_counter()
    candidates = [first]
    for plan, size in trials:
        candidates.append(Candidate(bucket, setting, plan, size))
        candidates[-1].block()
        if time.perf_counter() - began > budget:
            break
    for _ in range(MOST_ROUNDS):
        if time.perf_counter() - began > budget:
            break
        for candidate in candidates:
            candidate.block()
    return {c.name: c.best for c in candidates}
