"""The order of an epoch's rows where they stream: drawn window by window, because all members' orders would take as much memory as the rows."""

from collections.abc import Sequence

import torch
from torch import Tensor

from phasewise.engine import streams


class WindowOrders:
    """Stands for the int32 tensor [members, steps * batch] of an epoch, of which it holds the present window only.

    It answers what populations ask of that tensor: slices of it, one member's row, and the view [steps, members, batch].
    """

    def __init__(self, windows: Sequence[tuple[int, int]], seeds: Sequence[int], batch: int, epoch: int, device: torch.device) -> None:
        self.seeds, self.batch, self.epoch, self.device = list(seeds), batch, epoch, device
        self.sizes = [stop - start for start, stop in windows]
        self.ends = torch.tensor([size // batch * batch for size in self.sizes]).cumsum(0).tolist()
        self._at, self._held = -1, torch.zeros(0)

    @property
    def shape(self) -> tuple[int, int]:
        """Members and row numbers each."""
        return len(self.seeds), self.ends[-1] if self.ends else 0

    def _window(self, i: int) -> Tensor:
        """Row numbers of window i, int32 [members, rows]; every member draws its own."""
        if self._at != i:
            count = self.sizes[i] // self.batch * self.batch
            self._held = torch.stack([streams.permutation(self.sizes[i], seed + 1_000_003 * i, self.epoch, self.device)[:count].to(torch.int32) for seed in self.seeds])
            self._at = i
        return self._held

    def columns(self, start: int, stop: int) -> Tensor:
        """Row numbers start..stop-1 of every member."""
        parts, first = [], 0
        for i, end in enumerate(self.ends):
            if start < end and stop > first:
                parts.append(self._window(i)[:, max(start - first, 0) : min(stop, end) - first])
            first = end
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1) if parts else torch.zeros(len(self.seeds), 0, dtype=torch.int32, device=self.device)

    def __getitem__(self, key: "int | tuple[int | slice, slice]") -> "OneOrder | Tensor":
        if isinstance(key, int):
            return OneOrder(self, key)
        member, columns = key
        start, stop, _ = columns.indices(self.shape[1])
        return self.columns(start, stop)[member]

    def view(self, members: int, steps: int, batch: int) -> "Steps":
        """The same numbers step by step."""
        return Steps(self)


class OneOrder:
    """One member's row numbers, sliced as a tensor is."""

    def __init__(self, orders: WindowOrders, member: int) -> None:
        self.orders, self.member = orders, member

    def __getitem__(self, columns: slice) -> Tensor:
        return self.orders[self.member, columns]  # type: ignore[return-value]


class Steps:
    """The view [steps, members, batch] of all row numbers."""

    def __init__(self, orders: WindowOrders) -> None:
        self.orders = orders

    def transpose(self, a: int, b: int) -> "Steps":
        """Steps come first already."""
        return self

    def contiguous(self) -> "Steps":
        """What a slice gives is."""
        return self

    def __getitem__(self, steps: slice) -> Tensor:
        batch, members = self.orders.batch, len(self.orders.seeds)
        start, stop, _ = steps.indices(self.orders.shape[1] // batch)
        return self.orders.columns(start * batch, stop * batch).reshape(members, -1, batch).transpose(0, 1).contiguous()
