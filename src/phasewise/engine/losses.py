"""Losses by name on raw outputs (A04-A09); every one takes `[n, c]`, or `[n, k, c]` for networks that train k members in one (TabM)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from phasewise.engine import plugins
from phasewise.engine.data import Dataset
from phasewise.records.errors import UsageError

RowLoss = Callable[[Tensor, Tensor], Tensor]
"""Raw outputs `[n, c]` and targets `[n]` to one loss per row `[n]`."""

PLUGIN = "plugin"
CLASS_LOSSES = ("cross_entropy", "focal", "bce")
VALUE_LOSSES = ("mse", "l1", "huber")


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss with its settings; calling it gives the mean over rows, weighted by class where weights are given."""

    name: str
    row_loss: RowLoss
    class_weights: Tensor | None = None

    def rows(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Unweighted loss of each row `[n]`; for `[n, k, c]` the mean over the k members."""
        if y.dim() != 1 or len(outputs) != len(y) or outputs.dim() not in (2, 3):
            raise ValueError(f"outputs {tuple(outputs.shape)} and targets {tuple(y.shape)}: outputs [n, c] and targets [n] are needed, (n,) against (n, 1) would broadcast")
        if outputs.dim() == 2:
            return self.row_loss(outputs, y)
        n, k, c = outputs.shape
        return self.row_loss(outputs.reshape(n * k, c), y.repeat_interleave(k)).reshape(n, k).mean(dim=1)

    def __call__(self, outputs: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
        """Scalar; `weight` `[n]` are row weights, multiplied with the class weights; normalised by their sum like torch's own."""
        losses = self.rows(outputs, y)
        if self.class_weights is not None:
            by_class = self.class_weights.to(losses.device)[y.long()]
            weight = by_class if weight is None else weight * by_class
        return losses.mean() if weight is None else (losses * weight).sum() / weight.sum()


def resolve(name: str, task: str) -> str:
    """`auto` to the loss of the task: mse (A04), cross_entropy (A05), bce on logits (A06); a loss of the wrong kind is refused."""
    if name == "auto":
        return {"regression": "mse", "multiclass": "cross_entropy", "binary": "bce"}[task]
    if name in VALUE_LOSSES and task != "regression":
        raise UsageError(f"the loss {name!r} is for values", f"The task is {task}.", f"Choose one of {', '.join(CLASS_LOSSES)}.")
    if name in CLASS_LOSSES and task == "regression":
        raise UsageError(f"the loss {name!r} is for classes", "The task is regression.", f"Choose one of {', '.join(VALUE_LOSSES)}.")
    return "bce" if name == "cross_entropy" and task == "binary" else name


def make(name: str, task: str, *, smoothing: float = 0.0, class_weights: Tensor | None = None, options: Mapping[str, Any] | None = None) -> Loss:
    """The loss of a `TrainSpec`: `name` (`auto`, one of the menu, or `plugin`: a person's own), label smoothing, weights `[classes]`.

    Options: `gamma` (focal, default 2), `alpha` (focal, share of the positive class), `delta` (huber, default 1, in target units), `file` and
    `sha256` (plugin; its class weights and smoothing are its own business).
    """
    options = options or {}
    name = resolve(name, task)
    if name == PLUGIN:
        return _admitted(plugins.function_of(options), task)
    if name not in CLASS_LOSSES + VALUE_LOSSES:
        raise UsageError(f"unknown loss {name!r}", remedy=f"Valid: auto, {', '.join(CLASS_LOSSES + VALUE_LOSSES)}; for one of your own answer approach.loss_file.")
    maker = {"cross_entropy": _cross_entropy, "bce": _bce, "focal": _focal, "mse": _mse, "l1": _l1, "huber": _huber}[name]
    return Loss(name=name, row_loss=maker(task, smoothing, options), class_weights=class_weights)


def weights(mode: str, counts: Tensor, *, beta: float = 0.999) -> Tensor | None:
    """Class weights from TRAIN counts `[classes]`: `none`, `balanced` n / (C n_c) (D11), `effective` (1-b)/(1-b^n_c) (arXiv 1901.05555).

    Mean 1 over the training rows (balanced) or over the classes (effective); a class without rows gets 0.
    """
    if mode == "none":
        return None
    counts = counts.double()
    seen = counts > 0
    if mode == "balanced":
        value = counts.sum() / (seen.sum() * counts.clamp_min(1))
    elif mode == "effective":
        value = (1 - beta) / (1 - beta ** counts.clamp_min(1))
        value = value / value[seen].mean()
    else:
        raise UsageError(f"unknown class weights {mode!r}", remedy="Valid: none, balanced, effective.")
    return torch.where(seen, value, torch.zeros_like(value)).float()


def loss_fn(train: Any, data: Dataset, rows: Tensor) -> Loss:
    """The loss of a `TrainSpec` on a data set; classes are counted among the training `rows` (int64 `[n]`) where `class_weights` asks for it."""
    task, weighted = data.task, data.task != "regression" and data.classes and train.class_weights != "none"
    by_class = weights(train.class_weights, data.class_counts(rows)) if weighted else None
    by_class = None if by_class is None else by_class.to(data.device)  # once: from the host at every step a GPU would wait for them
    return make(train.loss, task, smoothing=train.label_smoothing, class_weights=by_class, options=train.loss_options)


def start_value(name: str, task: str, classes: int, target_variance: float = 1.0) -> float | None:
    """The loss an untrained network should show: ln C, ln 2, the target's variance (B05); None where it has no such value."""
    return {"cross_entropy": float(torch.log(torch.tensor(float(max(classes, 2))))), "bce": 0.6931471805599453, "mse": target_variance}.get(resolve(name, task))


def _cross_entropy(task: str, smoothing: float, options: Mapping[str, Any]) -> RowLoss:
    def rows(out: Tensor, y: Tensor) -> Tensor:
        if out.stride(0) == 1 < out.stride(1):  # class-major in memory: four times faster left as it is
            return functional.cross_entropy(out.t()[None], y.long()[None], label_smoothing=smoothing, reduction="none")[0]
        return functional.cross_entropy(out, y.long(), label_smoothing=smoothing, reduction="none")

    return rows


def _bce(task: str, smoothing: float, options: Mapping[str, Any]) -> RowLoss:
    def rows(out: Tensor, y: Tensor) -> Tensor:
        soft = y.to(out.dtype) * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(_single(out), soft, reduction="none")

    return rows


def _focal(task: str, smoothing: float, options: Mapping[str, Any]) -> RowLoss:
    gamma, alpha = float(options.get("gamma", 2.0)), options.get("alpha")

    def binary(out: Tensor, y: Tensor) -> Tensor:
        z, target = _single(out), y.to(out.dtype)
        loss = functional.binary_cross_entropy_with_logits(z, target, reduction="none")
        p = torch.sigmoid(z)
        loss = loss * (p * (1 - target) + (1 - p) * target) ** gamma
        return loss if alpha is None else loss * (alpha * target + (1 - alpha) * (1 - target))

    def many(out: Tensor, y: Tensor) -> Tensor:
        log_p = functional.log_softmax(out, dim=1).gather(1, y.long().unsqueeze(1)).squeeze(1)
        return -((1 - log_p.exp()) ** gamma) * log_p

    return binary if task == "binary" else many


def _mse(task: str, smoothing: float, options: Mapping[str, Any]) -> RowLoss:
    return lambda out, y: (_single(out) - y) ** 2


def _l1(task: str, smoothing: float, options: Mapping[str, Any]) -> RowLoss:
    return lambda out, y: (_single(out) - y).abs()


def _huber(task: str, smoothing: float, options: Mapping[str, Any]) -> RowLoss:
    delta = float(options.get("delta", 1.0))
    return lambda out, y: functional.huber_loss(_single(out), y, delta=delta, reduction="none")


def _single(out: Tensor) -> Tensor:
    if out.shape[1] != 1:
        raise ValueError(f"one output unit is needed for this loss, the network has {out.shape[1]}")
    return out[:, 0]


@cache
def _admitted(function: Callable[[Tensor, Tensor], Tensor], task: str) -> "Loss":
    return custom(function, task=task, name=PLUGIN)


def custom(function: Callable[[Tensor, Tensor], Tensor], *, task: str, outputs: int | None = None, name: str = "custom") -> Loss:
    """A loss of your own, `function(outputs [n, c], y [n]) -> scalar or [n]`, admitted only if its gradient is right (A07).

    `torch.autograd.gradcheck` in float64 on 6 random rows; a wrong gradient, a loss that is not finite or has no gradient is a UsageError.
    """
    width = outputs or (3 if task == "multiclass" else 1)
    generator = torch.Generator().manual_seed(0)
    out = torch.randn(6, width, dtype=torch.float64, generator=generator).requires_grad_()
    y = torch.randn(6, dtype=torch.float64, generator=generator) if task == "regression" else torch.arange(6) % max(2, width)
    try:
        value = function(out, y)
        if not value.requires_grad or value.dim() > 1 or not bool(torch.isfinite(value).all()):
            raise ValueError(f"it returned shape {tuple(value.shape)}, gradient {value.requires_grad}, finite {bool(torch.isfinite(value).all())}")
        torch.autograd.gradcheck(lambda o: function(o, y), (out,), fast_mode=False)
    except Exception as error:  # whatever a person's own function raises is reported as its fault
        words = str(error).splitlines()[0].rstrip(", ") if str(error) else type(error).__name__
        cause = "Its gradient is not that of finite differences: something in it is detached, rounded or computed outside PyTorch." if words.startswith("Jacobian mismatch") else f"On six random rows: {words}."
        raise UsageError("the file's loss is not admitted" if name == PLUGIN else f"the loss {name!r} is not admitted", cause, "Return one differentiable number (or one per row) whose gradient agrees with finite differences.") from error
    per_row = value.dim() == 1

    def rows(o: Tensor, t: Tensor) -> Tensor:
        return function(o, t) if per_row else function(o, t).expand(len(o))

    return Loss(name=name, row_loss=rows)


@dataclass(frozen=True, kw_only=True)
class WeightedSum:
    """Several losses as one, sum of lambda_k L_k (A09); lambda belongs on a log scale 1e-2..1e2 in a search."""

    weights: Mapping[str, float] = field(default_factory=dict)

    def __call__(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Scalar from named scalars; a loss without a weight counts once."""
        return torch.stack([self.weights.get(name, 1.0) * value for name, value in losses.items()]).sum()


class LearnedSum(nn.Module):
    """Loss weights that train along: sum exp(-s_k) L_k + s_k (Kendall 2018, arXiv 1705.07115); give its parameters to the optimiser."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.log_variance = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in names})

    def forward(self, losses: Mapping[str, Tensor]) -> Tensor:
        """Scalar from named scalars."""
        return torch.stack([torch.exp(-self.log_variance[n]) * value + self.log_variance[n] for n, value in losses.items()]).sum()
