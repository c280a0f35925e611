"""Activations and their derivatives for the stacked forward and backward pass, in place where the formula allows."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_aten = torch.ops.aten
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@dataclass(frozen=True, kw_only=True)
class Activation:
    """`forward(pre, out)` fills out; `backward(grad, pre, out)` turns the gradient in place into that of `pre`; `needs_pre` says what must be kept."""

    forward: Callable[[Tensor, Tensor], None]
    backward: Callable[[Tensor, Tensor, Tensor], None]
    needs_pre: bool


def _from_pre(function: Callable[[Tensor], Tensor], gradient: Callable[[Tensor, Tensor], Tensor]) -> Activation:
    """Member by member on a CPU: some of these have several kernels, and which one is taken depends on how the whole lies in memory (C7).

    On a GPU all at once: there a step is bound by the number of its kernels.
    """

    def forward(pre: Tensor, out: Tensor) -> None:
        for one, to in [(pre, out)] if pre.is_cuda else zip(pre, out, strict=True):
            to.copy_(function(one))

    def backward(grad: Tensor, pre: Tensor, out: Tensor) -> None:
        for one, at in [(grad, pre)] if pre.is_cuda else zip(grad, pre, strict=True):
            one.copy_(gradient(one, at))

    return Activation(forward=forward, backward=backward, needs_pre=True)


def _relu_backward(grad: Tensor, pre: Tensor, out: Tensor) -> None:
    _aten.threshold_backward.grad_input(grad, out, 0, grad_input=grad)


TABLE: dict[str, Activation] = {
    "relu": Activation(forward=lambda pre, out: torch.clamp_min(pre, 0, out=out), backward=_relu_backward, needs_pre=False),
    "tanh": Activation(
        forward=lambda pre, out: torch.tanh(pre, out=out), backward=lambda g, pre, out: _aten.tanh_backward.grad_input(g, out, grad_input=g), needs_pre=False,
    ),
    "sigmoid": Activation(
        forward=lambda pre, out: torch.sigmoid(pre, out=out), backward=lambda g, pre, out: _aten.sigmoid_backward.grad_input(g, out, grad_input=g),
        needs_pre=False,
    ),
    "gelu": _from_pre(torch.nn.functional.gelu, _aten.gelu_backward),
    "silu": _from_pre(torch.nn.functional.silu, _aten.silu_backward),
    "mish": _from_pre(torch.nn.functional.mish, _aten.mish_backward),
    "selu": _from_pre(torch.selu, lambda g, pre: _aten.elu_backward(g, _SELU_ALPHA, _SELU_SCALE, 1.0, False, pre)),
}
