"""Widths of category tables (N05) and embeddings of numeric columns: piecewise linear and periodic (arXiv 2203.05556)."""

import math

import torch
from torch import Tensor, nn

from phasewise.engine.dense.module import embedding_size
from phasewise.engine.native import calls
from phasewise.kinds.tabular.networks import periodic
from phasewise.kinds.tabular.networks.compiled import bins as compiled_bins
from phasewise.kinds.tabular.networks.compiled import periodic as compiled_periodic
from phasewise.kinds.tabular.networks.workspace import Pool, nobody_looks

QUANTILES = 193
"""Rows of the quantile table: 192 steps divide evenly into 8, 16, 24, 32, 48, 64 and 96 bins."""


def width(levels: int, rule: str = "fastai") -> int:
    """Embedding width for a column with `levels` levels, the unknown one counted (N05): one rule for all families."""
    return embedding_size(levels, rule)


def statistics(num: Tensor) -> dict[str, Tensor]:
    """What the numeric embeddings need to know of the TRAINING rows `[n, d]`: `quantiles` and `bins`, float32 `[QUANTILES, d]`.

    `quantiles` are plain. `bins` are quantiles in which no single value counts for more than one step of the table: a column that is
    0 in nine rows of ten (capital gains) still gets its bins where the other rows lie.
    """
    tables = [(_quantiles(column), _quantiles(_capped(column), between=False)) for column in num.detach().cpu().to(torch.float64).t()]
    if not tables:
        return {"quantiles": torch.empty(QUANTILES, 0), "bins": torch.empty(QUANTILES, 0)}
    return {"quantiles": torch.stack([q for q, _ in tables], 1).float(), "bins": torch.stack([b for _, b in tables], 1).float()}


def _capped(column: Tensor) -> Tensor:
    values, counts = column.unique(return_counts=True)
    return values.repeat_interleave(counts.clamp_max(max(1, len(column) // (QUANTILES - 1))))


def _quantiles(column: Tensor, *, between: bool = True) -> Tensor:
    """Quantiles of a column, interpolated, or (`between=False`) values that occur: a 0/1 flag must not get an edge in the middle."""
    ordered = column.sort().values
    place = torch.linspace(0, 1, QUANTILES, dtype=torch.float64) * (len(ordered) - 1)
    low, high = place.floor().long(), place.ceil().long()
    return ordered[low].lerp(ordered[high], place - low) if between else ordered[place.round().long()]


def table(info, name: str = "quantiles") -> Tensor:
    """A table of an `InputInfo`'s statistics `[QUANTILES, d]`; without one the numbers are taken as standard normal."""
    found = (info.stats or {}).get(name)
    if found is not None:
        return found.detach().cpu().float()
    levels = torch.linspace(0.0005, 0.9995, QUANTILES, dtype=torch.float64)
    return torch.special.ndtri(levels).float().unsqueeze(1).repeat(1, info.numbers)


class RobustScale(nn.Module):
    """(x - median) / interquartile range, then the smooth clip x / sqrt(1 + (x/3)^2) (RealMLP, arXiv 2407.04491 section 3).

    A column whose quartiles coincide is scaled by half its range; a constant column becomes 0.
    """

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        quarter = (QUANTILES - 1) // 4
        spread = table[3 * quarter] - table[quarter]
        spread = torch.where(spread > 0, spread, (table[-1] - table[0]) / 2)
        self.register_buffer("center", table[2 * quarter].clone())
        self.register_buffer("factor", torch.where(spread > 0, 1 / spread, torch.zeros_like(spread)))
        self.features = table.shape[1]
        self.chunks = [1] * self.features

    def forward(self, x: Tensor) -> Tensor:
        """`[n, d]` to `[n, d]` within (-3, 3)."""
        if not x.requires_grad and nobody_looks(x, self.center, ()) and x.shape[1] == self.features:
            x = x.contiguous()
            if calls.fits((x, self.center, self.factor)):
                return compiled_periodic.scaled(x, self.center, self.factor)
        scaled = (x - self.center) * self.factor
        return scaled / torch.sqrt(1 + (scaled / 3) ** 2)


class Periodic(nn.Module):
    """PBLD: x next to a small linear map of cos(2 pi (w x + b)), `size` numbers a column (arXiv 2407.04491; 2203.05556).

    Frequencies start N(0, sigma^2), phases uniform; both move at a tenth of the network's rate through `RATE`,
    a re-parametrisation that under Adam equals a learning-rate factor.
    """

    RATE = 0.1

    def __init__(self, numbers: int, *, size: int = 4, hidden: int = 16, sigma: float = 0.1) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.randn(numbers, 1, hidden) * sigma / self.RATE)
        self.phase = nn.Parameter((torch.rand(numbers, 1, hidden) * 2 - 1) * math.pi / self.RATE)
        bound = 1 / math.sqrt(hidden)
        self.weight = nn.Parameter((torch.rand(numbers, hidden, size - 1) * 2 - 1) * bound / self.RATE)
        self.bias = nn.Parameter((torch.rand(numbers, 1, size - 1) * 2 - 1) * bound / self.RATE)
        self.features = numbers * size
        self.chunks = [size] * numbers
        self.pool = Pool()

    def forward(self, x: Tensor) -> Tensor:
        """`[n, d]` to `[n, d * size]`."""
        if not x.requires_grad and nobody_looks(x, self.weight, ()):
            x, parameters = x.contiguous(), (self.frequency, self.phase, self.weight, self.bias)
            if compiled_periodic.fits(x, *parameters):
                return compiled_periodic.embedded(self.RATE, x, *parameters)
            return periodic.embedded(self.pool, self.RATE, x, *parameters)
        column = x.t().unsqueeze(2)
        wave = torch.cos(2 * math.pi * self.RATE * self.frequency * column + self.RATE * self.phase)
        mapped = torch.baddbmm(self.RATE * self.bias, wave, self.RATE * self.weight)
        return torch.cat((column, mapped), dim=2).permute(1, 0, 2).reshape(x.shape[0], -1)


class PiecewiseLinear(nn.Module):
    """Piecewise-linear encoding over quantile bins and a linear map per column (version B of arXiv 2203.05556's authors).

    Output = linear(x) + linear0(encoding), the second map starting at zero, so that training starts from a plain linear embedding.
    `table` are the plain quantiles `[QUANTILES, d]` (centre and spread), `places` those the bin edges are picked from.
    Columns with at most two distinct bin edges (flags, one-hot columns) pass as one scaled number.
    """

    def __init__(self, table: Tensor, places: Tensor, *, size: int = 16, bins: int = 48) -> None:
        super().__init__()
        picks = torch.linspace(0, QUANTILES - 1, bins + 1).round().long()
        edges = [torch.unique(column) for column in places[picks].t()]
        rich = [j for j, e in enumerate(edges) if len(e) > 2]
        flat = [j for j, e in enumerate(edges) if len(e) <= 2]
        self.register_buffer("rich", torch.tensor(rich, dtype=torch.long), persistent=False)
        self.register_buffer("flat", torch.tensor(flat, dtype=torch.long), persistent=False)
        low = torch.zeros(len(rich), 1, bins)
        inverse = torch.zeros(len(rich), 1, bins)
        floor = torch.zeros(len(rich), 1, bins)
        ceiling = torch.ones(len(rich), 1, bins)
        for row, j in enumerate(rich):
            e = edges[j]
            low[row, 0, : len(e) - 1] = e[:-1]
            inverse[row, 0, : len(e) - 1] = 1 / (e[1:] - e[:-1])
            floor[row, 0, 0] = -math.inf
            ceiling[row, 0, len(e) - 2] = math.inf
        for name, value in (("low", low), ("inverse", inverse), ("floor", floor), ("ceiling", ceiling)):
            self.register_buffer(name, value)
        wide = table[-1] - table[0]
        middle, half = (table[-1] + table[0]) / 2, wide / 2
        self.register_buffer("middle", middle[flat])
        self.register_buffer("scale", torch.where(half > 0, 1 / half, torch.zeros_like(half))[flat])
        mean = table.mean(dim=0)
        spread = table.std(dim=0)
        self.register_buffer("center", mean[rich].reshape(-1, 1, 1))
        self.register_buffer("factor", torch.where(spread > 0, 1 / spread, spread)[rich].reshape(-1, 1, 1))
        self.linear = nn.Parameter((torch.rand(len(rich), 1, size) * 2 - 1) / math.sqrt(size))
        self.bias = nn.Parameter((torch.rand(len(rich), 1, size) * 2 - 1) / math.sqrt(size))
        self.weight = nn.Parameter(torch.zeros(len(rich), bins, size))
        self.features = len(rich) * size + len(flat)
        self.chunks = [size] * len(rich) + [1] * len(flat)
        self.pool = Pool()

    def encode(self, x: Tensor) -> Tensor:
        """The encoding alone: `[n, d]` to `[rich columns, n, bins]`; 1 below the value's bin, a fraction in it, 0 above."""
        column = x[:, self.rich].t().unsqueeze(2)
        if x.requires_grad or torch.compiler.is_compiling() or torch.jit.is_tracing():
            return torch.clamp((column - self.low) * self.inverse, self.floor, self.ceiling)
        return (column - self.low).mul_(self.inverse).clamp_(self.floor, self.ceiling)  # one fresh array instead of three

    def forward(self, x: Tensor) -> Tensor:
        """`[n, d]` to `[n, features]`."""
        if not x.requires_grad and nobody_looks(x, self.weight, ()):
            plain, fixed = x.contiguous(), {name: getattr(self, name) for name in (*compiled_bins.PLACES, *compiled_bins.FIXED)}
            if compiled_bins.fits(plain, fixed, self.linear, self.bias, self.weight):
                return compiled_bins.embedded(self.pool, fixed, plain, self.linear, self.bias, self.weight)
        parts = []
        if len(self.rich):
            column = (x[:, self.rich].t().unsqueeze(2) - self.center) * self.factor
            mapped = torch.baddbmm(column * self.linear + self.bias, self.encode(x), self.weight)
            parts.append(mapped.permute(1, 0, 2).reshape(x.shape[0], -1))
        if len(self.flat):
            parts.append((x[:, self.flat] - self.middle) * self.scale)
        return torch.cat(parts, dim=1)
