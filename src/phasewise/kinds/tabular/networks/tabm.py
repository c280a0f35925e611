"""TabM: k networks in one that share weights and differ by rank-1 adapters (Gorishniy 2024, arXiv 2410.24210)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from phasewise.engine.native import calls
from phasewise.kinds.tabular.networks import ensemble
from phasewise.kinds.tabular.networks.compiled import tabm as compiled
from phasewise.kinds.tabular.networks.dropout import ReluDropout
from phasewise.kinds.tabular.networks.workspace import Pool, nobody_looks


class AdaptedLinear(nn.Module):
    """A linear layer shared by k members; each scales its inputs (`r`), its outputs (`s`) and has its own bias.

    Input `[k, n, in]` (or `[n, in]` for the first layer), output `[k, n, out]`. The adapters are multiplied into k copies of the
    weight instead of into the activations: with hundreds of rows a batch and widths near 128 that is a fraction of the memory traffic.
    """

    def __init__(self, inputs: int, outputs: int, members: int, *, chunks: list[int] | None = None, signs: bool = False) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter((torch.rand(inputs, outputs) * 2 - 1) * bound)
        self.bias = nn.Parameter(((torch.rand(outputs) * 2 - 1) * bound).repeat(members, 1))
        if chunks is None:
            start = torch.ones(members, inputs)
        else:
            draws = torch.randint(0, 2, (members, len(chunks))) * 2.0 - 1 if signs else torch.randn(members, len(chunks))
            start = draws.repeat_interleave(torch.tensor(chunks), dim=1)
        self.r = nn.Parameter(start)
        self.s = nn.Parameter(torch.ones(members, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Members side by side on dimension 0."""
        adapted = self.weight * torch.bmm(self.r.unsqueeze(2), self.s.unsqueeze(1))
        if x.dim() == 2:
            x = x.expand(len(self.r), -1, -1)
        return torch.baddbmm(self.bias.unsqueeze(1), x, adapted)


class TabM(nn.Module):
    """Front, adapted layers with ReLU and dropout, and k separate heads.

    Training output `[n, k, outputs]`: every member is trained on its own loss. Evaluation output `[n, outputs]`: the raw output whose
    probability (or value) is the mean over members, so that whoever reads it needs to know nothing of k.
    """

    compiled_steps = True
    """Loss and update of its steps may be compiled too (engine/native/single.py)."""

    def __init__(self, front: nn.Module, hidden: list[int], dropout: list[float], outputs: int, members: int, *, signs: bool = False) -> None:
        super().__init__()
        self.front = front
        self.members, self.outputs = members, outputs
        widths = [front.features, *hidden]
        self.layers = nn.ModuleList(
            AdaptedLinear(a, b, members, chunks=front.chunks if i == 0 else None, signs=signs)
            for i, (a, b) in enumerate(zip(widths[:-1], widths[1:], strict=True))
        )
        self.drops = nn.ModuleList(ReluDropout(p) for p in dropout)
        bound = 1 / math.sqrt(widths[-1])
        self.head = nn.Parameter((torch.rand(members, widths[-1], outputs) * 2 - 1) * bound)
        self.head_bias = nn.Parameter((torch.rand(members, 1, outputs) * 2 - 1) * bound)
        self.classifies = True
        self.pool = Pool()

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Per member while training, combined in evaluation."""
        x = self.front(inputs)
        x = self._by_hand(x) if nobody_looks(x, self.head, (*self.layers, *self.drops)) else self._by_modules(x)
        return x if self.training else combine(x, classifies=self.classifies)

    def _by_modules(self, x: Tensor) -> Tensor:
        for layer, drop in zip(self.layers, self.drops, strict=True):
            x = drop(layer(x))
        return torch.baddbmm(self.head_bias, x, self.head).transpose(0, 1)

    def _by_hand(self, x: Tensor) -> Tensor:
        parameters = [p for layer in self.layers for p in (layer.weight, layer.bias, layer.r, layer.s)] + [self.head, self.head_bias]
        rates = [drop.p if drop.training else 0.0 for drop in self.drops]
        x = x.contiguous()
        way = compiled if self.layers and calls.fits((x, *parameters)) else ensemble
        if torch.is_grad_enabled():
            return way.Body.apply(self.pool, rates, x, *parameters)
        return way.forward_only(self.pool, rates, x, parameters)


def combine(outputs: Tensor, *, classifies: bool) -> Tensor:
    """Raw outputs `[n, k, c]` of k members to `[n, c]`: mean value, or logits of the mean probability."""
    if not classifies:
        return outputs.mean(dim=1)
    k = math.log(outputs.shape[1])
    if outputs.shape[2] == 1:
        yes = torch.logsumexp(functional.logsigmoid(outputs), dim=1) - k
        no = torch.logsumexp(functional.logsigmoid(-outputs), dim=1) - k
        return yes - no
    by_class = outputs.permute(2, 1, 0)  # a softmax over the first dimension is many times faster than one over a last of few classes
    return (torch.logsumexp(functional.log_softmax(by_class, dim=0), dim=1) - k).t()
