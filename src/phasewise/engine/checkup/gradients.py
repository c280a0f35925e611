"""Gradients: right, present in every layer, neither vanishing nor exploding; units neither dead nor saturated (B03, V03, V11, A07)."""

import math

import torch
from torch import Tensor, nn

from phasewise.engine import losses
from phasewise.engine.checkup.case import Case, copied, verdict
from phasewise.engine.losses import PLUGIN
from phasewise.records.errors import UsageError
from phasewise.records.results.baseline import CheckVerdict

DIRECTIONS, STEPS, RELATIVE = 3, (1e-6, 1e-8), 1e-3
"""Two steps: over the many kinks of a convolutional network (ReLU, max pooling) the larger one averages; a wrong gradient disagrees with both."""
FLOW_LOW, FLOW_HIGH = 1e-6, 1e6
HALF = 0.5
SILENT = 0.1
"""Share of rows without a gradient from which on it is said."""


def loss_is_right(case: Case) -> CheckVerdict:
    """A person's own loss is admitted: finite, one number or one a row, its gradient that of finite differences (A07)."""
    try:
        losses.make(PLUGIN, case.data.task, options=case.config.train.loss_options)
    except UsageError as error:
        return verdict("loss-right", False, "the loss is not admitted", f"{error.cause} {error.remedy}")
    return verdict("loss-right", True, "the loss and its gradient are sound")


def gradient_is_right(case: Case) -> CheckVerdict:
    """The slope along random directions of all weights, by finite differences in float64, equals the gradient's (a detached tensor is caught)."""
    module = case.fresh(plain=True).double()
    module.eval()
    inputs, y = case.batch(6)
    inputs = {n: x.double() if x.is_floating_point() else x for n, x in inputs.items()}
    y = y.double() if y.is_floating_point() else y
    parameters = [p for p in module.parameters() if p.numel() and p.requires_grad]
    value = case.loss_of(module(copied(inputs)), y)
    if value.dtype != torch.float64:
        return verdict("gradient-right", True, "not checked: the network computes in lower precision by itself")
    grads = torch.autograd.grad(value, parameters, allow_unused=True)
    worst = 0.0
    source = torch.Generator().manual_seed(case.seed)
    for _ in range(DIRECTIONS):
        along = [torch.randn(p.shape, generator=source, dtype=torch.float64).to(p.device) for p in parameters]
        slope = sum(float((g * v).sum()) for g, v in zip(grads, along, strict=True) if g is not None)
        numeric = [(_shifted(case, module, parameters, along, inputs, y, h) - _shifted(case, module, parameters, along, inputs, y, -h)) / (2 * h) for h in STEPS]
        worst = max(worst, min(abs(slope - n) / max(abs(slope), abs(n), 1e-6) for n in numeric))
    ok = worst < RELATIVE
    return verdict("gradient-right", ok, "gradients agree with finite differences" if ok else "the gradient is not that of the loss", f"Largest relative difference {worst:.2g} over {DIRECTIONS} directions.", expected=0.0, actual=worst)


@torch.no_grad()
def _shifted(case: Case, module: nn.Module, parameters: list[nn.Parameter], along: list[Tensor], inputs: dict[str, Tensor], y: Tensor, by: float) -> float:
    for p, v in zip(parameters, along, strict=True):
        p.add_(v, alpha=by)
    value = float(case.loss_of(module(copied(inputs)), y))
    for p, v in zip(parameters, along, strict=True):
        p.sub_(v, alpha=by)
    return value


def rows_count(case: Case) -> CheckVerdict:
    """Every row has a say in the loss: its outputs get a gradient (a mask or a slice that drops rows is seen)."""
    module = case.fresh(plain=True)
    module.train()
    inputs, y = case.batch(32)
    with torch.no_grad():
        out = module(copied(inputs))
    out.requires_grad_(True)
    slope = torch.autograd.grad(case.loss_of(out, y), out, allow_unused=True)[0]
    if slope is None:
        return verdict("rows-count", False, "the loss does not depend on the outputs", "Something between the outputs and the loss is detached.")
    silent = int((slope.flatten(1) == 0).all(1).sum())
    ok = silent < SILENT * len(y)
    return verdict("rows-count", True if ok else "warn", "every row counts in the loss" if ok else "some rows do not count in the loss", "" if ok else f"The outputs of {silent} of {len(y)} rows get no gradient at all: a mask, or a mean over part of the batch? If meant, nothing is wrong.", actual=silent, expected=0)


def gradient_flow(case: Case) -> CheckVerdict:
    """After a few steps every trainable parameter has a finite gradient that is not zero, and no layer's is 1e6 times another's."""
    module = case.fresh(plain=True)
    case.train(module, 4)
    inputs, y = case.batch(32)
    module.zero_grad(set_to_none=True)
    module.train()
    case.loss_of(module(copied(inputs)), y).backward()
    sizes: dict[str, float] = {}
    for name, p in module.named_parameters():
        if not p.numel():
            continue
        if not p.requires_grad:
            return verdict("gradient-flow", False, f"{name} cannot learn", "requires_grad is off although nothing was frozen.")
        if p.grad is None:
            return verdict("gradient-flow", False, f"{name} gets no gradient", "It takes no part in the loss, or something before it is detached.")
        sizes[name] = float(p.grad.double().square().mean().sqrt())
        if not math.isfinite(sizes[name]):
            return verdict("gradient-flow", False, f"the gradient of {name} is not finite", "See the loss and the scale of the inputs.")
    nothing = [n for n, s in sizes.items() if s == 0]
    if nothing:
        return verdict("gradient-flow", False, f"{nothing[0]} gets a gradient of exactly zero", "Dead units or a cut in the graph stand between it and the loss.", layers=len(sizes))
    weights = [s for n, s in sizes.items() if dict(module.named_parameters())[n].dim() > 1] or list(sizes.values())
    ratio = weights[0] / weights[-1]
    ok = FLOW_LOW < ratio < FLOW_HIGH
    return verdict("gradient-flow", ok, "gradients reach every layer" if ok else "gradients vanish" if ratio < 1 else "gradients explode", f"First to last weight: {ratio:.2g} (rms). {'' if ok else 'See initialisation, activation, normalisation, residuals (V11).'}", actual=ratio)


def parameters_change(case: Case) -> CheckVerdict:
    """A few steps move every trainable parameter."""
    module = case.fresh(plain=True)
    before = {n: p.detach().clone() for n, p in module.named_parameters()}
    case.train(module, 4)
    still = [n for n, p in module.named_parameters() if p.numel() and torch.equal(p, before[n])]
    return verdict("parameters-change", not still, "every parameter moves" if not still else f"{still[0]} does not move", "" if not still else f"{len(still)} of {len(before)} parameters are as they were after 4 steps. A learning rate of {case.config.train.lr:g}?")


def units_alive(case: Case) -> CheckVerdict:
    """Fewer than half of a layer's ReLU units are zero on every row, fewer than half of its bounded units are at their bounds (V03)."""
    module = case.fresh(plain=True)
    seen: list[tuple[str, str, float]] = []

    def listen(name: str, kind: str):
        def hook(_m: nn.Module, _args: tuple, out: Tensor) -> None:
            flat = out.detach().reshape(-1, out.shape[-1]) if out.dim() != 4 else out.detach().transpose(1, -1).reshape(-1, out.shape[1])
            if kind == "dead":
                share = (flat == 0).all(0).float().mean()
            else:
                low, high = (0.01, 0.99) if kind == "sigmoid" else (-0.99, 0.99)
                share = ((flat < low) | (flat > high)).float().mean()
            seen.append((name, kind, float(share)))

        return hook

    kinds = {nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
    handles = [
        m.register_forward_hook(listen(n, kinds.get(type(m), "dead")))
        for n, m in module.named_modules() if type(m) in kinds or isinstance(m, nn.ReLU | nn.ReLU6) or type(m).__name__ == "ReluDropout"
    ]
    module.eval()
    with torch.no_grad():
        module(case.batch(256)[0])
    for handle in handles:
        handle.remove()
    bad = [s for s in seen if s[2] >= HALF]
    if bad:
        name, kind, share = max(bad, key=lambda s: s[2])
        word = "dead (zero on every row)" if kind == "dead" else "saturated"
        return verdict("units-alive", False, f"{share:.0%} of the units of {name} are {word}", "Check initialisation, biases and the scale of the inputs (T26).", actual=share, expected="below 50 %")
    return verdict("units-alive", True, "units are alive" if seen else "no units of a kind that can die", actual=max((s[2] for s in seen), default=0.0))
