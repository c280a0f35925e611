"""What a run tells the outside: blocks of points, epoch ends, results; and how long the blocks between two looks are."""

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from phasewise.engine.group import Group
from phasewise.engine.member import MemberResult
from phasewise.engine.tracking import Track

if TYPE_CHECKING:
    from phasewise.engine.run import Run

COLUMNS = ("step", "loss", "smooth", "lr", "member")
POINTS = 50
WHOLE = ("done", "early", "asked")
"""How a member stops whose outputs on all its training rows are wanted; of one that was dropped or diverged nobody asks for them."""
AT_ONCE = 4
"""Members scored on their training rows at once: more would only hold more outputs in memory."""


class Pace:
    """Block lengths: a few steps at first, so that the first figure comes at once, then about a fifth of a second."""

    def __init__(self, device: torch.device, target: float | None = None) -> None:
        self.cuda = device.type == "cuda"
        self.target = target if target is not None else 1.0 if self.cuda else 0.2
        self.per_step: dict[int, float] = {}
        self.last = 0
        self.before = -1e9

    def next_stop(self, group: Group) -> int:
        """The step at which the next block of a group ends."""
        seconds = self.per_step.get(group.size)
        block = (4 if self.target else 1) if seconds is None else max(1, int(self.target / max(seconds, 1e-7)))
        left = group.limit - group.done
        self.last = left if self.target and block * 1.5 > left else block
        return group.done + self.last

    def due(self) -> bool:
        """Whether it is time to report and to poll again; always at first."""
        now = time.perf_counter()
        if now - self.before < self.target / 2:
            return False
        self.before = now
        return True

    def took(self, group: Group, seconds: float) -> None:
        """Learns from a block; on a GPU only after waiting for it, which happens once a second at most."""
        if self.cuda:
            began = time.perf_counter()
            torch.cuda.synchronize()
            seconds += time.perf_counter() - began
        self.per_step[group.size] = seconds / max(1, self.last)


def news(run: "Run", group: Group) -> None:
    """What the members' own machinery did by itself: memory saved (a fallback), the optimiser changed (a finding)."""
    note = getattr(group.population, "fallback", "")
    if note and note not in run.fallbacks:
        run.fallbacks.append(note)
    for title, detail in getattr(group.population, "news", list)():
        run.notes.append(f"{group.tracks[0].member.id}: {title[0].lower()}{title[1:]}. {detail}")
        run.hooks.on_finding("optimiser-switched", "info", f"{group.tracks[0].member.id}: {title}", detail)


def points(run: "Run", group: Group) -> None:
    """Sends the new losses of a group's first living member, at most 50 points a block."""
    fresh = group.population.losses[group.shown : group.done]
    group.shown = group.done
    lead = next((s for s in range(group.size) if s not in group.frozen), 0)
    track = group.tracks[lead]
    columns = fresh.t().tolist()  # all at once: a GPU is waited for once a look, not once a member
    raw = columns[lead] if columns else []
    for slot, other in enumerate(group.tracks):
        if slot != lead:
            other.smoothed(columns[slot])
    smooth = track.smoothed(raw)
    lrs = group.table[group.done - len(raw) : group.done, lead].tolist()
    first = track.steps - len(raw) + 1
    every = max(1, -(-len(raw) // POINTS))
    rows = [
        [float(first + i), raw[i] if math.isfinite(raw[i]) else None, smooth[i], lrs[i], float(track.position)]
        for i in range(len(raw)) if (len(raw) - 1 - i) % every == 0
    ]
    run.hooks.on_metrics(COLUMNS, rows)
    run.steps_done += len(raw) * group.size
    left = sum((t.member.config.train.epochs - g.epoch) * g.plan.steps - g.done for g in run.groups for t in g.tracks if g.epoch >= 0)
    run.hooks.on_progress(run.steps_done, run.steps_done + max(0, left))


def epoch(run: "Run") -> None:
    """Tells the end of an epoch: means over living members, and each member's objective."""
    tracks = [t for g in run.groups for t in g.tracks]
    names = [n for n in tracks[0].curves if n != "objective"] if tracks else []
    values = {n: _mean([t.curves[n][-1] for t in tracks]) for n in names}
    members = {t.member.id: _number(t.curves["objective"][-1]) for t in tracks}
    run.hooks.on_epoch(run.epoch + 1, run.step(), values, members, len(tracks))


def _number(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _mean(values: list[float]) -> float | None:
    finite = [v for v in values if math.isfinite(v)]
    return sum(finite) / len(finite) if finite else None


def harvest(run: "Run", group: Group, slots: Sequence[int]) -> list[MemberResult]:
    """The results of members from their population: best weights and their outputs; one that nobody stays in makes room before outputs are computed."""
    members = [(group.tracks[s], group.population.state_dict(s)) for s in slots]
    if len(members) == group.size:
        group.release()
    return results_of(run, group, members)


def results_of(run: "Run", group: Group, members: Sequence[tuple[Track, dict[str, Tensor]]]) -> list[MemberResult]:
    """The results of members: their best weights and the outputs of these, those seen at the best epoch or, after a resume, computed the same way again."""
    train: dict[str, Tensor] = {}
    for ended in (True, False):
        asked = [(t, state) for t, state in members if (t.stopped in WHOLE) == ended and (ended or t.outputs is None)]
        size = min(group.tile, AT_ONCE)
        for at in range(0, len(asked), size):
            train |= _scored(run, group, asked[at : at + size], ended=ended)
    return [
        MemberResult(
            id=t.member.id, state={n: x.cpu() for n, x in state.items()}, outputs=t.outputs.cpu().contiguous(), train_outputs=train.get(t.member.id), curves=t.curves, best_epoch=t.best_epoch,
            stopped=t.stopped, steps=t.steps, seconds=t.seconds, best=t.best_value,
        )
        for t, state in members if t.outputs is not None
    ]


def _scored(run: "Run", group: Group, members: Sequence[tuple[Track, dict[str, Tensor]]], *, ended: bool) -> dict[str, Tensor]:
    """Fills validation outputs that are missing; of members whose training ended gives the outputs on all their training rows."""
    data, tracks = run.setting.data, [t for t, _ in members]
    crew = group.maker([t.member for t in tracks], run.setting, group.plan, blank=True)
    for slot, (_, state) in enumerate(members):
        crew.show(slot, state)
    if any(t.outputs is None for t in tracks):
        for t, seen in zip(tracks, crew.outputs(data, [t.member.validation for t in tracks]), strict=True):
            t.outputs = seen if t.outputs is None else t.outputs
    if not ended:
        return {}
    return {t.member.id: seen.cpu().contiguous() for t, seen in zip(tracks, crew.outputs(data, [t.member.train for t in tracks]), strict=True)}
