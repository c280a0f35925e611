"""The short probe that chooses a plan: a few real steps of each candidate on throw-away members, well under a second in all."""

import time
from typing import TYPE_CHECKING

import torch

from phasewise.engine.group import Group
from phasewise.engine.population import Setting
from phasewise.engine.tracking import Track

if TYPE_CHECKING:
    from phasewise.engine.plan import Bucket

WORTH_SECONDS = 3.0
"""Below this much training the probe would cost more than it can win."""
BUDGET = 0.6
STEPS = 4


def choose(bucket: "Bucket", setting: Setting, asked: str, notes: list[str], tile: int | None) -> None:
    """Sets choice, tile, reason and figures of a bucket."""
    from phasewise.engine.plan import CPU_TILE, GPU_TILE

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
    if setting.device.type == "cuda" and together == "stacked":
        bucket.choice, bucket.tile, bucket.why = together, min(n, tile or widest), "GPU: a step is bound by launches, so members share them in one graph"
        return
    if together == "stacked" and (n == 1 or tile):
        bucket.choice, bucket.tile, bucket.why = together, min(n, tile or 1), "rule: the hand-written step is the faster one even for one member"
        return
    if n == 1:
        bucket.choice, bucket.tile, bucket.why = "one", 1, "one member"
        return
    if setting.stream is not None:
        bucket.choice, bucket.tile = (together, min(n, default_tile(bucket, widest))) if together == "stacked" else ("one", 1)
        bucket.why = "rule: rows stream from disk, no probe"
        return
    candidates = sizes(n, widest) if together == "stacked" else [min(n, 8)]
    seconds = estimate(bucket, setting, together, candidates[0])
    total = seconds * bucket.plan.steps * sum(t.member.config.train.epochs for t in bucket.tracks)
    if total < WORTH_SECONDS:
        bucket.choice, bucket.tile = (together, default_tile(bucket, widest)) if together == "stacked" else ("one", 1)
        bucket.tile, bucket.why = min(n, bucket.tile), f"about {total:.1f} s of training in all: too short to probe"
        bucket.measured = {f"{together} x{candidates[0]}": seconds}
        return
    began = time.perf_counter()
    bucket.measured = {f"{together} x{candidates[0]}": seconds}
    trials = [(together, size) for size in candidates[1:]] + ([("one", 1)] if together != "stacked" else [])
    for plan, size in trials:
        if time.perf_counter() - began > BUDGET:
            break
        bucket.measured[f"{plan} x{size}"] = estimate(bucket, setting, plan, size)
    best = min(bucket.measured, key=bucket.measured.__getitem__)
    bucket.choice, size = best.split(" x")
    bucket.tile, bucket.why = int(size), "fastest per member-step in a short probe"


def sizes(n: int, widest: int) -> list[int]:
    """Tile sizes worth trying, the safest first."""
    return [s for s in (4, 8, 16, 2, 1) if s <= min(n, widest)] or [1]


def default_tile(bucket: "Bucket", widest: int) -> int:
    """Without a probe: fewer members the wider the network, from the measured table of anchors 2.3."""
    if widest > 64:
        return widest
    units = max((p.shape[0] for p in bucket.example.parameters()), default=1)
    return 8 if units <= 64 else 4


def estimate(bucket: "Bucket", setting: Setting, plan: str, size: int) -> float:
    """Seconds per member-step: the best of a few short blocks after one step to warm up."""
    from phasewise.engine.plan import makers

    tracks = [Track.of(t.member, 0) for t in bucket.tracks[:size]]
    group = Group(tracks, setting, bucket.plan, makers()[plan], plan, size)
    group.begin(0, 1.0)
    group.run(setting.data, 1)
    best = float("inf")
    while group.done < min(bucket.plan.steps, 1 + 3 * STEPS):
        stop = min(bucket.plan.steps, group.done + STEPS)
        steps = stop - group.done
        began = time.perf_counter()
        group.run(setting.data, stop)
        if setting.device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, (time.perf_counter() - began) / steps / size)
    return best if best < float("inf") else 1e-4
