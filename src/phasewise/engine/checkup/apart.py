"""Rows for learning by heart: as unlike each other as a small sample offers, classes in turn (B03)."""

import torch
from torch import Tensor

from phasewise.engine.checkup.case import Case

SAMPLE, CELLS = 16, 4_000_000
"""Candidates for each row wanted, and numbers looked at altogether (large pictures: fewer candidates)."""


def apart(case: Case, count: int) -> tuple[dict[str, Tensor], Tensor]:
    """At most `count` rows, farthest first, each time of a class with the fewest rows so far; never two with the same inputs.

    Copies with different targets cannot be learned by any network, and near-copies only by a large one: neither says anything about its code.
    """
    one, _ = case.batch(1)
    size = max(1, sum(x.numel() for x in one.values()))
    inputs, y = case.batch(count * min(SAMPLE, max(2, CELLS // (size * count))))
    flat, codes = _spread(inputs, len(y))
    labels = y.reshape(len(y), -1)[:, 0].long() if case.data.classes else torch.zeros(len(y), dtype=torch.long, device=y.device)
    used = torch.zeros(int(labels.max()) + 1 if len(y) else 1, dtype=torch.long, device=y.device)
    there = torch.bincount(labels, minlength=len(used)) > 0
    nearest = torch.full((len(y),), torch.inf, device=y.device)
    rows: list[int] = []
    while len(rows) < min(count, len(y)):
        free = nearest > 0
        turn = [c for c in torch.argsort(used, stable=True).tolist() if there[c] and bool((free & (labels == c)).any())]
        if not turn:
            break
        row = int(torch.where(free & (labels == turn[0]), nearest, -1.0).argmax())
        rows.append(row)
        used[turn[0]] += 1
        away = (flat - flat[row]).square().mean(dim=1) if flat.shape[1] else torch.zeros(len(y), device=y.device)
        if codes.shape[1]:
            away = away + (codes != codes[row]).float().mean(dim=1)
        nearest = torch.minimum(nearest, away)
    pick = torch.tensor(rows, dtype=torch.long, device=y.device)
    return {n: x[pick] for n, x in inputs.items()}, y[pick]


def _spread(inputs: dict[str, Tensor], rows: int) -> tuple[Tensor, Tensor]:
    """Numbers [rows, d] in standard deviations over the sample, and codes [rows, c]."""
    device = next(iter(inputs.values())).device if inputs else None
    numbers = [x.reshape(rows, -1).float() for x in inputs.values() if x.is_floating_point() or x.dtype == torch.uint8]
    codes = [x.reshape(rows, -1).long() for x in inputs.values() if not (x.is_floating_point() or x.dtype == torch.uint8)]
    flat = torch.cat(numbers, dim=1) if numbers else torch.zeros(rows, 0, device=device)
    if rows > 1 and flat.shape[1]:
        flat = flat / flat.std(dim=0).clamp_min(1e-12)
    return flat, torch.cat(codes, dim=1) if codes else torch.zeros(rows, 0, dtype=torch.long, device=device)
