"""A network with its numeric preparation as one torch module, so that what is exported includes the preparation (X13)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from phasewise.kinds.tabular.preparing import Preparing
from phasewise.kinds.tabular.scaling import LIMIT, Numbers

_A = (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3)
_B = (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3)
_C = (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4)
_D = (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9)
_E = (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7)
_F = (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15)


def _poly(x: Tensor, coefficients: Tensor) -> Tensor:
    out = torch.zeros_like(x) + coefficients[-1]
    for place in range(len(coefficients) - 2, -1, -1):
        out = out * x + coefficients[place]
    return out


class NormalQuantile(nn.Module):
    """Inverse of the standard normal distribution, float64 (Wichura 1988, AS 241): sums, products, log and root only.

    Constants are float64 buffers because the ONNX exporter writes Python numbers as float32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.tensor((_A, _B, _C, _D, _E, _F), dtype=torch.float64))
        self.register_buffer("special", torch.tensor((0.5, 0.180625, 1.6, 5.0, 0.425, 1e-7, 1 - 1e-7), dtype=torch.float64))

    def forward(self, p: Tensor) -> Tensor:
        """Levels clipped to [1e-7, 1 - 1e-7] -> normal quantiles."""
        half, inner, shift, far, edge, low, high = self.special.unbind()
        p = torch.minimum(torch.maximum(p, low), high)
        q = p - half
        r = inner - q * q
        a, b, c, d, e, f = self.table.unbind()
        tail = torch.sqrt(-torch.log(torch.minimum(p, half + half - p)))
        outer = torch.where(tail <= far, _poly(tail - shift, c) / _poly(tail - shift, d), _poly(tail - far, e) / _poly(tail - far, f))
        return torch.where(q.abs() <= edge, q * _poly(r, a) / _poly(r, b), torch.where(q < 0, -outer, outer))


class NumberStep(nn.Module):
    """Raw numbers float64 [n, d] (NaN where missing) -> float32 [n, features], the torch twin of `scaling.transform_numbers`."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self.scaler, self.indicators, self.has_pca = numbers.scaler, list(numbers.indicators), bool(numbers.components)
        for name in ("median", "center", "scale", "mean"):
            self.register_buffer(name, torch.tensor(getattr(numbers, name), dtype=torch.float64))
        self.register_buffer("components", torch.tensor(numbers.components, dtype=torch.float64).reshape(-1, len(numbers.names)))
        self.quantile = NormalQuantile()
        if numbers.references:
            tables = [_knots(np.asarray(r)) for r in numbers.references]
            longest = max(len(t[0]) for t in tables)
            for place, name in enumerate(("knots", "low", "high")):
                rows = [np.concatenate([t[place], np.full(longest - len(t[place]), np.inf if place == 0 else 1.0)]) for t in tables]
                self.register_buffer(name, torch.from_numpy(np.stack(rows)))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        missing = torch.isnan(x) | torch.isinf(x)
        filled = torch.where(missing, self.median, x)
        scaled = self._to_normal(filled) if self.scaler == "quantile" else (filled - self.center) / self.scale
        scaled = torch.clamp(scaled, -LIMIT, LIMIT)
        if self.has_pca:
            scaled = (scaled - self.mean) @ self.components.t()
        parts = [scaled] + [missing[:, i : i + 1].to(torch.float64) for i in self.indicators]
        return torch.cat(parts, dim=1).to(torch.float32)

    def _to_normal(self, x: Tensor) -> Tensor:
        wide = x.t().contiguous()
        at = torch.clamp((wide.unsqueeze(2) >= self.knots.unsqueeze(1)).sum(dim=2) - 1, min=0)
        after = torch.clamp(at + 1, max=self.knots.shape[1] - 1)
        here, there = torch.gather(self.knots, 1, at), torch.gather(self.knots, 1, after)
        low, high, next_low = torch.gather(self.low, 1, at), torch.gather(self.high, 1, at), torch.gather(self.low, 1, after)
        inside = torch.isfinite(there) & (there > here)
        width = torch.where(inside, there - here, torch.ones_like(here))
        between = high + (wide - here) / width * (next_low - high)
        level = torch.where(wide == here, (low + high) / 2, torch.where(inside, between, torch.ones_like(here)))
        level = torch.where(wide < here, torch.zeros_like(level), level)
        return self.quantile(level).t()


def _knots(quantiles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct quantiles with the first and last level of each."""
    levels = np.linspace(0, 1, len(quantiles))
    values, first, counts = np.unique(quantiles, return_index=True, return_counts=True)
    return values, levels[first], levels[first + counts - 1]


class Scorer(nn.Module):
    """`forward(num, cat)`: raw numbers float64 [n, D] and level codes int64 [n, C] -> probabilities [n, k] or values [n, 1], float64.

    Codes count from 1 in `vocabulary` (0: unseen or missing); members with other levels of their own get their codes by a table.
    """

    def __init__(self, members: Sequence[tuple[Preparing, nn.Module]], weights: Sequence[float]) -> None:
        super().__init__()
        first = members[0][0]
        self.task, self.names = first.target.task, list(first.numbers.names)
        self.weights = [float(w) / sum(weights) for w in weights]
        self.vocabulary = {n: sorted({v for p, _ in members for v in p.levels[n]}) for n in first.levels}
        self.steps = nn.ModuleList(NumberStep(p.numbers) for p, _ in members)
        self.nets = nn.ModuleList(net for _, net in members)
        self.scales = [(p.target.mean, p.target.std, p.target.log) for p, _ in members]
        for i, (p, _) in enumerate(members):
            for j, (name, words) in enumerate(self.vocabulary.items()):
                place = {v: k + 1 for k, v in enumerate(p.levels[name])}
                self.register_buffer(f"codes_{i}_{j}", torch.tensor([0, *(place.get(v, 0) for v in words)], dtype=torch.int64))

    def forward(self, num: Tensor, cat: Tensor) -> Tensor:
        """See the class."""
        total: Any = 0.0
        for i, net in enumerate(self.nets):
            inputs = {}
            if self.names:
                inputs["num"] = self.steps[i](num)
            if self.vocabulary:
                columns = [torch.index_select(getattr(self, f"codes_{i}_{j}"), 0, cat[:, j]) for j in range(len(self.vocabulary))]
                inputs["cat"] = torch.stack(columns, dim=1)
            total = total + self.weights[i] * self._answer(net(inputs).to(torch.float64), i)
        return total

    def _answer(self, raw: Tensor, member: int) -> Tensor:
        if self.task == "regression":
            mean, std, log = self.scales[member]
            values = (raw.mean(dim=1) if raw.dim() == 3 else raw) * std + mean
            return torch.exp(torch.clamp(values, -50, 50)) - 1 if log else values
        if self.task == "binary" and raw.shape[-1] == 1:
            positive = torch.sigmoid(raw)
            proba = torch.cat([1 - positive, positive], dim=-1)
        else:
            proba = torch.softmax(raw, dim=-1)
        return proba.mean(dim=1) if proba.dim() == 3 else proba


def arrays(scorer: Scorer, preparing: Preparing, table: Any) -> tuple[np.ndarray, np.ndarray]:
    """What `Scorer.forward` takes, from a table with roles cast: float64 [n, D] and int64 [n, C]."""

    numbers, categories = preparing.features(table)
    num = np.stack([numbers[n] for n in scorer.names], axis=1) if scorer.names else np.zeros((table.height, 0))
    codes = [categories[n].replace_strict(words, list(range(1, len(words) + 1)), default=0).fill_null(0).to_numpy().astype(np.int64) if words else np.zeros(table.height, np.int64) for n, words in scorer.vocabulary.items()]
    return num, np.stack(codes, axis=1) if codes else np.zeros((table.height, 0), np.int64)
