"""A RealMLP-like network (Holzmueller 2024, arXiv 2407.04491): scaling layer, NTK parametrisation, parametric activation.

Learning-rate factors of the paper (scaling 6, biases 0.1, activations 0.1, numeric embeddings 0.1) are re-parametrisations: a parameter
stored divided by f and used multiplied by f moves f times as fast under Adam. So any optimiser loop trains it as it stands.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from phasewise.engine.native import calls
from phasewise.kinds.tabular.networks import realmlp_body
from phasewise.kinds.tabular.networks.compiled import realmlp as compiled
from phasewise.kinds.tabular.networks.dropout import Dropout
from phasewise.kinds.tabular.networks.realmlp_body import ACTIVATION_RATE, BIAS_RATE, SCALE_RATE
from phasewise.kinds.tabular.networks.workspace import Pool, nobody_looks


class Scaling(nn.Module):
    """One learned factor per feature, starting at 1: a soft feature selection."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((features,), 1 / SCALE_RATE))

    def forward(self, x: Tensor) -> Tensor:
        """`[n, f]` to `[n, f]`."""
        return x * (SCALE_RATE * self.factor)


class NtkLinear(nn.Module):
    """x W / sqrt(fan-in) + b with W from N(0, 1): the step size does not depend on the width; the last layer starts at zero."""

    def __init__(self, inputs: int, outputs: int, *, zero: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs) if zero else torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs) if zero else torch.randn(outputs) / BIAS_RATE)
        self.gain = 1 / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """`[n, in]` to `[n, out]`."""
        return functional.linear(x * self.gain, self.weight, BIAS_RATE * self.bias)


class ParametricActivation(nn.Module):
    """x + a (f(x) - x) with a learned per unit, starting at 1."""

    def __init__(self, features: int, function) -> None:
        super().__init__()
        self.amount = nn.Parameter(torch.full((features,), 1 / ACTIVATION_RATE))
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """`[n, f]` to `[n, f]`."""
        return x + (ACTIVATION_RATE * self.amount) * (self.function(x) - x)


class RealMLP(nn.Module):
    """Robust scaling and PBLD embeddings in front, then scaling layer, hidden layers with dropout, and a head that starts at zero."""

    compiled_steps = True
    """Loss and update of its steps may be compiled too (engine/native/single.py)."""

    def __init__(self, front: nn.Module, hidden: list[int], dropout: list[float], outputs: int, *, activation: str) -> None:
        super().__init__()
        function = {"selu": functional.selu, "mish": functional.mish}.get(activation) or getattr(functional, activation)
        self.front, self.activation, self.pool = front, activation, Pool()
        blocks: list[nn.Module] = [Scaling(front.features)]
        widths = [front.features, *hidden]
        for a, b, p in zip(widths[:-1], widths[1:], dropout, strict=True):
            blocks += [NtkLinear(a, b), ParametricActivation(b, function), Dropout(p)]
        blocks.append(NtkLinear(widths[-1], outputs, zero=True))
        self.body = nn.Sequential(*blocks)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Raw outputs `[n, outputs]`."""
        x = self.front(inputs)
        by_hand = self.activation in realmlp_body.ACTIVATIONS and nobody_looks(x, self.body[-1].weight, (self.body, *self.body))
        return self._by_hand(x) if by_hand else self.body(x)

    def _by_hand(self, x: Tensor) -> Tensor:
        scaling, *hidden, head = self.body
        linear, activations, drops = hidden[::3], hidden[1::3], hidden[2::3]
        parameters = [scaling.factor, *(p for a, b in zip(linear, activations, strict=True) for p in (a.weight, a.bias, b.amount)), head.weight, head.bias]
        rates = [drop.p if drop.training else 0.0 for drop in drops]
        x = x.contiguous()
        way = compiled if calls.fits((x, *parameters)) else realmlp_body
        if torch.is_grad_enabled():
            return way.Body.apply(self.pool, self.activation, rates, x, *parameters)
        return way.forward_only(self.pool, self.activation, rates, x, parameters)
