"""Loss and its gradient by the outputs for N stacked networks: closed forms for the common losses, autograd on the outputs for the rest."""

from collections.abc import Sequence

import torch
from torch import Tensor

from phasewise.engine import losses
from phasewise.engine.losses import Loss
from phasewise.engine.member import Member
from phasewise.engine.population import Setting


class StackedLoss:
    """Fills `dz` and returns the losses [N]; equal to `engine.losses` applied member by member."""

    def __init__(self, members: Sequence[Member], setting: Setting, *, class_major: bool, dtype: torch.dtype = torch.float32) -> None:
        data, device = setting.data, setting.device
        self.cdim = 1 if class_major else 2
        self.each: list[Loss] = [losses.loss_fn(m.config.train, data, m.train) for m in members]
        names = {loss.name for loss in self.each}
        self.closed = names.pop() if len(names) == 1 and names <= {"cross_entropy", "bce", "mse"} else ""
        smooth = [m.config.train.label_smoothing for m in members]
        self.smooth = torch.tensor(smooth, dtype=dtype, device=device).view(-1, 1, 1) if any(smooth) else None
        self.less = torch.full((1, 1, 1), -1.0, dtype=dtype, device=device)
        weights = [loss.class_weights for loss in self.each]
        self.weights = None if any(w is None for w in weights) else torch.stack([w for w in weights if w is not None]).to(device, dtype)
        if self.weights is None and any(w is not None for w in weights):
            self.closed = ""

    def __call__(self, z: Tensor, y: Tensor, dz: Tensor) -> Tensor:
        """Outputs z [N, C, B] or [N, B, C], targets y [N, B]."""
        if not self.closed:
            return self._by_autograd(z, y, dz)
        b = y.shape[1]
        share = None if self.weights is None else self._row_weights(y)
        if self.closed == "cross_entropy":
            rows = self._cross_entropy(z, y, dz)
        else:
            rows = self._bce(z, y, dz) if self.closed == "bce" else self._mse(z, y, dz)
        if share is None:
            dz.mul_(1.0 / b)
            return rows.mean(1)
        dz.mul_(share.unsqueeze(self.cdim))
        return (rows * share).sum(1)

    def _row_weights(self, y: Tensor) -> Tensor:
        assert self.weights is not None
        w = torch.gather(self.weights, 1, y.long())
        return w / w.sum(1, keepdim=True)

    def _cross_entropy(self, z: Tensor, y: Tensor, dz: Tensor) -> Tensor:
        d, classes, at = self.cdim, z.shape[self.cdim], y.unsqueeze(self.cdim)
        logp = torch.log_softmax(z, d)
        picked = logp.gather(d, at).neg_().squeeze(d)
        torch.exp(logp, out=dz)
        if self.smooth is None:
            dz.scatter_add_(d, at, self.less.expand_as(at))
            return picked
        hot = (self.smooth - 1).expand_as(at)
        dz.scatter_add_(d, at, hot).sub_(self.smooth / classes)
        spread = logp.mean(d).neg_()
        s = self.smooth.squeeze(2)
        return picked.mul_(1 - s) + spread.mul_(s)

    def _bce(self, z: Tensor, y: Tensor, dz: Tensor) -> Tensor:
        target, score = y.to(z.dtype), z.squeeze(self.cdim)
        if self.smooth is not None:
            s = self.smooth.squeeze(2)
            target = target * (1 - s) + s / 2
        # Exp and log1p give a number the same bits wherever it stands in memory; sigmoid and log-sigmoid do not: the last
        # few numbers of a block take another path, and a member's numbers are the last ones only when it trains alone (C7).
        torch.exp(torch.neg(z, out=dz), out=dz).add_(1.0).reciprocal_()
        dz.squeeze(self.cdim).sub_(target)
        spread = torch.exp(score.abs().neg_()).log1p_()
        return spread.add_(score.clamp_min(0)).sub_(score * target)

    def _mse(self, z: Tensor, y: Tensor, dz: Tensor) -> Tensor:
        gap = z.squeeze(self.cdim) - y
        torch.mul(gap.unsqueeze(self.cdim), 2.0, out=dz)
        return gap.square_()

    def _by_autograd(self, z: Tensor, y: Tensor, dz: Tensor) -> Tensor:
        out = []
        for n, loss in enumerate(self.each):
            with torch.enable_grad():
                leaf = (z[n].t() if self.cdim == 1 else z[n]).detach().clone(memory_format=torch.contiguous_format).requires_grad_()
                value = loss(leaf, y[n].to(leaf.dtype) if y.is_floating_point() else y[n])
                (gradient,) = torch.autograd.grad(value, leaf)
            dz[n].copy_(gradient.t() if self.cdim == 1 else gradient)
            out.append(value.detach())
        return torch.stack(out)
