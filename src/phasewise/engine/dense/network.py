"""Forward and backward pass of N stacked dense networks: batched products into kept buffers, no autograd (anchors 2.2, 4)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from phasewise.engine.dense.activations import TABLE
from phasewise.engine.dense.layout import ALIGNED, Layout, Store, aligned, apart
from phasewise.engine.dense.module import DenseNet

BN_MOMENTUM, BN_EPS = 0.1, 1e-5


@dataclass(kw_only=True)
class Buffers:
    """Everything a step writes, for N members and B rows; allocated once per batch shape."""

    x: Tensor
    pre: list[Tensor]
    h: list[Tensor]
    mask: list[Tensor]
    grad: list[Tensor]
    norm: list[Tensor]
    rstd: list[Tensor]
    z: Tensor
    dz: Tensor
    dx: Tensor | None


class StackedNet:
    """The arithmetic of a bucket: parameters and gradients live in `Store`s, the shapes in one example module."""

    def __init__(self, net: DenseNet, layout: Layout, n: int, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.layout, self.n, self.device, self.dtype = layout, n, device, dtype
        self.numbers, self.cardinalities = net.info.numbers, net.info.cardinalities
        self.embedded = [t.weight.shape[1] for t in net.embeddings]
        self.sizes = [layer.out_features for layer in net.layers]
        self.inputs = net.layers[0].in_features if len(net.layers) else net.head.in_features
        self.outputs = net.head.out_features
        self.normed = len(net.norms) > 0
        self.activation = TABLE[net.spec.activation]
        self.parameters = Store(layout.parameters, n, device, dtype)
        self.gradients = Store(layout.parameters, n, device, dtype)
        self.statistics = Store(layout.buffers, n, device, dtype)
        self.scale: list[Tensor | None] = [None] * len(self.sizes)
        """Per layer the dropout scale 1/(1-p), [N, 1, 1], or none where no member drops."""
        self.codes_of = [torch.arange(c, device=device) for c in self.cardinalities]
        self.offsets = [torch.arange(n, device=device)[:, None] * c for c in self.cardinalities]

    def buffers(self, b: int, *, training: bool) -> Buffers:
        """Buffers for batches of b rows; for evaluation only what the forward pass needs."""
        n = self.n

        def new(*shape: int) -> Tensor:
            return torch.empty(*shape, device=self.device, dtype=self.dtype)

        def own(*shape: int) -> Tensor:
            """As `new`, for arithmetic that rounds: a member's bits do not depend on how many stand before it."""
            count = math.prod(shape[1:])
            if self.device.type != "cpu" or count % ALIGNED == 0:
                return new(*shape)
            return apart(new(n * aligned(count)), n, count, shape[1:])

        drops = any(s is not None for s in self.scale)
        each = [own(n, b, h) for h in self.sizes]
        keep_pre = training and (self.activation.needs_pre or self.normed)
        out = (n, self.outputs, b) if self.layout.class_major else (n, b, self.outputs)
        return Buffers(
            x=own(n, b, self.inputs), h=each, pre=[own(n, b, h) for h in self.sizes] if keep_pre or self.activation.needs_pre else each,
            mask=[torch.ones(n, b if drops else 0, h, device=self.device, dtype=self.dtype) for h in self.sizes] if training else [],
            grad=[own(n, b, h) for h in self.sizes] if training else [],
            norm=[own(n, b, h) for h in self.sizes] if training and self.normed else [],
            rstd=[new(n, 1, h) for h in self.sizes] if training and self.normed else [],
            z=own(*out), dz=own(*out) if training else new(0),
            dx=new(n, b, sum(self.embedded)) if training and self.embedded else None,
        )

    def gather(self, inputs: dict[str, Tensor], rows: Tensor, to: Buffers) -> None:
        """Fills x [N, b, inputs] from row numbers [N, b], or [1, b] where all members look at the same rows."""
        if rows.shape[0] < self.n and not self.cardinalities:
            to.x = inputs["num"].index_select(0, rows[0]).to(self.dtype)[None].expand(self.n, -1, -1)  # one copy, seen by all
            return
        rows = rows.expand(self.n, -1)
        n, b = rows.shape
        flat, at = rows.reshape(-1), self.numbers
        if self.numbers:
            numbers = inputs["num"]
            if at == self.inputs and numbers.dtype == self.dtype and to.x.is_contiguous():
                torch.index_select(numbers, 0, flat, out=to.x.view(n * b, at))
            else:
                to.x[:, :, :at].copy_(numbers.index_select(0, flat).view(n, b, at))
        if not self.cardinalities:
            return
        codes = inputs["cat"].index_select(0, flat).long().view(n, b, -1)
        for i, c in enumerate(self.cardinalities):
            code = codes[:, :, i]
            if self.embedded:
                table, width = self.parameters[f"embeddings.{i}.weight"], self.embedded[i]
                picked = torch.gather(table, 1, code[:, :, None].expand(n, b, width))
            else:
                width = c
                picked = self._one_hot(code, i)
            to.x[:, :, at : at + width].copy_(picked)
            at += width
        self.codes = codes

    def forward(self, to: Buffers, *, training: bool) -> Tensor:
        """Outputs z from x; `to.mask` must hold this step's dropout masks (0 or 1/(1-p)) where a layer drops."""
        p, h = self.parameters, to.x
        for i in range(len(self.sizes)):
            weight, pre = p[f"layers.{i}.weight"], to.pre[i]
            if self.normed:
                _product(h, weight, pre)
                self._normalise(i, pre, to, training=training)
            else:
                _product(h, weight, pre, plus=p[f"layers.{i}.bias"])
            self.activation.forward(pre, to.h[i])
            h = to.h[i]
            if training and self.scale[i] is not None:
                h.mul_(to.mask[i])
        w, bias = p["head.weight"], p["head.bias"]
        if self.layout.class_major:
            _product(w, h.transpose(1, 2), to.z, plus=bias)
        else:
            _product(h, w, to.z, plus=bias)
        return to.z

    def backward(self, to: Buffers) -> None:
        """Gradients of all parameters from `to.dz`, the gradient of the loss by the outputs."""
        p, g, depth = self.parameters, self.gradients, len(self.sizes)
        last = to.h[-1] if depth else to.x
        dz, upper = to.dz, p["head.weight"]
        if self.layout.class_major:
            _product(dz, last, g["head.weight"])
            torch.sum(dz, 2, keepdim=True, out=g["head.bias"])
            dz = dz.transpose(1, 2)
        else:
            _product(last.transpose(1, 2), dz, g["head.weight"])
            torch.sum(dz, 1, keepdim=True, out=g["head.bias"])
            upper = upper.transpose(1, 2)
        for i in reversed(range(depth)):
            d = _product(dz, upper, to.grad[i])
            self._activation_backward(i, d, to)
            below = to.h[i - 1] if i else to.x
            if self.normed:
                self._normalise_backward(i, d, to)
            else:
                torch.sum(d, 1, keepdim=True, out=g[f"layers.{i}.bias"])
            _product(below.transpose(1, 2), d, g[f"layers.{i}.weight"])
            dz, upper = d, p[f"layers.{i}.weight"].transpose(1, 2)
        if self.embedded:
            assert to.dx is not None
            torch.bmm(dz, upper[:, :, self.numbers :], out=to.dx)
            self._embedding_backward(to.dx)

    def _activation_backward(self, i: int, d: Tensor, to: Buffers) -> None:
        scale = self.scale[i]
        if scale is None:
            self.activation.backward(d, to.pre[i], to.h[i])
        elif not self.activation.needs_pre and self.activation is TABLE["relu"]:
            self.activation.backward(d, to.pre[i], to.h[i])
            d.mul_(scale)
        else:
            d.mul_(to.mask[i])
            kept = to.h[i] if self.activation.needs_pre else torch.where(to.mask[i] > 0, to.h[i] / scale, torch.zeros_like(to.h[i]))
            self.activation.backward(d, to.pre[i], kept)

    def _mean(self, value: Tensor) -> Tensor:
        return value.mean(1, keepdim=True)

    def _normalise(self, i: int, pre: Tensor, to: Buffers, *, training: bool) -> None:
        mean_kept, var_kept = self.statistics[f"norms.{i}.running_mean"], self.statistics[f"norms.{i}.running_var"]
        gain, shift = self.parameters[f"norms.{i}.weight"], self.parameters[f"norms.{i}.bias"]
        if not training:
            pre.sub_(mean_kept).mul_((var_kept + BN_EPS).rsqrt_()).mul_(gain).add_(shift)
            return
        b = pre.shape[1]
        mean = self._mean(pre)
        centred = torch.sub(pre, mean, out=to.norm[i])
        var = self._mean(torch.mul(centred, centred, out=pre))
        torch.rsqrt(var + BN_EPS, out=to.rstd[i])
        centred.mul_(to.rstd[i])
        torch.mul(centred, gain, out=pre)
        pre.add_(shift)
        mean_kept.lerp_(mean, BN_MOMENTUM)
        var_kept.lerp_(var.mul_(b / max(1, b - 1)), BN_MOMENTUM)

    def _normalise_backward(self, i: int, d: Tensor, to: Buffers) -> None:
        g, gain, norm = self.gradients, self.parameters[f"norms.{i}.weight"], to.norm[i]
        shift = torch.sum(d, 1, keepdim=True, out=g[f"norms.{i}.bias"])
        scaled = torch.mul(d, norm, out=to.pre[i] if to.pre[i] is not to.h[i] else None)
        gains = torch.sum(scaled, 1, keepdim=True, out=g[f"norms.{i}.weight"])
        b = d.shape[1]
        d.sub_(shift / b).sub_(norm.mul_(gains / b)).mul_(gain * to.rstd[i])

    def _one_hot(self, code: Tensor, i: int) -> Tensor:
        return (code[:, :, None] == self.codes_of[i]).to(self.dtype)

    def _embedding_backward(self, dx: Tensor) -> None:
        at = 0
        for i, (c, width) in enumerate(zip(self.cardinalities, self.embedded, strict=True)):
            grad = self.gradients[f"embeddings.{i}.weight"]
            part, code = dx[:, :, at : at + width], self.codes[:, :, i]
            if self.device.type == "cuda":
                hot = self._one_hot(code, i) if c <= 256 else None
                if hot is not None:
                    grad.copy_(torch.bmm(hot.transpose(1, 2), part))
                else:
                    table = torch.zeros(self.n * c, width, device=self.device, dtype=self.dtype)
                    table.index_put_(((code + self.offsets[i]).reshape(-1),), part.reshape(-1, width), accumulate=True)
                    grad.copy_(table.view(self.n, c, width))
            else:
                table = torch.zeros(self.n * c, width, dtype=self.dtype)
                table.index_add_(0, (code + self.offsets[i]).reshape(-1), part.reshape(-1, width))
                grad.copy_(table.view(self.n, c, width))
            at += width


def _product(a: Tensor, b: Tensor, out: Tensor, *, plus: Tensor | None = None) -> Tensor:
    """`plus` + a b per member into `out`: one batched call where the members lie side by side, else one call each, also where there is only one."""
    if out.device.type != "cpu" or out.shape[1] * out.shape[2] % ALIGNED == 0:
        return torch.bmm(a, b, out=out) if plus is None else torch.baddbmm(plus, a, b, out=out)
    for n, one in enumerate(out):
        if plus is None:
            torch.mm(a[n], b[n], out=one)
        else:
            torch.addmm(plus[n], a[n], b[n], out=one)
    return out
