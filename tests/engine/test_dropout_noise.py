"""Dropout masks: the asked share falls, and no unit's mask says anything about another's (N stacked networks draw their own bytes)."""

import pytest
import torch
from tests.engine.helpers import members

from phasewise.engine.dense.dropout import DropoutSource, rounded


def masks_of(rows: int, widths: list[int], p: float, steps: int) -> list[torch.Tensor]:
    """Kept units per layer, float [steps, rows, width], of one member."""
    crew = members(1, network={"hidden": widths, "dropout": [p] * len(widths)})
    source = DropoutSource(crew, len(widths), torch.device("cpu"))
    masks = [torch.ones(1, rows, w) for w in widths]
    seen = [[] for _ in widths]
    for _ in range(steps):
        source.fill(masks, [s.float() for s in source.scales()])
        for into, mask in zip(seen, masks, strict=True):
            into.append((mask[0] > 0).float())
    return [torch.stack(s) for s in seen]


@pytest.mark.parametrize("widths", [[32, 32], [24, 10, 16]])
def test_units_fall_at_the_asked_rate_and_no_two_together(widths):
    rows, p, steps = 40, 0.25, 400
    kept = torch.cat([m.flatten(1) for m in masks_of(rows, widths, p, steps)], 1)  # [steps, all units of all rows]
    wanted = 1 - rounded(p)[0] / 256
    assert abs(float(kept.mean()) - wanted) < 5 * (wanted * (1 - wanted) / kept.numel()) ** 0.5 * 2**0.5
    z = (kept - wanted) / (wanted * (1 - wanted)) ** 0.5
    together = z.t() @ z / steps  # correlations of every pair of units over the steps
    together.fill_diagonal_(0)
    assert float(together.abs().max()) < 7.5 / steps**0.5, "two units share their noise"


def test_within_a_row_of_two_layers_three_units_are_independent_too():
    first, second = masks_of(64, [16, 16], 0.5, 600)
    rows = torch.cat([first, second], 2).view(-1, 32) * 2 - 1  # every row of every step is one sample of its 32 units
    triple = torch.einsum("si,sj,sk->ijk", rows, rows, rows) / len(rows)
    distinct = torch.ones(32, 32, 32, dtype=torch.bool)
    at = torch.arange(32)
    distinct[at, at, :] = distinct[at, :, at] = distinct[:, at, at] = False
    assert float(triple[distinct].abs().max()) < 6 / len(rows) ** 0.5
