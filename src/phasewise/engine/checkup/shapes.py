"""Shapes of almost every tensor of a network (B04), and the checks that need one forward pass only."""

from typing import Any

import torch
from torch import Tensor, nn

from phasewise.engine.checkup.case import Case, copied, verdict
from phasewise.records.results.baseline import CheckVerdict

FEW, QUARTER = 24, 0.25
"""Different outputs needed to look for clipping, and the share of them at one exact extreme that is no chance."""
ROWS = 7
"""A number of rows that is unlikely to be a width, so that a mixed-up batch axis shows."""


def trace(module: nn.Module, inputs: dict[str, Tensor]) -> list[dict[str, Any]]:
    """One line per sub-module called: name, type, input and output shape with B for the batch, parameters, dtype, device (B04)."""
    lines: list[dict[str, Any]] = []
    batch = len(next(iter(inputs.values())))

    def shape(value: Any) -> str:
        if isinstance(value, Tensor):
            return ",".join("B" if n == batch else str(n) for n in value.shape)
        if isinstance(value, dict):
            return "; ".join(f"{k}: {shape(v)}" for k, v in value.items())
        return "; ".join(shape(v) for v in value) if isinstance(value, list | tuple) else ""

    def listen(name: str):
        def hook(m: nn.Module, args: tuple[Any, ...], out: Any) -> None:
            one = out if isinstance(out, Tensor) else next((v for v in out if isinstance(v, Tensor)), None) if isinstance(out, list | tuple) else None
            own = sum(p.numel() for p in m.parameters(recurse=False))
            lines.append({
                "module": name or "(network)", "type": type(m).__name__, "input": shape(args), "output": shape(out), "parameters": own,
                "dtype": str(one.dtype).removeprefix("torch.") if one is not None else "", "device": str(one.device) if one is not None else "",
            })

        return hook

    handles = [m.register_forward_hook(listen(name)) for name, m in module.named_modules()]
    was = module.training
    try:
        module.eval()
        with torch.no_grad():
            module(copied(inputs))
    finally:
        module.train(was)
        for handle in handles:
            handle.remove()
    return lines


def output_shape(case: Case) -> CheckVerdict:
    """Output is float `[rows, outputs]` and finite, declared shapes hold; the first layer that breaks a promise is named."""
    module = case.fresh()
    inputs, _ = case.batch(ROWS)
    count = len(next(iter(inputs.values())))
    try:
        lines = trace(module, inputs)
        module.eval()
        with torch.no_grad():
            out = module(copied(inputs))
    except (RuntimeError, IndexError, ValueError, TypeError, KeyError) as error:
        return verdict("output-shape", False, "the network cannot be run", str(error).splitlines()[0])
    case.trace["shapes"] = lines
    wanted = (count, case.info.outputs)
    numbers = {"expected": list(wanted), "actual": list(out.shape)}
    for name, declared in getattr(module, "expected_shapes", {}).items():
        line = next((x for x in lines if x["module"] == name), None)
        if line is None or line["output"].replace(" ", "") != declared.replace(" ", ""):
            return verdict("output-shape", False, f"layer {name} breaks its declared shape", f"Declared {declared}, seen {line['output'] if line else 'nothing: it was never called'}.", **numbers)
    if tuple(out.shape) != wanted:
        return verdict("output-shape", False, "wrong output shape", f"Expected {wanted}, the network gives {tuple(out.shape)}.", **numbers)
    if not out.is_floating_point() or not bool(torch.isfinite(out).all()):
        return verdict("output-shape", False, "outputs are not finite numbers", f"{int((~torch.isfinite(out)).sum())} of {out.numel()} are not.", **numbers)
    unused = _unused(module, inputs, {line["module"] for line in lines})
    if unused:
        return verdict("output-shape", "warn", f"{unused[0]} is never called", f"Layers that do not take part: {', '.join(unused[:5])}.", **numbers)
    return verdict("output-shape", True, "shapes are as expected", f"{tuple(out.shape)} for {count} rows.", **numbers)


def _unused(module: nn.Module, inputs: dict[str, Tensor], called: set[str]) -> list[str]:
    """Leaf modules that were not called and whose weights do not reach the output by another way either (attention takes its own from within)."""
    silent = [n for n in named_leaves(module) if n not in called]
    if not silent:
        return []
    weights = {n: [p for p in module.get_submodule(n).parameters() if p.requires_grad] for n in silent}
    with torch.enable_grad():
        out = module(copied(inputs))
    if not out.requires_grad:
        return silent
    return [n for n in silent if all(g is None for g in torch.autograd.grad(out.sum(), weights[n], allow_unused=True, retain_graph=True))] if any(weights.values()) else silent


def named_leaves(module: nn.Module) -> list[str]:
    """Names of leaf modules that hold parameters."""
    return [n for n, m in module.named_modules() if n and not any(True for _ in m.children()) and any(True for _ in m.parameters())]


def logits(case: Case) -> CheckVerdict:
    """Outputs are raw: not already probabilities or log-probabilities (soft-max twice learns slowly and never gets sure)."""
    if case.data.task == "regression":
        return verdict("raw-outputs", True, "outputs are raw values")
    module = case.fresh()
    module.eval()
    with torch.no_grad():
        out = module(case.batch(64)[0])
    if getattr(module, "members", 1) > 1 and out.shape[1] > 1:
        return verdict("raw-outputs", True, "outputs are log-probabilities of an average over members, as declared")
    total = out.logsumexp(1) if out.shape[1] > 1 else out[:, 0]
    inside = bool(((out >= 0) & (out <= 1)).all())
    suspect = inside and (out.shape[1] == 1 or bool((out.sum(1) - 1).abs().max() < 1e-4))
    if suspect and _bounded(module, case.batch(64)[0]):
        return verdict("raw-outputs", False, "outputs are probabilities already", "The loss applies soft-max (or the sigmoid) itself: remove the network's own (A05, A06).")
    if out.shape[1] > 1 and bool(total.abs().max() < 1e-4):
        return verdict("raw-outputs", "warn", "outputs are log-probabilities already", "Log-soft-max is applied twice; harmless, but remove one (B05).")
    return verdict("raw-outputs", True, "outputs are raw numbers")


def _bounded(module: nn.Module, inputs: dict[str, torch.Tensor]) -> bool:
    """Whether outputs stay in [0, 1] with parameters drawn widely: a raw output that starts near the base rate does not."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(3 * torch.randn(p.shape, generator=generator).to(p))
        out = module(copied(inputs))
    return bool(((out >= 0) & (out <= 1)).all())


def clipped(case: Case) -> CheckVerdict:
    """Many different rows do not share the very same extreme of an output: a rectifier or clamp behind the head cuts off what lies beyond it."""
    module = case.fresh()
    module.eval()
    with torch.no_grad():
        out = torch.unique(module(case.batch(256)[0]).flatten(1).float(), dim=0)
    if len(out) >= FEW:
        for name, end in (("smallest", out.amin(0)), ("largest", out.amax(0))):
            share = float((out == end).float().mean(0).max())
            if share > QUARTER:
                ok = False if case.data.task != "regression" else "warn"
                where = float(end[int((out == end).float().mean(0).argmax())])
                return verdict("outputs-clipped", ok, "outputs are cut off", f"{share:.0%} of the rows have the {name} value {where:.4g} of one output: a ReLU or clamp behind the last layer? Scores must be free to go either way.", actual=share, expected=f"at most {QUARTER:.0%}")
    return verdict("outputs-clipped", True, "outputs are free to go either way")


def tied(case: Case) -> CheckVerdict:
    """No parameter is reached under two names unless the network says so with `tied = True`."""
    module = case.fresh()
    seen: dict[int, str] = {}
    for name, p in module.named_parameters(remove_duplicate=False):
        if id(p) in seen and not getattr(module, "tied", False):
            return verdict("tied", False, "two layers share weights", f"{seen[id(p)]} and {name} are the same tensor; if meant, set tied = True on the network.")
        seen[id(p)] = name
    return verdict("tied", True, "every weight belongs to one layer")
