"""Objectives of a member after an epoch, computed on the device from raw outputs (A04-A06, V02)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from phasewise.records.errors import UsageError

MAXIMISED = {"accuracy", "roc_auc"}


def plain_loss(task: str, outputs: Tensor, y: Tensor) -> Tensor:
    """The unweighted, unsmoothed mean loss by task: outputs float32 [n, o], y [n]; a scalar tensor in float64."""
    if not len(y):
        return torch.full((), float("nan"), dtype=torch.float64, device=y.device)
    if task == "multiclass":
        by_class = torch.log_softmax(outputs.t().contiguous(), 0)  # class-major: many times faster for few classes
        return by_class.gather(0, y[None]).double().mean().neg()
    out, target = outputs.double(), y.double()
    return F.binary_cross_entropy_with_logits(out[:, 0], target) if task == "binary" else F.mse_loss(out[:, 0], target)


def objective(name: str, task: str, outputs: Tensor, y: Tensor) -> Tensor:
    """A named objective as a scalar tensor: `loss`, `accuracy`, `roc_auc`, `rmse` or `mae`."""
    if name == "loss":
        return plain_loss(task, outputs, y)
    if not len(y):
        return torch.full((), float("nan"), device=y.device)
    if name == "accuracy" and task != "regression":
        right = (outputs[:, 0] > 0).long() == y if task == "binary" else _right(outputs.t().contiguous(), y)
        return right.double().mean()
    if name == "roc_auc" and task == "binary":
        return _auc(outputs[:, 0], y)
    if name in ("rmse", "mae") and task == "regression":
        gap = outputs[:, 0].double() - y.double()
        return gap.square().mean().sqrt() if name == "rmse" else gap.abs().mean()
    raise UsageError(f"the objective {name!r} does not fit a {task} task", "", "Use loss, accuracy, roc_auc (binary), rmse or mae (regression).")


def _right(by_class: Tensor, y: Tensor) -> Tensor:
    """Whether the first largest output of each row is that of its class, from `[classes, n]`; without ties a CPU needs no places, which take four times as long."""
    if by_class.device.type == "cpu":
        top = by_class.amax(0)
        if int((by_class == top).sum()) == len(top):
            return by_class.gather(0, y[None].long())[0] == top
    return by_class.max(0).indices == y


def _auc(score: Tensor, y: Tensor) -> Tensor:
    """Area under the ROC curve by mid-ranks; NaN with one class only."""
    _, inverse, counts = torch.unique(score, return_inverse=True, return_counts=True)
    rank = (counts.cumsum(0).double() - (counts.double() - 1) / 2)[inverse]
    positive = y == 1
    n1 = positive.sum().double()
    n0 = len(y) - n1
    return (rank[positive].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)


def signed(name: str, value: float) -> float:
    """The value turned so that smaller is better; NaN is the worst."""
    if value != value:
        return float("inf")
    return -value if name in MAXIMISED else value


def second_metric(task: str) -> str:
    """The metric shown beside the loss."""
    return "rmse" if task == "regression" else "accuracy"
