"""A plain network of our own for the control without inputs: when it finds nothing either, the data is to blame, not the network (B05)."""

import torch
from torch import Tensor, nn

UNITS, STEPS, LOOK, RATE = 64, 240, 20, 1e-2


class Plain(nn.Module):
    """One hidden layer over all numbers [n, d] and one vector per level of every code [n, c]; outputs [n, outputs]."""

    def __init__(self, inputs: dict[str, Tensor], outputs: int) -> None:
        super().__init__()
        numbers = [x for x in inputs.values() if _numeric(x)]
        flat = torch.cat([x.reshape(len(x), -1).float() for x in numbers], dim=1) if numbers else torch.zeros(1, 0)
        self.register_buffer("mean", flat.mean(dim=0))
        self.register_buffer("scale", flat.std(dim=0).clamp_min(1e-6) if len(flat) > 1 else torch.ones(flat.shape[1]))
        sizes = [int(c.max()) + 2 for x in inputs.values() if not _numeric(x) for c in x.reshape(len(x), -1).T]
        self.first = nn.Linear(flat.shape[1], UNITS)
        self.levels = nn.ModuleList(nn.Embedding(size, UNITS) for size in sizes)
        self.last = nn.Linear(UNITS, outputs)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Unseen codes share the last level."""
        rows = len(next(iter(inputs.values())))
        numbers = [x.reshape(rows, -1).float() for x in inputs.values() if _numeric(x)]
        hidden = self.first((torch.cat(numbers, dim=1) - self.mean) / self.scale if numbers else torch.zeros(rows, 0, device=self.last.weight.device))
        codes = [c for x in inputs.values() if not _numeric(x) for c in x.reshape(rows, -1).T]
        for table, code in zip(self.levels, codes, strict=True):
            hidden = hidden + table(code.long().clamp(0, table.num_embeddings - 1))
        return self.last(hidden.relu())


def _numeric(x: Tensor) -> bool:
    return x.is_floating_point() or x.dtype == torch.uint8


def losses_of(train: tuple[dict[str, Tensor], Tensor], test: tuple[dict[str, Tensor], Tensor], outputs: int, loss: object, *, seed: int) -> Tensor:
    """Loss per unseen row [n] at the best of a few looks; `loss.rows(outputs, y)` gives the loss of every row."""
    torch.manual_seed(seed)
    net = Plain(train[0], outputs).to(train[1].device)
    opt = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-2)
    source = torch.Generator().manual_seed(seed)
    best = torch.full((len(test[1]),), torch.inf, dtype=torch.float64)
    for step in range(1, STEPS + 1):
        pick = torch.randint(0, len(train[1]), (min(64, len(train[1])),), generator=source).to(train[1].device)
        opt.zero_grad(set_to_none=True)
        loss.rows(net({n: x[pick] for n, x in train[0].items()}), train[1][pick]).mean().backward()  # type: ignore[attr-defined]
        opt.step()
        if step % LOOK == 0:
            with torch.no_grad():
                now = loss.rows(net(test[0]), test[1]).double().cpu()  # type: ignore[attr-defined]
            if float(now.mean()) < float(best.mean()):
                best = now
    return best
