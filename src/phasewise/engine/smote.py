"""SMOTE rows (D12, D13; Chawla 2002): made between near training rows of one class, after preparation, for each member from its own rows only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from phasewise.engine import streams
from phasewise.engine.data import Dataset
from phasewise.engine.member import Member

NEIGHBOURS = 5
MOST_CANDIDATES = 20_000
"""Neighbours of larger classes are looked for among this many drawn rows of the class."""
BLOCK = 1024


@dataclass(frozen=True, kw_only=True)
class Made:
    """Made rows of one class: numeric float32 [m, d], categories int32 [m, c]; `base`, `mate` (positions within the class) and `gap` say how."""

    num: Tensor
    cat: Tensor | None
    base: np.ndarray
    mate: np.ndarray
    gap: np.ndarray


def extended(members: Sequence[Member], data: Dataset) -> tuple[Dataset, dict[str, Tensor], list[str]]:
    """The data with the made rows of all members behind it, row numbers of each member's own made rows, and what is to be said.

    Every class but the largest is filled up to it. Where SMOTE cannot work (no numbers, pictures, a class of one row) classes are drawn
    evenly instead (over-sampling), which the notes say.
    """
    wanted = [m for m in members if m.config.train.sampling == "smote"]
    notes: list[str] = []
    made: dict[str, Tensor] = {}
    if not wanted or not data.classes:
        return data, made, notes
    if "num" not in data.inputs or set(data.inputs) - {"num", "cat"}:
        return data, made, ["sampling: SMOTE needs numeric columns to go between; classes are drawn evenly instead (over-sampling)"]
    parts: dict[str, list[Tensor]] = {name: [x] for name, x in data.inputs.items()}
    labels, at = [data.y], data.rows
    known: dict[tuple[int, int, int], Tensor] = {}
    for member in wanted:
        key = (member.seed, len(member.train), int(member.train.sum()))
        if key not in known:
            rows, y, said = for_rows(data, member.train, member.seed)
            notes += [n for n in said if n not in notes]
            for name, x in rows.items():
                parts[name].append(x.to(data.device))
            labels.append(y.to(data.device))
            known[key] = torch.arange(at, at + len(y), device=data.device)
            at += len(y)
        made[member.id] = known[key]
    return replace(data, inputs={n: torch.cat(x) for n, x in parts.items()}, y=torch.cat(labels)), made, notes


def for_rows(data: Dataset, train: Tensor, seed: int) -> tuple[dict[str, Tensor], Tensor, list[str]]:
    """Inputs and classes of the rows made for some training rows; a class of one row is copied."""
    source, notes = streams.generator(seed, "sample"), []
    y = data.y[train].cpu()
    counts = torch.bincount(y, minlength=data.classes)
    most = int(counts.max())
    inputs: dict[str, list[Tensor]] = {n: [] for n in data.inputs}
    labels: list[Tensor] = []
    for label in (counts > 0).nonzero().flatten().tolist():
        lacking = most - int(counts[label])
        if not lacking:
            continue
        rows = train[(y == label).to(train.device)]
        num, cat = data.inputs["num"][rows].cpu(), data.inputs["cat"][rows].cpu() if "cat" in data.inputs else None
        if len(rows) < 2:
            notes.append(f"sampling: class {label} has one training row, which SMOTE can only copy")
        found = between(num, cat, lacking, source)
        inputs["num"].append(found.num)
        if found.cat is not None:
            inputs["cat"].append(found.cat)
        labels.append(torch.full((lacking,), label, dtype=torch.int64))
    if not labels:
        return {n: x[:0] for n, x in data.inputs.items()}, data.y[:0], notes
    return {n: torch.cat(x) for n, x in inputs.items()}, torch.cat(labels), notes


def between(num: Tensor, cat: Tensor | None, count: int, source: np.random.Generator, k: int = NEIGHBOURS) -> Made:
    """`count` rows between rows of one class and one of their k nearest of the same class: a + u (b - a), u uniform.

    SMOTE-NC for what is nominal (categories, and numeric columns of at most two values, such as missing-value flags): a made row takes
    the commonest value among the base row's k neighbours (lowest value on a tie); a differing nominal value counts as far as the median
    standard deviation of the numeric columns.
    """
    n = len(num)
    base = source.integers(0, n, count)
    pool = source.choice(n, MOST_CANDIDATES, replace=False) if n > MOST_CANDIDATES else np.arange(n)
    flags = (num == num.amin(0)).logical_or(num == num.amax(0)).all(0)
    nominal = torch.cat([num[:, flags], cat.to(num.dtype)], 1) if cat is not None else num[:, flags]
    smooth = num[:, ~flags]
    penalty = float(smooth.std(0, correction=0).median()) if smooth.shape[1] and n > 1 else 1.0
    bases, inverse = np.unique(base, return_inverse=True)
    near = _nearest(smooth, nominal, penalty, torch.from_numpy(bases), torch.from_numpy(pool), min(k, n - 1))
    pick = source.integers(0, max(1, near.shape[1]), count)
    gap = source.random(count)
    around = near[torch.from_numpy(inverse)]
    mate = around[torch.arange(count), torch.from_numpy(pick)] if near.shape[1] else torch.from_numpy(base)
    a, b = num[torch.from_numpy(base)], num[mate]
    out = a + torch.from_numpy(gap).to(num.dtype)[:, None] * (b - a)
    if near.shape[1]:
        out[:, flags] = _commonest(num[:, flags], around)
    made_cat = None if cat is None else _commonest(cat, around) if near.shape[1] else cat[torch.from_numpy(base)]
    return Made(num=out, cat=made_cat, base=base, mate=mate.numpy(), gap=gap)


def _nearest(smooth: Tensor, nominal: Tensor, penalty: float, rows: Tensor, pool: Tensor, k: int) -> Tensor:
    """Positions int64 [len(rows), k] of the nearest rows of the pool, the row itself left out."""
    out = []
    for part in rows.split(BLOCK):
        far = torch.cdist(smooth[part].double(), smooth[pool].double()).square_()
        for column in range(nominal.shape[1]):
            far += penalty**2 * (nominal[part, column][:, None] != nominal[pool, column][None])
        far[part[:, None] == pool[None]] = float("inf")
        out.append(pool[far.topk(k, largest=False).indices] if k else torch.zeros(len(part), 0, dtype=torch.int64))
    return torch.cat(out)


def _commonest(values: Tensor, around: Tensor) -> Tensor:
    """The commonest of each row's neighbours' values, column by column: [m, columns]; the lowest on a tie."""
    return values[around].mode(1).values if values.shape[1] else values[around[:, 0]]
