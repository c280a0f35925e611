"""Quantities with known ranges and the ranges themselves (V03): pure functions of tensors, used by the watch and by the check-up page."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A range for one quantity; `when` says whether it holds at the first look only or always."""

    quantity: str
    low: float = -math.inf
    high: float = math.inf
    when: Literal["start", "always"] = "always"
    severity: str = "warn"
    advice: str = ""


BOUNDS: tuple[Bound, ...] = (
    Bound(quantity="activation_std", low=0.1, high=10, when="start", advice="initialisation or unscaled inputs (T26, D07)"),
    Bound(quantity="dead_share", high=0.5, advice="lower the learning rate, check biases and initialisation (T26)"),
    Bound(quantity="saturated_share", high=0.5, when="start", advice="initialisation, input scale, another activation"),
    Bound(quantity="saturated_share", high=0.9, advice="learning rate, weight decay, another activation"),
    Bound(quantity="update_ratio", high=1e-1, advice="the learning rate is too high (T01)"),
    Bound(quantity="input_mean", low=-0.1, high=0.1, when="start", advice="standardise the inputs (D07)"),
    Bound(quantity="input_std", low=0.9, high=1.1, when="start", advice="standardise the inputs (D07)"),
    Bound(quantity="logit_size", high=50, advice="learning rate or missing regularisation"),
    Bound(quantity="norm_variance", low=1e-6, advice="a constant feature feeds a batch norm"),
)
"""The defaults; an own list may be given to the watch."""


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One quantity of one layer out of its range at a step."""

    step: int
    layer: str
    quantity: str
    value: float
    bound: Bound

    def line(self) -> str:
        """As a sentence."""
        limits = f"below {self.bound.high:g}" if math.isinf(self.bound.low) else f"above {self.bound.low:g}" if math.isinf(self.bound.high) else f"in [{self.bound.low:g}, {self.bound.high:g}]"
        return f"{self.quantity.replace('_', ' ')} of {self.layer} is {self.value:.3g} at step {self.step}; expected {limits}. {self.bound.advice}"


@dataclass(kw_only=True)
class LayerStats:
    """Figures of one layer at one look; absent ones are not judged."""

    layer: str
    values: dict[str, float] = field(default_factory=dict)


def judge(stats: Iterable[LayerStats], step: int, bounds: Sequence[Bound] = BOUNDS, *, start: bool) -> list[Violation]:
    """Violations in the order of the layers; a figure that is not finite violates every bound of its quantity."""
    out = []
    for layer in stats:
        for bound in bounds:
            value = layer.values.get(bound.quantity)
            if value is None or bound.when == "start" and not start:
                continue
            if not bound.low <= value <= bound.high:
                out.append(Violation(step=step, layer=layer.layer, quantity=bound.quantity, value=value, bound=bound))
    return out


def activation_stats(out: Tensor, kind: str = "") -> dict[str, float]:
    """Spread, dead and saturated share of a layer's outputs `[rows, ..., units]` (`kind`: relu, tanh, sigmoid or empty)."""
    flat = out.detach().reshape(-1, out.shape[-1]).float()
    values = {"activation_std": float(flat.std())}
    if kind == "relu":
        values["dead_share"] = float((flat == 0).all(0).float().mean())
    if kind == "tanh":
        values["saturated_share"] = float((flat.abs() > 0.99).float().mean())
    if kind == "sigmoid":
        values["saturated_share"] = float(((flat < 0.01) | (flat > 0.99)).float().mean())
    return values


def unit_shares(out: Tensor, kind: str) -> dict[str, Tensor]:
    """Dead or saturated share of a layer's outputs `[n, rows, units]` as `[n]` on their device; empty for other kinds than `activation_stats` names."""
    if kind == "relu":
        return {"dead_share": (out == 0).all(1).float().mean(1)}
    if kind in ("tanh", "sigmoid"):
        far = out.abs() > 0.99 if kind == "tanh" else (out < 0.01) | (out > 0.99)
        return {"saturated_share": far.flatten(1).float().mean(1)}
    return {}


def module_stats(module: nn.Module, inputs: object, numbers: Tensor | None = None) -> list[LayerStats]:
    """Figures of every activation, norm and the output of a module on one batch, inputs first (`numbers` float `[n, d]`)."""
    kinds = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
    found: list[LayerStats] = []
    if numbers is not None and numbers.numel():
        middle, spread = numbers.float().mean(0), numbers.float().std(0)
        moving = spread > 0  # a constant column has no spread to judge
        found.append(LayerStats(layer="inputs", values={
            "input_mean": float(middle[middle.abs().argmax()]),
            "input_std": float(spread[moving][(spread[moving].clamp_min(1e-30).log().abs()).argmax()]) if bool(moving.any()) else 1.0,
        }))

    def listen(name: str, m: nn.Module):
        def hook(_m: nn.Module, _args: object, out: Tensor) -> None:
            if isinstance(m, nn.modules.batchnorm._NormBase):
                if m.running_var is not None:
                    found.append(LayerStats(layer=name, values={"norm_variance": float(m.running_var.min())}))
            else:
                found.append(LayerStats(layer=name, values=activation_stats(out, kinds[type(m)])))

        return hook

    watched = [(n, m) for n, m in module.named_modules() if type(m) in kinds or isinstance(m, nn.modules.batchnorm._NormBase)]
    handles = [m.register_forward_hook(listen(n, m)) for n, m in watched]
    was = module.training
    module.eval()
    try:
        with torch.no_grad():
            out = module(inputs)
    finally:
        module.train(was)
        for handle in handles:
            handle.remove()
    size = float(out.abs().max())
    found.append(LayerStats(layer="output", values={"logit_size": size if math.isfinite(size) else math.inf}))
    return found
