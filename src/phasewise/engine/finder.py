"""The learning-rate finder (T01): raise the rate batch by batch until the loss diverges, and leave no trace."""

import copy
import math
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy
import torch
from torch import Tensor, nn

from phasewise.records.errors import UsageError

BETA, STOP_FACTOR = 0.98, 4.0


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One pass over the grid: learning rates, raw losses before each step, debiased moving average, why it ended."""

    lrs: list[float]
    losses: list[float]
    smooth: list[float]
    stopped: Literal["", "diverged", "not finite", "data"] = ""


@dataclass(frozen=True, kw_only=True)
class FinderCurve:
    """Several sweeps as one curve: medians, the band between the lowest and the highest sweep, and the sweeps themselves."""

    lrs: list[float]
    losses: list[float]
    smooth: list[float]
    low: list[float]
    high: list[float]
    sweeps: list[Sweep] = field(default_factory=list)
    stopped: str = ""


def grid(lo: float, hi: float, points: int, mode: str = "exp") -> list[float]:
    """The learning rates: lo (hi/lo)^(i/(N-1)), or evenly spaced for `linear` (Smith 2015)."""
    if not 0 < lo < hi or points < 2 or not math.isfinite(hi):
        raise UsageError("the finder's range is empty", f"It was asked for {points} points from {lo} to {hi}.", "Give 0 < lo < hi and at least 2 points.")
    if mode == "linear":
        return [lo + (hi - lo) * i / (points - 1) for i in range(points)]
    return [lo * (hi / lo) ** (i / (points - 1)) for i in range(points)]


def debiased(losses: Iterable[float], beta: float = BETA) -> Iterator[float]:
    """Exponential moving average with bias correction: v = b v + (1-b) L, s = v / (1 - b^(i+1))."""
    v = 0.0
    for i, loss in enumerate(losses):
        v = beta * v + (1 - beta) * loss
        yield v / (1 - beta ** (i + 1))


class StopRule:
    """Fed with raw losses, says when a sweep is over: `not finite`, `diverged` (average above 4x its best), or nothing yet."""

    def __init__(self, beta: float = BETA, factor: float = STOP_FACTOR) -> None:
        self.beta, self.factor = beta, factor
        self.average, self.best, self.count = 0.0, math.inf, 0

    def add(self, loss: float) -> Literal["", "diverged", "not finite"]:
        """Takes the next loss."""
        if not math.isfinite(loss):
            return "not finite"
        self.count += 1
        self.average = self.beta * self.average + (1 - self.beta) * loss
        s = self.average / (1 - self.beta**self.count)
        if self.count > 1 and s > self.factor * self.best:
            return "diverged"
        self.best = min(self.best, s)
        return ""


def sweep_of(lrs: list[float], losses: list[float], beta: float = BETA) -> Sweep:
    """A sweep from the losses of a full walk, cut where the stop rule ends it."""
    rule = StopRule(beta)
    for i, loss in enumerate(losses):
        stopped = rule.add(loss)
        if stopped:
            kept = losses[: i + (stopped == "diverged")]
            return Sweep(lrs=lrs[: len(kept)], losses=kept, smooth=list(debiased(kept, beta)), stopped=stopped)
    return Sweep(lrs=lrs[: len(losses)], losses=losses, smooth=list(debiased(losses, beta)))


@contextmanager
def untouched(model: nn.Module, optimizer: torch.optim.Optimizer | None = None, *more: torch.Generator) -> Iterator[None]:
    """Run anything and afterwards find weights, buffers, gradients, optimiser and every random state as they were, bit for bit.

    `more` are generators of samplers or members; numpy's and Python's global states and all CUDA states are kept too.
    """
    tensors = {n: t.detach().clone() for n, t in model.state_dict(keep_vars=False).items() if isinstance(t, Tensor)}
    hidden = {n: b.detach().clone() for n, b in model.named_buffers() if n not in tensors}
    grads = {n: None if p.grad is None else p.grad.detach().clone() for n, p in model.named_parameters()}
    modes = {n: m.training for n, m in model.named_modules()}
    before = copy.deepcopy(optimizer.state_dict()) if optimizer else None
    groups = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups] if optimizer else []
    cpu, generators = torch.get_rng_state(), [g.get_state() for g in more]
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    python, legacy = random.getstate(), numpy.random.get_state()
    try:
        yield
    finally:
        with torch.no_grad():
            current = dict(model.state_dict(keep_vars=True))
            for name, value in tensors.items():
                current[name].data.copy_(value)
            for name, buffer in model.named_buffers():
                if name in hidden:
                    buffer.copy_(hidden[name])
        for name, parameter in model.named_parameters():
            parameter.grad = grads[name]
        for name, module in model.named_modules():
            module.training = modes[name]
        if optimizer is not None:
            optimizer.load_state_dict(before)
            for group, saved in zip(optimizer.param_groups, groups, strict=True):
                group.update(saved)
        torch.set_rng_state(cpu)
        for state, generator in zip(generators, more, strict=True):
            generator.set_state(state)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
        random.setstate(python)
        numpy.random.set_state(legacy)


def range_test(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[nn.Module, object], Tensor],
    batches: Iterable[object],
    *,
    lo: float = 1e-7,
    hi: float = 10.0,
    points: int = 100,
    mode: Literal["exp", "linear"] = "exp",
    beta: float = BETA,
    stop_factor: float = STOP_FACTOR,
    generators: tuple[torch.Generator, ...] = (),
) -> Sweep:
    """One sweep on a module with its own optimiser, fully isolated.

    `loss(model, batch)` gives the scalar training loss of a batch; `batches` is walked once per point and started again when it ends.
    The loss is recorded BEFORE the step at that rate; all parameter groups keep their ratio (the largest group gets the grid's rate).
    Ends when the loss is not finite or the moving average exceeds `stop_factor` times its best. Refuses an optimiser with a scheduler.
    """
    rates = grid(lo, hi, points, mode)
    if any("initial_lr" in g for g in optimizer.param_groups):
        raise UsageError("the finder needs an optimiser without a schedule", "A scheduler is attached to it.", "Run the finder first, attach the schedule afterwards.")
    top = max(g["lr"] for g in optimizer.param_groups)
    ratios = [g["lr"] / top if top > 0 else 1.0 for g in optimizer.param_groups]
    lrs: list[float] = []
    losses: list[float] = []
    stopped, rule = "", StopRule(beta, stop_factor)
    with untouched(model, optimizer, *generators):
        model.train()
        source = iter(batches)
        for rate in rates:
            batch = next(source, None)
            if batch is None:
                source = iter(batches)
                batch = next(source, None)
                if batch is None:
                    stopped = "data"
                    break
            for group, ratio in zip(optimizer.param_groups, ratios, strict=True):
                group["lr"] = rate * ratio
            optimizer.zero_grad(set_to_none=True)
            value = loss(model, batch)
            number = float(value.detach())
            stopped = rule.add(number)
            if stopped != "not finite":
                lrs.append(rate)
                losses.append(number)
            if stopped:
                break
            value.backward()
            optimizer.step()
    return Sweep(lrs=lrs, losses=losses, smooth=list(debiased(losses, beta)), stopped=stopped)


def merge(sweeps: list[Sweep]) -> FinderCurve:
    """Sweeps over one grid as a curve: per rate the median over the sweeps that got there; cut where fewer than half did."""
    if not sweeps:
        raise UsageError("the finder made no sweep", remedy="Ask for at least one.")
    longest = max(sweeps, key=lambda s: len(s.lrs))
    columns: list[tuple[float, float, float, float]] = []
    for i in range(len(longest.lrs)):
        here = [s.losses[i] for s in sweeps if len(s.losses) > i]
        if 2 * len(here) < len(sweeps):
            break
        columns.append((float(numpy.median(here)), min(here), max(here), longest.lrs[i]))
    losses = [c[0] for c in columns]
    return FinderCurve(
        lrs=[c[3] for c in columns], losses=losses, smooth=list(debiased(losses)), low=[c[1] for c in columns],
        high=[c[2] for c in columns], sweeps=list(sweeps), stopped=", ".join(sorted({s.stopped for s in sweeps if s.stopped})),
    )
