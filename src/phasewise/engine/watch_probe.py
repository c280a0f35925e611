"""Is the region stable (V15), and which layer broke first (V12): probes that put everything back."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from phasewise.engine.finder import untouched

LIMIT, FACTOR, STEPS = 0.25, 0.2, 50


@dataclass(frozen=True, kw_only=True)
class Stability:
    """Mean loss over the last steps at lr x (1 - f), lr, lr x (1 + f), and the largest relative difference."""

    losses: tuple[float, float, float]
    sensitivity: float
    unstable: bool


def stability(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Callable[[nn.Module, object], Tensor], batches: Sequence[object], *,
    steps: int = STEPS, factor: float = FACTOR, limit: float = LIMIT, generators: tuple[torch.Generator, ...] = (),
) -> Stability:
    """Trains `steps` steps from the same state with three learning rates; unstable where a 20 % change moves the loss by over 25 %.

    The state is restored bit for bit after each. Unstable says: lower the rate or restart the schedule (T13); it proves nothing more.
    """
    ends = []
    for scale in (1 - factor, 1.0, 1 + factor):
        with untouched(model, optimizer, *generators):
            model.train()
            for group in optimizer.param_groups:
                group["lr"] = group["lr"] * scale
            seen = []
            for i in range(steps):
                optimizer.zero_grad(set_to_none=True)
                value = loss(model, batches[i % len(batches)])
                seen.append(float(value.detach()))
                if not math.isfinite(seen[-1]):
                    break
                value.backward()
                optimizer.step()
            tail = seen[-max(1, len(seen) // 5) :]
            ends.append(sum(tail) / len(tail) if math.isfinite(seen[-1]) else math.inf)
    middle = ends[1]
    apart = max(abs(ends[0] - middle), abs(ends[2] - middle))
    sensitivity = apart / abs(middle) if math.isfinite(apart) and middle else (math.inf if apart else 0.0)
    return Stability(losses=(ends[0], ends[1], ends[2]), sensitivity=sensitivity, unstable=not sensitivity <= limit)


def first_bad_layer(module: nn.Module, inputs: dict[str, Tensor]) -> str:
    """Where numbers stop being finite on a batch: `inputs:<name>` (a data fault), the first weight, the first layer's output, or empty."""
    for name, x in inputs.items():
        if x.is_floating_point() and not bool(torch.isfinite(x).all()):
            return f"inputs:{name}"
    for name, p in module.named_parameters():
        if not bool(torch.isfinite(p).all()):
            return name
    found: list[str] = []

    def listen(name: str):
        def hook(_m: nn.Module, _args: object, out: object) -> None:
            if isinstance(out, Tensor) and not bool(torch.isfinite(out).all()):
                found.append(name)

        return hook

    handles = [m.register_forward_hook(listen(n)) for n, m in module.named_modules() if n and not any(True for _ in m.children())]
    was = module.training
    module.eval()
    try:
        with torch.no_grad():
            out = module(inputs)
    finally:
        module.train(was)
        for handle in handles:
            handle.remove()
    return found[0] if found else "" if bool(torch.isfinite(out).all()) else "output"
