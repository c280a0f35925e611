"""Networks the check-up's rules were not made with: planted bugs and sound networks of other kinds, written before they were first run."""

import torch
import torch.nn.functional as F
from faulty import Net, case, pictures
from torch import nn


class Tokens(nn.Module):
    """A transformer block over one token a column; sound."""

    rows_first = True

    def __init__(self, spec, info):
        super().__init__()
        self.weight, self.bias = nn.Parameter(0.5 * torch.randn(info.numbers, 16)), nn.Parameter(torch.zeros(info.numbers, 16))
        self.table = nn.Embedding(5, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=self.rows_first)
        self.first, self.second = nn.LayerNorm(16), nn.LayerNorm(16)
        self.feed = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, info.outputs)
        nn.init.normal_(self.head.weight, 0, 0.02)

    def forward(self, x):
        h = torch.cat([x["num"].unsqueeze(2) * self.weight + self.bias, self.table(x["cat"].long())], 1)
        n = self.first(h)
        h = h + self.attention(n, n, n, need_weights=False)[0]
        return self.head((h + self.feed(self.second(h))).mean(1))


class AttentionOverRows(Tokens):
    """batch_first forgotten: rows of the batch attend to each other."""

    rows_first = False


class FrozenEmbedding(Net):
    """from_pretrained freezes by default."""

    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.table = nn.Embedding.from_pretrained(torch.randn(5, 3))


class Residual(nn.Module):
    """Six residual blocks without normalisation; sound."""

    def __init__(self, spec, info):
        super().__init__()
        self.stem = nn.Linear(info.numbers, 32)
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)) for _ in range(6))
        for block in self.blocks:
            nn.init.normal_(block[2].weight, 0, 0.02)
        self.head = nn.Linear(32, info.outputs)
        nn.init.normal_(self.head.weight, 0, 0.02)

    def branch(self, block, h):
        return block(h)

    def forward(self, x):
        h = self.stem(x["num"])
        for block in self.blocks:
            h = h + self.branch(block, h)
        return self.head(h)


class BranchDetached(Residual):
    """The branches never learn; the skip hides it."""

    def branch(self, block, h):
        return block(h).detach()


class HeadsSwappedInEvaluation(Net):
    """Two outputs change places outside training."""

    def forward(self, x):
        out = super().forward(x)
        return out if self.training else out[:, [1, 0, 2]]


class StatisticsOfTheBatch(Net):
    """Batch norm without running statistics: in evaluation, too, a row's answer depends on its neighbours."""

    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.norm = nn.BatchNorm1d(32, track_running_stats=False)


class RectifiedOutputs(Net):
    """A ReLU behind the head: no score can be negative."""

    def forward(self, x):
        return torch.relu(super().forward(x))


class AllZero(Net):
    """Every layer starts at zero: no unit ever differs from its neighbour."""

    def __init__(self, spec, info):
        super().__init__(spec, info)
        for layer in (self.a, self.b, self.head):
            nn.init.zeros_(layer.weight)


class FirstStepOnly(nn.Module):
    """A recurrent network that reads its output before it has read the picture."""

    at = 0

    def __init__(self, spec, info):
        super().__init__()
        self.cell, self.head = nn.GRU(8, 24, batch_first=True), nn.Linear(24, info.outputs)
        nn.init.normal_(self.head.weight, 0, 0.02)

    def forward(self, x):
        out, _ = self.cell(x["image"].to(self.head.weight.dtype).squeeze(1) / 16)
        return self.head(out[:, self.at])


class Gated(FirstStepOnly):
    """The same, reading the last step; sound."""

    at = -1


class TiedDepth(nn.Module):
    """One block used three times on purpose, with group norm; sound."""

    def __init__(self, spec, info):
        super().__init__()
        self.stem, self.norm, self.block, self.head = nn.Linear(info.numbers, 32), nn.GroupNorm(4, 32), nn.Linear(32, 32), nn.Linear(32, info.outputs)
        nn.init.normal_(self.head.weight, 0, 0.02)

    def forward(self, x):
        h = self.stem(x["num"])
        for _ in range(3):
            h = h + torch.relu(self.block(self.norm(h)))
        return self.head(h)


class Squeezed(Net):
    """Hidden values clamped to next to nothing."""

    def body(self, h):
        return super().body(h).clamp(0, 0.001)


class HardChoice(Net):
    """An arg max inside: nothing before it can learn."""

    def body(self, h):
        h = super().body(h)
        return F.one_hot(h.argmax(1), 32).to(h.dtype)


class Smooth(Net):
    """Soft-plus units; sound."""

    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.act = nn.Softplus()


class Sets(nn.Module):
    """Mean and maximum over the columns as a set; sound."""

    def __init__(self, spec, info):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(info.numbers, 16)), nn.Parameter(torch.randn(info.numbers, 16))
        self.each, self.head = nn.Sequential(nn.Linear(16, 32), nn.SiLU(), nn.Linear(32, 32)), nn.Linear(64, info.outputs)
        nn.init.normal_(self.head.weight, 0, 0.02)

    def forward(self, x):
        h = self.each(x["num"].unsqueeze(2) * self.weight + self.bias)
        return self.head(torch.cat([h.mean(1), h.amax(1)], 1))


def _offset(out, y):
    """Labels read one class too far."""
    return F.cross_entropy(out, (y + 1) % 3)


def _padded(out, y):
    """The mean runs over the whole batch although the second half is masked away."""
    mask = (torch.arange(len(y)) < len(y) // 2).to(out.dtype)
    return (F.cross_entropy(out, y, reduction="none") * mask).mean()


def _image_case(build):
    data, info = pictures()
    return case(build, data=data, info=info, lr=1e-2)


LATER_BUGS = {
    "attention over rows": lambda: case(AttentionOverRows),
    "embedding frozen by mistake": lambda: case(FrozenEmbedding),
    "residual branches detached": lambda: case(BranchDetached),
    "outputs swapped in evaluation": lambda: case(HeadsSwappedInEvaluation),
    "batch norm without running statistics": lambda: case(StatisticsOfTheBatch),
    "rectified outputs": lambda: case(RectifiedOutputs),
    "every layer starts at zero": lambda: case(AllZero),
    "output read after the first step": lambda: _image_case(FirstStepOnly),
    "labels one class too far": lambda: case(Net, loss=_offset),
    "half of the rows masked, mean over all": lambda: case(Net, loss=_padded),
    "hidden values squeezed": lambda: case(Squeezed),
    "arg max inside": lambda: case(HardChoice),
    "loss divided by the rows twice": lambda: case(Net, loss=lambda out, y: F.cross_entropy(out, y) / len(y)),
}

LATER_SOUND = {
    "transformer over columns": lambda: case(Tokens),
    "gated recurrent": lambda: _image_case(Gated),
    "residual without norm": lambda: case(Residual),
    "tied depth with group norm": lambda: case(TiedDepth),
    "soft-plus units": lambda: case(Smooth),
    "columns as a set": lambda: case(Sets),
}
